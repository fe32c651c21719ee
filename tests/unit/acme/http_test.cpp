#include "base/http.hpp"

#include <catch2/catch.hpp>

namespace mxseal {

TEST_CASE("addresses that no stranger may send us to are private") {
    for (const char* address : {"127.0.0.1", "10.1.2.3", "172.16.0.1", "172.31.255.255", "192.168.0.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "224.0.0.1",
                                "255.255.255.255", "198.19.0.1", "::", "::1", "fe80::1", "fd00::1", "fc00::1", "ff02::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1",
                                "64:ff9b::7f00:1"}) {
        INFO(address);
        CHECK(is_private_address(address));
    }
    for (const char* address : {"8.8.8.8", "172.32.0.1", "172.15.0.1", "100.128.0.1", "198.20.0.1", "11.0.0.1", "2001:db8::1", "2606:4700::1111", "::ffff:8.8.8.8",
                                "64:ff9b::808:808", "mx1.example.org", ""}) {
        INFO(address);
        CHECK_FALSE(is_private_address(address));
    }
}

TEST_CASE("the first field of a name is the one") {
    HttpResponse response{200, {{"a", "1"}, {"b", "2"}, {"a", "3"}}, "", ""};
    REQUIRE(response.header("a") != nullptr);
    CHECK(*response.header("a") == "1");
    CHECK(response.header("c") == nullptr);
}

} // namespace mxseal
