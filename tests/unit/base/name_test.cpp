#include "base/dns/name.hpp"

#include <catch2/catch.hpp>

using mxseal::dns::Name;

TEST_CASE("names are folded to lower case and lose their final dot") {
    CHECK(Name::parse("MX1.Example.ORG.")->text() == "mx1.example.org");
    CHECK(Name::parse("_25._tcp.mx1.example.org")->with_dot() == "_25._tcp.mx1.example.org.");
    CHECK(Name::parse(".")->is_root());
}

TEST_CASE("what is no domain name is refused with the reason") {
    for (const std::string& text : {std::string(""), std::string("a..b"), std::string(".a"), std::string("a b.org"), std::string("m\xc3\xbc.org"), std::string(64, 'a'), std::string(254, 'a')}) {
        INFO(text);
        CHECK_FALSE(Name::parse(text).ok());
    }
    CHECK(Name::parse("m\xc3\xbc.org").error().message().find("A-labels") != std::string::npos);
}

TEST_CASE("a name is within its zone by whole labels only") {
    const auto zone = *Name::parse("example.org");
    CHECK(Name::parse("mx.example.org")->is_within(zone));
    CHECK(zone.is_within(zone));
    CHECK_FALSE(Name::parse("badexample.org")->is_within(zone));
    CHECK(Name::parse("mx.example.org")->parent() == zone);
}
