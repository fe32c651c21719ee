#include "mta-sts-server/request_head.hpp"

#include <catch2/catch.hpp>

using namespace mxseal::server;
using Kind = HeadReading::Kind;

namespace {

const Limits kLimits;

HeadReading read(std::string_view text) {
    std::size_t looked_at = 0;
    return read_head(text, looked_at, kLimits);
}

} // namespace

TEST_CASE("a head is read when it is whole, however it came") {
    const std::string text = "GET /x HTTP/1.1\r\nHost: a.example\r\nAccept: */*\r\n\r\n";
    std::size_t looked_at = 0;
    for (std::size_t i = 0; i < text.size(); ++i) CHECK(read_head(text.substr(0, i), looked_at, kLimits).kind == Kind::incomplete);
    const auto reading = read_head(text, looked_at, kLimits);
    REQUIRE(reading.kind == Kind::complete);
    CHECK(reading.head.method == "GET");
    CHECK(reading.head.target == "/x");
    CHECK(reading.head.host == "a.example");
    CHECK_FALSE(reading.head.has_body);
}

TEST_CASE("what a head may not be is malformed") {
    for (const char* text : {
             "GET /x HTTP/1.1\r\n\r\n",                                      // no Host (RFC 9112 section 3.2)
             "GET /x HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
             "GET  /x HTTP/1.1\r\nHost: a\r\n\r\n",
             "GET /x HTTP/2.0\r\nHost: a\r\n\r\n",
             "GET /x\r\n\r\n",
             "GET /x HTTP/1.1\r\nHost : a\r\n\r\n",                          // RFC 9112 section 5.1: no space before the colon
             "GET /x HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
             "GET /x HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n",
             "GET /x\x01 HTTP/1.1\r\nHost: a\r\n\r\n",
             "GET /x HTTP/1.1\r\nHost: a\r\n X: folded over\x01\r\n\r\n",
             "GET /x HTTP/1.1\nHost: a\n\n",                                 // RFC 9112 section 2.2: a lone LF ends no line here
             "GET /x HTTP/1.1\nHost: a",                                     // and is not waited behind
             "GET /x HTTP/1.1\r\nHost: a\nX: b\r\n\r\n",
             "GET /x HTTP/1.1\r\nHost: a\r\n\n",
             "GET /x HTTP/1.1\rHost: a\r\n\r\n",
             "GET /x HTTP/1.1\r\nHost: a\r\nX\r\n\r\n",
             "GET /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n", // section 6.3
             "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",                          // RFC 9113 section 3.4
             "\x16\x03\x01\r\n\r\n",
             "\r\n\r\n\r\n\r\n",
         }) {
        INFO(text);
        CHECK(read(text).kind == Kind::malformed);
    }
}

TEST_CASE("a folded field is one with blanks in it, which no host name has") {
    const auto folded = read("GET /x HTTP/1.1\r\nHost: a.example\r\n b.example\r\nX: y\r\n\tz\r\n\r\n");
    // RFC 9112 section 5.2: a fold is refused or read as a blank.
    REQUIRE(folded.kind == Kind::complete);
    CHECK(folded.head.host == "a.example b.example");
    const auto zero = read(std::string("GET /x HTTP/1.1\r\nHost: a") + '\0' + "b\r\n\r\n");
    CHECK(zero.kind == Kind::malformed);
}

TEST_CASE("HTTP/1.0 comes without Host, and a body is announced in either way") {
    const auto old = read("GET /x HTTP/1.0\r\n\r\n");
    REQUIRE(old.kind == Kind::complete);
    CHECK_FALSE(old.head.host.has_value());
    CHECK(read("POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello").head.has_body);
    CHECK(read("POST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n").head.has_body);
    const auto none = read("GET /x HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n");
    REQUIRE(none.kind == Kind::complete);
    CHECK_FALSE(none.head.has_body);
}

TEST_CASE("the limits hold with and without an end in sight") {
    const std::string line(kLimits.request_line_bytes, 'a');
    CHECK(read("GET /" + line + " HTTP/1.1\r\nHost: a\r\n\r\n").kind == Kind::line_too_long);
    CHECK(read("GET /" + line).kind == Kind::line_too_long);
    const std::string field = "X: " + std::string(kLimits.head_bytes, 'a');
    CHECK(read("GET / HTTP/1.1\r\nHost: a\r\n" + field + "\r\n\r\n").kind == Kind::head_too_long);
    CHECK(read("GET / HTTP/1.1\r\nHost: a\r\n" + field).kind == Kind::head_too_long);
    const std::string start = "GET / HTTP/1.1\r\nHost: a\r\nX: ";
    const std::string fits = start + std::string(kLimits.head_bytes - start.size() - 4, 'a') + "\r\n\r\n";
    REQUIRE(fits.size() == kLimits.head_bytes);
    CHECK(read(fits).kind == Kind::complete);
}
