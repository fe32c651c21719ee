#include "mta-sts-server/served_name.hpp"

#include <catch2/catch.hpp>

using namespace mxseal;
using namespace mxseal::server;

TEST_CASE("names are folded to lower case without the final dot; what is no host name is nothing") {
    CHECK(served_name("MTA-STS.Example.ORG.") == "mta-sts.example.org");
    CHECK(served_name("_x.example") == "_x.example");
    for (const char* text : {"", ".", "..", ".a", "a..b", "a b", "a/b", "192.0.2.1", "[::1]", "::1", "a\\b", "\xc3\xa4.example", "*.example", "a%2eb"}) {
        INFO(text);
        CHECK_FALSE(served_name(text).has_value());
    }
    CHECK(served_name(std::string(63, 'a') + ".example").has_value());
    CHECK_FALSE(served_name(std::string(64, 'a') + ".example").has_value());
    CHECK_FALSE(served_name(std::string_view("a\0b", 3)).has_value());
    std::string longest;
    while (longest.size() < 250) longest += "a.";
    CHECK(served_name(longest + "abc").has_value());
    CHECK_FALSE(served_name(longest + "abcd").has_value());
}

TEST_CASE("an authority may have a port") {
    CHECK(name_of_authority("a.example:443") == "a.example");
    CHECK(name_of_authority("a.example:") == "a.example");
    CHECK(name_of_authority("A.example.:8443") == "a.example");
    for (const char* text : {":443", "a.example:x", "a.example:123456", "a.example:443:443", "user@a.example", "[::1]:443", ""}) {
        INFO(text);
        CHECK_FALSE(name_of_authority(text).has_value());
    }
}

TEST_CASE("tls-alpn-01 is asked for by its protocol alone") {
    const auto offers = [](std::string_view list) { return offers_only_acme(view_of(list)); };
    CHECK(offers(std::string_view("\x00\x0b\x0a" "acme-tls/1", 13)));
    CHECK_FALSE(offers(std::string_view("\x00\x14\x0a" "acme-tls/1" "\x08" "http/1.1", 22)));
    CHECK_FALSE(offers(std::string_view("\x00\x09\x08" "http/1.1", 11)));
    CHECK_FALSE(offers(std::string_view("\x00\x0b\x0a" "acme-tls/", 12)));
    CHECK_FALSE(offers(""));
}
