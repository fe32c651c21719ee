#include "base/dns/query.hpp"

#include <catch2/catch.hpp>

using namespace mxseal;
using namespace mxseal::dns;

TEST_CASE("an endpoint is an address, and a port where it is not the standard one") {
    CHECK(Endpoint::parse("192.0.2.53").value() == Endpoint{"192.0.2.53", 53});
    CHECK(Endpoint::parse("192.0.2.53", 853).value() == Endpoint{"192.0.2.53", 853});
    CHECK(Endpoint::parse("192.0.2.53@5353").value() == Endpoint{"192.0.2.53", 5353});
    CHECK(Endpoint::parse("2001:DB8:0::53@5353").value() == Endpoint{"2001:db8::53", 5353});
    CHECK(Endpoint{"2001:db8::53", 53}.to_string() == "2001:db8::53");
    CHECK(Endpoint{"192.0.2.53", 5353}.to_string() == "192.0.2.53@5353");
    CHECK(Endpoint{"192.0.2.53", 25}.to_string(25) == "192.0.2.53");
}

TEST_CASE("what is no endpoint is refused") {
    for (const char* text : {"", "mx1.example.org", "192.0.2", "192.0.2.53@", "192.0.2.53@0", "192.0.2.53@65536", "192.0.2.53@53x", "@53",
                             "192.0.2.53:53", "[2001:db8::1]", "192.0.2.53 ", "2001:db8::1%eth0"})
        CHECK(Endpoint::parse(text).error().code() == ErrorCode::invalid);
    CHECK_FALSE(Endpoint::parse(std::string_view("192.0.2.53\0x", 12)).ok());
}

TEST_CASE("types and response codes have the names of the registries") {
    CHECK(to_string(Type::tlsa) == "TLSA");
    CHECK(to_string(Type::caa) == "CAA");
    CHECK(to_string(static_cast<Type>(65280)) == "TYPE65280");
    CHECK(rcode_text(0) == "NOERROR");
    CHECK(rcode_text(2) == "SERVFAIL");
    CHECK(rcode_text(10) == "NOTZONE");
    CHECK(rcode_text(16) == "BADVERS");
    CHECK(rcode_text(17) == "RCODE17");
}

TEST_CASE("a message sums itself up") {
    Message message;
    message.authoritative = true;
    message.answer.resize(2);
    CHECK(message.summary() == "NOERROR aa, 2 answers");
    CHECK(Message{}.summary() == "NOERROR, 0 answers");
}
