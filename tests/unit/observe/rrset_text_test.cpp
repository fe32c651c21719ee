#include "agent/observe/rrset_text.hpp"

#include "base/dns/txt.hpp"
#include "rotation/mta_sts/record.hpp"

#include <catch2/catch.hpp>

#include <random>

using namespace mxseal;
using namespace mxseal::agent;
using dns::Type;

namespace {

Bytes mx(std::uint16_t preference, const std::string& labels) {
    Bytes rdata;
    for (const int octet : {preference >> 8, preference & 0xff}) rdata.push_back(static_cast<std::uint8_t>(octet));
    for (const char octet : labels) rdata.push_back(static_cast<std::uint8_t>(octet));
    return rdata;
}

} // namespace

TEST_CASE("a TXT value is its strings joined, and the policy core reads its own records in it as they are") {
    CHECK(value_text(Type::txt, Bytes{3, 'a', 'b', 'c', 2, ' ', 'd'}).value() == "abc d");
    CHECK(value_text(Type::txt, Bytes{0}).value().empty());
    const std::string record = rotation::mta_sts::record_of("20261122135400a1b2c3d4");
    const Bytes rdata = value_rdata(Type::txt, record).value();
    CHECK(rdata == dns::txt_rdata(record));
    CHECK(rotation::mta_sts::id_of(value_text(Type::txt, rdata).value()) == "20261122135400a1b2c3d4");
}

TEST_CASE("octets outside printable ASCII and the backslash are escaped, quotes and semicolons are not") {
    const Bytes rdata = dns::txt_rdata(std::string("\"q;\\ \x00\x7f\xff\n", 9));
    const std::string text = value_text(Type::txt, rdata).value();
    CHECK(text == "\"q;\\\\ \\000\\127\\255\\010");
    CHECK(value_rdata(Type::txt, text).value() == rdata);
    CHECK(value_rdata(Type::txt, "\\092\\;").value() == dns::txt_rdata("\\;"));
    for (const char* wrong : {"\\", "\\1", "\\12", "\\256", "a\\9x9"}) CHECK(value_rdata(Type::txt, wrong).error().code() == ErrorCode::invalid);
}

TEST_CASE("any text goes to rdata and back, split after each 255 octets") {
    std::mt19937 random(7);
    for (const std::size_t size : {std::size_t{1}, std::size_t{255}, std::size_t{256}, std::size_t{511}, std::size_t{65279}}) {
        std::string octets;
        for (std::size_t i = 0; i < size; ++i) octets += static_cast<char>(random() & 0xff);
        const Bytes rdata = dns::txt_rdata(octets);
        CHECK(rdata.size() == size + (size + 254) / 255);
        CHECK(value_rdata(Type::txt, value_text(Type::txt, rdata).value()).value() == rdata);
    }
    CHECK(value_rdata(Type::txt, std::string(65535, 'a')).error().code() == ErrorCode::invalid);
}

TEST_CASE("an MX value is a preference and a host in lower case, and a dot for the null MX") {
    CHECK(value_text(Type::mx, mx(10, std::string("\3mx1\7example\3org\0", 17))).value() == "10 mx1.example.org");
    CHECK(value_text(Type::mx, mx(0, std::string("\0", 1))).value() == "0 .");
    for (const char* text : {"10 mx1.example.org", "0 .", "65535 a"}) CHECK(value_text(Type::mx, value_rdata(Type::mx, text).value()).value() == text);
    CHECK(value_rdata(Type::mx, "10 MX1.Example.org.").value() == mx(10, std::string("\3mx1\7example\3org\0", 17)));
    for (const char* wrong : {"", "10", "10 ", "mx1.example.org", "65536 a", "-1 a", "10  a", "10 a b", "10 a..b"})
        CHECK(value_rdata(Type::mx, wrong).error().code() == ErrorCode::invalid);
}

TEST_CASE("rdata that is no value of the type is an error, and so is a type without a text form") {
    CHECK(value_text(Type::txt, Bytes{}).error().code() == ErrorCode::protocol);
    CHECK(value_text(Type::txt, Bytes{5, 'a'}).error().code() == ErrorCode::protocol);
    CHECK(value_text(Type::mx, Bytes{0, 10, 3, 'm'}).error().code() == ErrorCode::protocol);
    CHECK(value_text(Type::mx, mx(10, std::string("\3a*b\0", 5))).error().code() == ErrorCode::protocol);
    CHECK(value_text(Type::tlsa, Bytes{3, 1, 1}).error().code() == ErrorCode::unsupported);
    CHECK(value_rdata(Type::cname, "a").error().code() == ErrorCode::unsupported);
}

TEST_CASE("the values of an RRset come sorted and each once, however they were split") {
    const auto texts = values_text(Type::txt, {dns::txt_rdata("b"), Bytes{1, 'a', 1, 'b'}, dns::txt_rdata("ab")}).value();
    CHECK(texts == rotation::mta_sts::Values{"ab", "b"});
    CHECK(values_rdata(Type::txt, texts).value() == std::vector<Bytes>{dns::txt_rdata("ab"), dns::txt_rdata("b")});
    CHECK_FALSE(values_text(Type::txt, {dns::txt_rdata("b"), Bytes{}}));
    CHECK_FALSE(values_rdata(Type::mx, {"10 a", "b"}));
}
