#include "mta-sts-server/address_table.hpp"

#include <arpa/inet.h>
#include <catch2/catch.hpp>
#include <netinet/in.h>
#include <sys/socket.h>

using namespace mxseal::server;

namespace {

AddressKey key_of(const char* text) {
    sockaddr_storage address{};
    auto& v4 = reinterpret_cast<sockaddr_in&>(address);
    auto& v6 = reinterpret_cast<sockaddr_in6&>(address);
    if (::inet_pton(AF_INET, text, &v4.sin_addr) == 1)
        address.ss_family = AF_INET;
    else {
        REQUIRE(::inet_pton(AF_INET6, text, &v6.sin6_addr) == 1);
        address.ss_family = AF_INET6;
    }
    return address_key(address);
}

} // namespace

TEST_CASE("an IPv4 address counts alone, an IPv6 address with its /64") {
    CHECK(key_of("192.0.2.1") != key_of("192.0.2.2"));
    CHECK(key_of("192.0.2.1") == key_of("::ffff:192.0.2.1"));
    CHECK(key_of("2001:db8::1") == key_of("2001:db8::ffff:1"));
    CHECK(key_of("2001:db8::1") != key_of("2001:db8:0:1::1"));
}

TEST_CASE("an address enters as often as the limit says, and again once it has left") {
    AddressTable table(2);
    const auto address = key_of("192.0.2.1");
    CHECK(table.enter(address) == 1);
    CHECK(table.enter(address) == 2);
    CHECK(table.enter(address) == 0);
    CHECK(table.enter(key_of("192.0.2.2")) == 1);
    table.leave(address);
    CHECK(table.enter(address) == 2);
    table.leave(address);
    table.leave(address);
    table.leave(key_of("192.0.2.2"));
    CHECK(table.size() == 0);
}
