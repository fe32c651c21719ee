// The endpoint beside a CA: which protocol a handshake asks for, and what proves a name.
#include "mta-sts-server/challenges.hpp"

#include "served_world.hpp"

using namespace mxseal;
using namespace mxseal::server;
using namespace mxseal::server::testing;

namespace {

const std::string kAcme("\x0a" "acme-tls/1", 11), kHttp("\x08" "http/1.1", 9), kH2("\x02" "h2", 3);

} // namespace

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
