#include "agent/keys/key_bundle.hpp"

#include "tests/unit/keys/test_ca.hpp"

#include <catch2/catch.hpp>

namespace mxseal::agent::testing {

namespace {

struct World {
    TestCa ca{at("2026-01-01T00:00:00Z"), at("2027-01-01T00:00:00Z")};
    PrivateKey ec = PrivateKey::generate(rotation::Algorithm::ecdsa_p256).value();
    PrivateKey rsa = PrivateKey::generate(rotation::Algorithm::rsa_2048).value();

    std::string leaf(const PrivateKey& key) const {
        return ca.issue(key.get(), {{"mx1.example.org"}, "leaf", "", at("2026-01-01T00:00:00Z"), at("2027-01-01T00:00:00Z"), false});
    }
    std::string text(const PrivateKey& key) const { return to_text(key.to_pem().reveal()); }
};

std::string refusal(const std::string& content) {
    auto pairs = split_bundle(Secret(std::string_view(content)));
    return pairs ? "accepted" : pairs.error().message();
}

} // namespace

TEST_CASE("keys find their chains, whichever comes first") {
    World world;
    std::string ec = world.leaf(world.ec), rsa = world.leaf(world.rsa), root = world.ca.root_pem();
    for (const std::string& content :
         {world.text(world.ec) + ec + root + world.text(world.rsa) + rsa + root, ec + root + world.text(world.ec) + rsa + root + world.text(world.rsa),
          world.text(world.ec) + world.text(world.rsa) + ec + root + rsa + root, "words\n" + world.text(world.ec) + ec + root + "words\n" + rsa + root + world.text(world.rsa)}) {
        auto pairs = split_bundle(Secret(std::string_view(content)));
        REQUIRE(pairs);
        REQUIRE(pairs->size() == 2);
        CHECK((*pairs)[0].key.spki() == world.ec.spki());
        CHECK((*pairs)[0].chain_pem == ec + root);
        CHECK((*pairs)[1].key.spki() == world.rsa.spki());
        CHECK((*pairs)[1].chain_pem == rsa + root);
    }
}

TEST_CASE("what is joined is key, leaf, issuers for each, and splits again") {
    World world;
    std::string content = world.text(world.ec) + world.leaf(world.ec) + world.ca.root_pem() + world.text(world.rsa) + world.leaf(world.rsa);
    auto pairs = split_bundle(Secret(std::string_view(content)));
    REQUIRE(pairs);
    CHECK(join_bundle(*pairs).equals(view_of(content)));
}

TEST_CASE("a file in which something belongs to nothing is refused, without a word of its keys") {
    World world;
    std::string root = world.ca.root_pem();
    CHECK(refusal(world.leaf(world.ec)) == "no private key in the file");
    CHECK(refusal(world.text(world.ec)).starts_with("no certificate in the PEM text"));
    CHECK(refusal(world.text(world.ec) + world.leaf(world.rsa)) == "the first certificate of the file belongs to none of its private keys");
    CHECK(refusal(world.text(world.ec) + root + world.leaf(world.ec)) == "the first certificate of the file belongs to none of its private keys");
    CHECK(refusal(world.text(world.ec) + world.text(world.rsa) + world.leaf(world.ec)) ==
          "the private key " + world.rsa.spki().hex() + " (RSA 2048) has no certificate in the file");
    CHECK(refusal(world.text(world.ec) + world.leaf(world.ec) + world.leaf(world.ec)) == "two certificates of the key " + world.ec.spki().hex() + " in one file");
    CHECK(refusal(std::string(300'000, 'x')) == "the file has 300000 octets, more than 262144");
}

TEST_CASE("a block that does not end, and a key that does not parse, are refused") {
    World world;
    std::string key = world.text(world.ec);
    CHECK(refusal(key.substr(0, key.size() - 10) + world.leaf(world.ec)) != "accepted");
    CHECK(refusal("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n" + world.leaf(world.ec)) != "accepted");
    CHECK(refusal("-----BEGIN ") == "no private key in the file");
}

} // namespace mxseal::agent::testing
