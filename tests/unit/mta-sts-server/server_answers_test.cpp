// What the endpoint answers to a sender, and to requests that are none.
#include "served_world.hpp"

using namespace mxseal;
using namespace mxseal::server;
using namespace mxseal::server::testing;

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
    const OpenClient client(world.https, [](SSL_CTX* context) { SSL_CTX_set1_groups_list(context, "P-521:P-256"); });
    CHECK(SSL_get_negotiated_group(client.ssl) == NID_X9_62_prime256v1);
    CHECK(client.send(get(kName)));
    CHECK(client.receive().starts_with("HTTP/1.1 200"));
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
