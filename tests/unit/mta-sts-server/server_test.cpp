// The endpoint on loopback, asked as a sender would and as a sender never would.
#include "mta-sts-server/challenges.hpp"
#include "mta-sts-server/server.hpp"

#include "test_sites.hpp"
#include "tls_client.hpp"

#include <atomic>
#include <fstream>
#include <mutex>
#include <thread>

#include <catch2/catch.hpp>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/socket.h>
#include <unistd.h>

using namespace mxseal;
using namespace mxseal::server;
using namespace mxseal::server::testing;

namespace {

const std::string kName = "mta-sts.example.org", kOther = "mta-sts.example.net";
const std::string kAcme("\x0a" "acme-tls/1", 11), kHttp("\x08" "http/1.1", 9), kH2("\x02" "h2", 3);

std::uint16_t port_of(const std::string& address) { return static_cast<std::uint16_t>(std::stoi(address.substr(address.rfind(':') + 1))); }

struct World {
    explicit World(Limits limits = {}, const std::string& address = "127.0.0.1:0") : mine(sites.make(kName, policy_of("example.org"))), other(sites.make(kOther, policy_of("example.net"))) {
        write_snapshot(folder / "snapshot", 7, {&mine, &other});
        std::vector<Listener> listeners;
        for (const auto& [text, door] : {std::pair(address, Door::https), std::pair(std::string("127.0.0.1:0"), Door::http), std::pair(std::string("127.0.0.1:0"), Door::status)}) {
            auto listener = listen_on(text, door);
            REQUIRE(listener.ok());
            listeners.push_back(std::move(listener).value());
        }
        auto started = Server::start({std::move(listeners), limits, 2, clock, [this](const Event& event) { note(event); }}, Snapshot::open(folder / "snapshot").value());
        REQUIRE(started.ok());
        server = std::move(started).value();
        https = port_of(server->addresses()[0]);
        http = port_of(server->addresses()[1]);
        status = port_of(server->addresses()[2]);
    }
    Fetched ask(const std::string& request, const std::string& sni = kName) const {
        Wish wish;
        wish.port = https;
        wish.sni = sni;
        wish.request = request;
        wish.ca_pem = sites.ca_pem();
        return fetch(wish);
    }
    Fetched ask_plain(std::uint16_t port, const std::string& request) const {
        Wish wish;
        wish.port = port;
        wish.tls = false;
        wish.request = request;
        return fetch(wish);
    }
    void note(const Event& event) {
        const std::lock_guard lock(mutex);
        events.push_back(event.event);
    }
    bool noted(const std::string& event) {
        const std::lock_guard lock(mutex);
        return std::find(events.begin(), events.end(), event) != events.end();
    }
    std::int64_t reported(const std::string& what) const { return server->report()[what].as_integer().value(); }
    // The loops take new things at their next round; bounded.
    template <class Holds>
    static bool soon(Holds holds) {
        for (int i = 0; i < 2000; ++i) {
            if (holds()) return true;
            ::usleep(1000);
        }
        return false;
    }

    TestSites sites;
    TestFolder folder;
    Site mine, other;
    SystemClock clock;
    std::mutex mutex;
    std::vector<std::string> events;
    std::uint16_t https = 0, http = 0, status = 0;
    std::unique_ptr<Server> server; // last: it goes first
};

} // namespace

TEST_CASE("a policy is served over TLS 1.3 with the certificate of its name, and the end is said") {
    World world;
    const auto answer = world.ask(get(kName));
    CHECK(answer.trusted);
    CHECK(answer.protocol == "TLSv1.3");
    CHECK(answer.status == 200);
    CHECK(answer.body == policy_of("example.org"));
    CHECK(answer.headers.at("content-type") == "text/plain; charset=utf-8");
    CHECK(answer.headers.at("content-length") == std::to_string(answer.body.size()));
    CHECK(answer.headers.at("connection") == "close");
    CHECK(answer.headers.at("mta-sts-generation") == "7");
    CHECK(answer.headers.contains("date"));
    CHECK_FALSE(answer.headers.contains("server"));
    CHECK(answer.close_notify);
    CHECK(world.ask(get(kOther), kOther).body == policy_of("example.net"));
    CHECK(World::soon([&] { return world.reported("answered") == 2; }));
}

TEST_CASE("TLS 1.2 is spoken, TLS 1.1 is not") {
    World world;
    Wish wish;
    wish.port = world.https;
    wish.sni = kName;
    wish.request = get(kName);
    wish.version_max = TLS1_2_VERSION;
    auto answer = fetch(wish);
    CHECK(answer.protocol == "TLSv1.2");
    CHECK(answer.status == 200);
    wish.version_max = TLS1_1_VERSION;
    CHECK_FALSE(fetch(wish).handshake);
}

TEST_CASE("a name that is not served ends in the alert unrecognized_name, never in somebody's certificate") {
    World world;
    for (const std::string& sni : std::initializer_list<std::string>{"mta-sts.example.com", "example.org", "", "127.0.0.1", "mta-sts.example.org.evil.example"}) {
        const auto answer = world.ask(get(kName), sni);
        INFO(sni);
        CHECK_FALSE(answer.handshake);
        CHECK(answer.alert == SSL_AD_UNRECOGNIZED_NAME);
    }
    CHECK(World::soon([&] { return world.reported("unknown_names") == 5; }));
}

TEST_CASE("Host and SNI agree, or the request is misdirected") {
    World world;
    CHECK(world.ask(get(kOther)).status == 421);
    CHECK(world.ask(get("MTA-STS.Example.ORG.:443")).status == 200);
    CHECK(world.ask("GET https://" + kName + "/.well-known/mta-sts.txt HTTP/1.1\r\nHost: " + kOther + "\r\n\r\n").status == 200);
    CHECK(world.ask("GET /.well-known/mta-sts.txt HTTP/1.1\r\n\r\n").status == 400);
}

TEST_CASE("HEAD has the fields and no body; other methods, paths and bodies are refused") {
    World world;
    const auto head = world.ask("HEAD /.well-known/mta-sts.txt HTTP/1.1\r\nHost: " + kName + "\r\n\r\n");
    CHECK(head.status == 200);
    CHECK(head.body.empty());
    CHECK(head.headers.at("content-length") == std::to_string(policy_of("example.org").size()));
    CHECK(world.ask(get(kName, "/")).status == 404);
    CHECK(world.ask(get(kName, "/.well-known/mta-sts.txt?x=1")).status == 404);
    CHECK(world.ask(get(kName, "/.well-known/../.well-known/mta-sts.txt")).status == 404);
    const auto post = world.ask("POST /.well-known/mta-sts.txt HTTP/1.1\r\nHost: " + kName + "\r\nContent-Length: 5\r\n\r\nhello");
    CHECK(post.status == 405);
    CHECK(post.headers.at("allow") == "GET, HEAD");
    CHECK(world.ask("POST /tlsrpt HTTP/1.1\r\nHost: " + kName + "\r\nContent-Length: 5\r\n\r\nhello").status == 404);
    CHECK(world.ask(get(kName, "/.well-known/mta-sts.txt", "Content-Length: 5\r\n") + "hello").status == 400);
}

TEST_CASE("no range, no condition and no encoding changes the answer") {
    World world;
    const auto answer = world.ask(get(kName, "/.well-known/mta-sts.txt", "Range: bytes=0-3\r\nIf-None-Match: *\r\nIf-Modified-Since: Sun, 22 Nov 2026 10:00:00 GMT\r\nAccept-Encoding: gzip, br\r\n"));
    CHECK(answer.status == 200);
    CHECK(answer.body == policy_of("example.org"));
    CHECK_FALSE(answer.headers.contains("content-encoding"));
}

TEST_CASE("a client that waits to be told to continue is answered, and one whose group is not ours is asked for another") {
    World world;
    CHECK(world.ask(get(kName, "/.well-known/mta-sts.txt", "Expect: 100-continue\r\n")).status == 200);
    // RFC 8446 section 4.1.4: a key share of P-521 is answered by a HelloRetryRequest for P-256.
    SSL_CTX* context = SSL_CTX_new(TLS_client_method());
    SSL_CTX_set1_groups_list(context, "P-521:P-256");
    SSL* client = SSL_new(context);
    SSL_set_tlsext_host_name(client, kName.c_str());
    Wish wish;
    wish.port = world.https;
    const int socket = connect_to(wish);
    SSL_set_fd(client, socket);
    REQUIRE(SSL_connect(client) == 1);
    CHECK(SSL_get_negotiated_group(client) == NID_X9_62_prime256v1);
    const auto request = get(kName);
    SSL_write(client, request.data(), static_cast<int>(request.size()));
    char block[64];
    CHECK(SSL_read(client, block, sizeof block) > 12);
    CHECK(std::string_view(block, 12) == "HTTP/1.1 200");
    SSL_free(client);
    SSL_CTX_free(context);
    ::close(socket);
}

TEST_CASE("a second request on a connection gets no answer") {
    World world;
    const auto answer = world.ask(get(kName) + get(kName));
    CHECK(answer.raw.find("HTTP/1.1", 8) == std::string::npos);
}

TEST_CASE("a head that is too long or no HTTP is refused with the connection closed") {
    World world;
    CHECK(world.ask(get(kName, "/" + std::string(3000, 'a'))).status == 414);
    CHECK(world.ask(get(kName, "/.well-known/mta-sts.txt", "X: " + std::string(9000, 'a') + "\r\n")).status == 431);
    CHECK(world.ask("GARBAGE\r\n\r\n").status == 400);
    CHECK(world.ask(get(kName)).status == 200);
}

TEST_CASE("a handshake asks for no HTTP version, http/1.1 or it fails") {
    World world;
    Wish wish;
    wish.port = world.https;
    wish.sni = kName;
    wish.request = get(kName);
    wish.alpn = kH2 + kHttp;
    const auto answer = fetch(wish);
    CHECK(answer.alpn == "http/1.1");
    CHECK(answer.status == 200);
    wish.alpn = kH2;
    CHECK(fetch(wish).alert == SSL_AD_NO_APPLICATION_PROTOCOL);
}

TEST_CASE("tls-alpn-01 is answered for who offers it alone, while others go on to get the policy") {
    World world;
    auto challenges = std::make_shared<Challenges>();
    challenges->tls_alpn.emplace(kName, make_tls_alpn(kName, "token.thumbprint").value());
    challenges->tls_alpn.emplace("mta-sts.new.example", make_tls_alpn("mta-sts.new.example", "token2.thumbprint").value());
    world.server->publish(std::shared_ptr<const Challenges>(challenges));
    Wish wish;
    wish.port = world.https;
    wish.alpn = kAcme;
    for (const std::string& name : {kName, std::string("mta-sts.new.example")}) {
        wish.sni = name;
        CHECK(World::soon([&] { return fetch(wish).alpn == "acme-tls/1"; }));
        CHECK(fetch(wish).raw.empty());
    }
    wish.sni = kOther;
    CHECK(fetch(wish).alert == SSL_AD_UNRECOGNIZED_NAME);
    wish.sni = kName;
    wish.alpn = kAcme + kHttp;
    wish.request = get(kName);
    wish.ca_pem = world.sites.ca_pem();
    const auto both = fetch(wish);
    CHECK(both.alpn == "http/1.1");
    CHECK(both.trusted);
    CHECK(both.status == 200);
    CHECK_FALSE(world.ask(get("mta-sts.new.example"), "mta-sts.new.example").handshake);
}

TEST_CASE("http-01 is answered on the plain port, and nothing else is") {
    World world;
    auto challenges = std::make_shared<Challenges>();
    challenges->http[kName]["tok_en-1"] = "tok_en-1.thumbprint";
    world.server->publish(std::shared_ptr<const Challenges>(challenges));
    const auto asked = get(kName, "/.well-known/acme-challenge/tok_en-1");
    REQUIRE(World::soon([&] { return world.ask_plain(world.http, asked).status == 200; }));
    CHECK(world.ask_plain(world.http, asked).body == "tok_en-1.thumbprint");
    CHECK(world.ask_plain(world.http, get(kOther, "/.well-known/acme-challenge/tok_en-1")).status == 404);
    CHECK(world.ask_plain(world.http, get(kName, "/.well-known/acme-challenge/tok_en-2")).status == 404);
    CHECK(world.ask_plain(world.http, get(kName, "/.well-known/acme-challenge/../x")).status == 404);
    CHECK(world.ask_plain(world.http, get(kName)).status == 404);
}

TEST_CASE("the operator's address says which generation is served") {
    World world;
    const auto answer = world.ask_plain(world.status, get("localhost", "/status"));
    CHECK(answer.status == 200);
    auto report = Json::parse(answer.body);
    REQUIRE(report.ok());
    CHECK((*report)["generation"].as_integer() == 7);
    CHECK((*report)["sites"].as_integer() == 2);
    CHECK((*report)["digest"].as_string()->size() == 64);
    CHECK(world.ask_plain(world.status, get("localhost", "/")).status == 404);
}

TEST_CASE("a new snapshot is taken while connections stay open, and an older one never") {
    World world;
    Wish wish;
    wish.port = world.https;
    SSL_CTX* context = SSL_CTX_new(TLS_client_method());
    SSL* before = SSL_new(context);
    SSL_set_tlsext_host_name(before, kName.c_str());
    const int socket = connect_to(wish);
    SSL_set_fd(before, socket);
    REQUIRE(SSL_connect(before) == 1);

    auto changed = world.sites.make(kName, "version: STSv1\r\nmode: none\r\nmax_age: 86400\r\n");
    write_snapshot(world.folder / "snapshot", 8, {&changed});
    REQUIRE(world.server->publish(Snapshot::open(world.folder / "snapshot").value()).ok());
    REQUIRE(World::soon([&] { return world.server->generation() == 8; }));
    const auto newer = world.ask(get(kName));
    CHECK(newer.body == changed.policy);
    CHECK(newer.headers.at("mta-sts-generation") == "8");
    CHECK(world.ask(get(kOther), kOther).alert == SSL_AD_UNRECOGNIZED_NAME);

    const auto request = get(kName);
    CHECK(SSL_write(before, request.data(), static_cast<int>(request.size())) > 0);
    char block[4096];
    const int count = SSL_read(before, block, sizeof block);
    REQUIRE(count > 0);
    // The body and the generation are of one snapshot, that of the handshake (C-28).
    const auto older = parse_answer(std::string(block, static_cast<std::size_t>(count)));
    CHECK(older.body == policy_of("example.org"));
    CHECK(older.headers.at("mta-sts-generation") == "7");
    SSL_free(before);
    SSL_CTX_free(context);
    ::close(socket);

    write_snapshot(world.folder / "old", 7, {&world.mine});
    const auto refused = world.server->publish(Snapshot::open(world.folder / "old").value());
    REQUIRE_FALSE(refused.ok());
    CHECK(refused.error().code() == ErrorCode::refused);
    CHECK(world.ask(get(kName)).body == changed.policy);
}

TEST_CASE("a record that was changed after the snapshot was opened gets an alert and a line in the log") {
    World world;
    std::fstream file(world.folder / "snapshot", std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(40);
    file.put('\x7f');
    file.seekp(600);
    file.put('\x7f');
    file.close();
    const auto first = world.ask(get(kName)), second = world.ask(get(kOther), kOther);
    CHECK((first.alert == SSL_AD_INTERNAL_ERROR || second.alert == SSL_AD_INTERNAL_ERROR));
    CHECK(World::soon([&] { return world.noted("site.failed"); }));
}

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

    SSL_CTX* context = SSL_CTX_new(TLS_client_method());
    SSL* slow = SSL_new(context);
    SSL_set_tlsext_host_name(slow, kName.c_str());
    const int socket = connect_to(wish);
    SSL_set_fd(slow, socket);
    REQUIRE(SSL_connect(slow) == 1);
    CHECK(SSL_write(slow, "GET /", 5) == 5);
    CHECK(SSL_read(slow, &octet, 1) <= 0);
    SSL_free(slow);
    SSL_CTX_free(context);
    ::close(socket);
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

TEST_CASE("draining finishes what has begun and takes nothing new") {
    World world;
    Wish wish;
    wish.port = world.https;
    SSL_CTX* context = SSL_CTX_new(TLS_client_method());
    SSL* open = SSL_new(context);
    SSL_set_tlsext_host_name(open, kName.c_str());
    const int socket = connect_to(wish);
    SSL_set_fd(open, socket);
    REQUIRE(SSL_connect(open) == 1);
    std::atomic<bool> drained{false};
    std::size_t cut = 1;
    std::thread drainer([&] {
        cut = world.server->drain(std::chrono::seconds(20));
        drained = true;
    });
    CHECK(World::soon([&] {
        const int newcomer = connect_to(wish);
        if (newcomer >= 0) ::close(newcomer);
        return newcomer < 0;
    }));
    CHECK_FALSE(drained);
    const auto request = get(kName);
    SSL_write(open, request.data(), static_cast<int>(request.size()));
    char block[4096];
    CHECK(SSL_read(open, block, sizeof block) > 0);
    SSL_free(open);
    SSL_CTX_free(context);
    ::close(socket);
    drainer.join();
    CHECK(cut == 0);
}

TEST_CASE("a connection that does not end is cut when the grace is over") {
    World world;
    Wish wish;
    wish.port = world.https;
    const int socket = connect_to(wish);
    CHECK(::send(socket, "\x16", 1, MSG_NOSIGNAL) == 1);
    REQUIRE(World::soon([&] { return world.reported("connections") == 1; }));
    CHECK(world.server->drain(std::chrono::milliseconds(50)) == 1);
    ::close(socket);
}

TEST_CASE("IPv6 and IPv4 come in by one listener of [::]") {
    World world({}, "[::]:0");
    Wish wish;
    wish.port = world.https;
    wish.sni = kName;
    wish.request = get(kName);
    CHECK(fetch(wish).status == 200);
    wish.address = "::1";
    CHECK(fetch(wish).status == 200);
}

TEST_CASE("a client that sends without end is cut, in its head and in records that say nothing") {
    World world;
    Wish wish;
    wish.port = world.https;
    for (const bool key_updates : {false, true}) {
        SSL_CTX* context = SSL_CTX_new(TLS_client_method());
        SSL* client = SSL_new(context);
        SSL_set_tlsext_host_name(client, kName.c_str());
        const int socket = connect_to(wish);
        SSL_set_fd(client, socket);
        REQUIRE(SSL_connect(client) == 1);
        const std::string much(16'000, 'x');
        bool cut = false;
        for (int i = 0; i < 200'000 && !cut; ++i) {
            if (key_updates)
                cut = SSL_key_update(client, SSL_KEY_UPDATE_NOT_REQUESTED) != 1 || SSL_do_handshake(client) != 1;
            else
                cut = SSL_write(client, much.data(), static_cast<int>(much.size())) <= 0;
        }
        CHECK(cut);
        SSL_free(client);
        SSL_CTX_free(context);
        ::close(socket);
        CHECK(world.ask(get(kName)).status == 200);
    }
    CHECK(World::soon([&] { return world.reported("connections") == 0; }));
}

TEST_CASE("a client that asks for new keys gets its answer under them") {
    World world;
    Wish wish;
    wish.port = world.https;
    SSL_CTX* context = SSL_CTX_new(TLS_client_method());
    SSL* client = SSL_new(context);
    SSL_set_tlsext_host_name(client, kName.c_str());
    const int socket = connect_to(wish);
    SSL_set_fd(client, socket);
    REQUIRE(SSL_connect(client) == 1);
    // RFC 8446 section 4.6.3: who is asked for a KeyUpdate sends one.
    REQUIRE(SSL_key_update(client, SSL_KEY_UPDATE_REQUESTED) == 1);
    REQUIRE(SSL_do_handshake(client) == 1);
    const auto request = get(kName);
    CHECK(SSL_write(client, request.data(), static_cast<int>(request.size())) > 0);
    char block[64];
    CHECK(SSL_read(client, block, sizeof block) > 12);
    CHECK(std::string_view(block, 12) == "HTTP/1.1 200");
    SSL_free(client);
    SSL_CTX_free(context);
    ::close(socket);
}

TEST_CASE("a client cannot renegotiate") {
    World world;
    Wish wish;
    wish.port = world.https;
    SSL_CTX* context = SSL_CTX_new(TLS_client_method());
    SSL_CTX_set_max_proto_version(context, TLS1_2_VERSION);
    SSL* client = SSL_new(context);
    SSL_set_tlsext_host_name(client, kName.c_str());
    const int socket = connect_to(wish);
    SSL_set_fd(client, socket);
    REQUIRE(SSL_connect(client) == 1);
    SSL_renegotiate(client);
    ERR_clear_error();
    CHECK(SSL_do_handshake(client) <= 0);
    // It is told so at once (RFC 5246 section 7.2.2), not by a time limit.
    CHECK(ERR_GET_REASON(ERR_peek_error()) == SSL_R_NO_RENEGOTIATION);
    SSL_free(client);
    SSL_CTX_free(context);
    ::close(socket);
    CHECK(world.ask(get(kName)).status == 200);
}
