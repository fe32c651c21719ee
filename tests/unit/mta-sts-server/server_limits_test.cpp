// Clients that are slow, many, endless or odd.
#include "served_world.hpp"

#include <optional>

#include <openssl/err.h>
#include <sys/socket.h>

using namespace mxseal;
using namespace mxseal::server;
using namespace mxseal::server::testing;

TEST_CASE("a client that says nothing, half a hello, or half a head is closed when its time is over") {
    Limits limits;
    limits.handshake = limits.header = limits.answer = std::chrono::milliseconds(200);
    World world(limits);
    Wish wish;
    wish.port = world.https;
    char octet;
    const int half = connect_to(wish);
    CHECK(::send(half, "\x16\x03\x01\x02", 4, MSG_NOSIGNAL) == 4);
    CHECK(::recv(half, &octet, 1, 0) == 0);
    ::close(half);

    {
        const OpenClient slow(world.https);
        CHECK(slow.send("GET /"));
        CHECK(slow.receive().empty());
    }
    CHECK(World::soon([&] { return world.reported("timed_out") == 2 && world.reported("connections") == 0; }));
}

TEST_CASE("what is no TLS is closed at once") {
    World world;
    Wish wish;
    wish.port = world.https;
    wish.tls = false;
    for (const std::string& octets : {std::string("GET / HTTP/1.1\r\n\r\n"), std::string(5000, '\xff'), std::string("\x16\x03\x01\xff\xff" "abc", 8), std::string("\x80\x2e\x01\x00\x02", 5)}) {
        wish.request = octets;
        CHECK(fetch(wish).raw.empty());
    }
    CHECK(World::soon([&] { return world.reported("no_tls") == 4 && world.reported("connections") == 0; }));
}

TEST_CASE("an address holds a limited number of connections, and another is served beside it") {
    Limits limits;
    limits.connections_per_address = 3;
    World world(limits);
    Wish wish;
    wish.port = world.https;
    wish.from = "127.0.0.2";
    std::vector<int> held;
    for (int i = 0; i < 3; ++i) {
        held.push_back(connect_to(wish));
        CHECK(::send(held.back(), "\x16", 1, MSG_NOSIGNAL) == 1);
    }
    REQUIRE(World::soon([&] { return world.reported("connections") == 3; }));
    const int further = connect_to(wish);
    CHECK(::send(further, "\x16", 1, MSG_NOSIGNAL) == 1);
    char octet;
    CHECK(::recv(further, &octet, 1, 0) <= 0);
    CHECK(world.ask(get(kName)).status == 200);
    CHECK(World::soon([&] { return world.reported("over_address") == 1; }));
    for (const int socket : held) ::close(socket);
    ::close(further);
    CHECK(World::soon([&] { return world.reported("connections") == 0; }));
    wish.sni = kName;
    wish.request = get(kName);
    CHECK(fetch(wish).status == 200);
}

TEST_CASE("when all places are taken the oldest connection gives way") {
    Limits limits;
    limits.connections = 4; // two for each loop
    World world(limits);
    std::vector<int> held;
    for (int i = 0; i < 12; ++i) {
        Wish wish;
        wish.port = world.https;
        wish.from = "127.0.1." + std::to_string(i + 1);
        held.push_back(connect_to(wish));
        CHECK(::send(held.back(), "\x16", 1, MSG_NOSIGNAL) == 1);
    }
    CHECK(World::soon([&] { return world.reported("accepted") == 12; }));
    for (int i = 0; i < 20; ++i) CHECK(world.ask(get(kName)).status == 200);
    CHECK(world.reported("gave_way") >= 8);
    CHECK(world.reported("connections") <= 4);
    CHECK(world.noted("endpoint.crowded"));
    for (const int socket : held) ::close(socket);
}

TEST_CASE("a client that sends without end is cut, in its head and in records that say nothing") {
    World world;
    for (const bool key_updates : {false, true}) {
        std::optional<OpenClient> client(std::in_place, world.https);
        const std::string much(16'000, 'x');
        bool cut = false;
        for (int i = 0; i < 200'000 && !cut; ++i) {
            if (key_updates)
                cut = SSL_key_update(client->ssl, SSL_KEY_UPDATE_NOT_REQUESTED) != 1 || SSL_do_handshake(client->ssl) != 1;
            else
                cut = !client->send(much);
        }
        CHECK(cut);
        client.reset();
        CHECK(world.ask(get(kName)).status == 200);
    }
    CHECK(World::soon([&] { return world.reported("connections") == 0; }));
}

TEST_CASE("a client that asks for new keys gets its answer under them") {
    World world;
    const OpenClient client(world.https);
    // RFC 8446 section 4.6.3: who is asked for a KeyUpdate sends one.
    REQUIRE(SSL_key_update(client.ssl, SSL_KEY_UPDATE_REQUESTED) == 1);
    REQUIRE(SSL_do_handshake(client.ssl) == 1);
    CHECK(client.send(get(kName)));
    CHECK(client.receive().starts_with("HTTP/1.1 200"));
}

TEST_CASE("a client cannot renegotiate") {
    World world;
    std::optional<OpenClient> client(std::in_place, world.https, [](SSL_CTX* context) { SSL_CTX_set_max_proto_version(context, TLS1_2_VERSION); });
    SSL_renegotiate(client->ssl);
    ERR_clear_error();
    CHECK(SSL_do_handshake(client->ssl) <= 0);
    // It is told so at once (RFC 5246 section 7.2.2), not by a time limit.
    CHECK(ERR_GET_REASON(ERR_peek_error()) == SSL_R_NO_RENEGOTIATION);
    client.reset();
    CHECK(world.ask(get(kName)).status == 200);
}
