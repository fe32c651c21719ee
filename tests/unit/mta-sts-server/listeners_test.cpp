#include "mta-sts-server/listeners.hpp"

#include <catch2/catch.hpp>

using namespace mxseal;
using namespace mxseal::server;

TEST_CASE("an address is numeric, with a port") {
    for (const char* text : {"", "443", ":443", "localhost:443", "127.0.0.1", "127.0.0.1:", "127.0.0.1:99999", "127.0.0.1:4x", "::1:443", "[::1]", "[]:443"}) {
        INFO(text);
        auto listener = listen_on(text, Door::https);
        REQUIRE_FALSE(listener.ok());
        CHECK(listener.error().code() == ErrorCode::invalid);
    }
}

TEST_CASE("a port that is taken is said") {
    auto first = listen_on("127.0.0.1:0", Door::https);
    REQUIRE(first.ok());
    auto second = listen_on(first->address, Door::https);
    REQUIRE_FALSE(second.ok());
    CHECK(second.error().message().find("another program listens there") != std::string::npos);
}

TEST_CASE("the status address is on loopback") {
    for (const char* text : {"0.0.0.0:0", "[::]:0", "192.0.2.1:9"}) {
        auto listener = listen_on(text, Door::status);
        REQUIRE_FALSE(listener.ok());
        CHECK(listener.error().code() == ErrorCode::refused);
    }
    CHECK(listen_on("127.0.0.1:0", Door::status).ok());
    CHECK(listen_on("[::1]:0", Door::status).ok());
}

TEST_CASE("a wrong number of inherited sockets is refused") {
    CHECK_FALSE(take_over_listeners(-1, "").ok());
    CHECK_FALSE(take_over_listeners(65, "").ok());
    CHECK(take_over_listeners(0, "")->empty());
}
