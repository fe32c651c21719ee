#include "mta-sts-server/answers.hpp"

#include <catch2/catch.hpp>

using namespace mxseal;
using namespace mxseal::server;

namespace {

HeadReading asks(const std::string& text) {
    std::size_t looked_at = 0;
    return read_head(text, looked_at, Limits{});
}
HeadReading gets(const std::string& host, const std::string& target = std::string(kPolicyPath)) { return asks("GET " + target + " HTTP/1.1\r\nHost: " + host + "\r\n\r\n"); }

int status_of(const HeadReading& reading) { return answer_tls(reading, "mta-sts.a.example", "the policy", 7).status; }

} // namespace

TEST_CASE("only the policy's path under the name of the handshake is answered") {
    CHECK(status_of(gets("mta-sts.a.example")) == 200);
    CHECK(status_of(gets("mta-sts.b.example")) == 421);
    CHECK(status_of(gets("not a name")) == 421);
    CHECK(status_of(asks("GET /.well-known/mta-sts.txt HTTP/1.0\r\n\r\n")) == 421);
    CHECK(status_of(gets("mta-sts.a.example", "/")) == 404);
    CHECK(status_of(gets("mta-sts.a.example", "/.well-known/acme-challenge/x")) == 404);
    CHECK(status_of(gets("mta-sts.a.example", "*")) == 404);
    CHECK(status_of(gets("x", "https://mta-sts.a.example/.well-known/mta-sts.txt")) == 200);
    CHECK(status_of(gets("mta-sts.a.example", "https://mta-sts.b.example/.well-known/mta-sts.txt")) == 421);
    CHECK(status_of(gets("mta-sts.a.example", "https://mta-sts.a.example")) == 404);
}

TEST_CASE("an answer is written with its fields, and closes") {
    std::string out;
    write_answer(out, answer_tls(gets("mta-sts.a.example"), "mta-sts.a.example", "the policy", 7), "Sun, 22 Nov 2026 10:22:10 GMT");
    CHECK(out ==
          "HTTP/1.1 200 OK\r\nDate: Sun, 22 Nov 2026 10:22:10 GMT\r\nContent-Type: text/plain; charset=utf-8\r\nCache-Control: max-age=60\r\n"
          "MTA-STS-Generation: 7\r\nContent-Length: 10\r\nConnection: close\r\n\r\nthe policy");
    out.clear();
    write_answer(out, answer_tls(gets("mta-sts.a.example", "/"), "mta-sts.a.example", "the policy", 7), "now");
    CHECK(out == "HTTP/1.1 404 Not Found\r\nDate: now\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
}

TEST_CASE("dates are those of HTTP") {
    CHECK(http_date(parse_rfc3339("2026-11-22T10:22:10Z").value()) == "Sun, 22 Nov 2026 10:22:10 GMT");
    CHECK(parse_http_date(http_date(parse_rfc3339("2028-02-29T23:59:59Z").value())).value() == parse_rfc3339("2028-02-29T23:59:59Z").value());
}
