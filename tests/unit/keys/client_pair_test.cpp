#include "agent/keys/client_pair.hpp"

#include "tests/unit/keys/certified_key.hpp"

#include <openssl/x509.h>

#include <catch2/catch.hpp>

namespace mxseal::agent::testing {

namespace {

struct World : CertifiedKey {
    std::string why(const std::string& chain_pem) const { return why(chain_pem, key.to_pem()); }
    std::string why(const std::string& chain_pem, Secret key_pem) const {
        auto pair = check_client_pair(std::optional<Secret>(std::move(key_pem)), chain_pem, kNow);
        return pair ? "taken" : pair.error().to_string();
    }
};

bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

} // namespace

TEST_CASE("a whole pair is taken with its names, and nothing but its certificates") {
    World world;
    const std::string chain = world.chain();
    auto pair = check_client_pair(std::optional<Secret>(world.key.to_pem()), "a comment\n" + chain, kNow);
    REQUIRE(pair);
    CHECK(pair->spki == world.key.spki());
    CHECK(pair->key->spki() == world.key.spki());
    CHECK(pair->names == std::vector<std::string>{"mx1.example.org"});
    CHECK(pair->chain_pem == chain);
    CHECK(pair->leaf_sha256.size() == 64);
}

TEST_CASE("a chain alone is taken where no key is given") {
    World world;
    auto pair = check_client_pair(std::nullopt, world.chain(), kNow);
    REQUIRE(pair);
    CHECK_FALSE(pair->key);
    CHECK(pair->spki == world.key.spki());
}

TEST_CASE("files cut off at any octet are refused, or give the same pair where only the last line feed is missing") {
    World world;
    const std::string chain = world.chain();
    for (std::size_t size = 0; size + 1 < chain.size(); size += 7) {
        const auto why = world.why(chain.substr(0, size));
        INFO(size << ": " << why);
        // Between two certificates there is a leaf without its issuer.
        CHECK(why != "taken");
    }
    CHECK(world.why(chain.substr(0, chain.size() - 1)) == "taken");
    const Secret key = world.key.to_pem();
    const std::string pem(reinterpret_cast<const char*>(key.reveal().data()), key.reveal().size());
    for (std::size_t size = 0; size + 1 < pem.size(); size += 3) CHECK(world.why(chain, Secret(std::string_view(pem).substr(0, size))) != "taken");
}

TEST_CASE("a key of another certificate is refused with both names") {
    World world;
    const auto other = PrivateKey::generate(rotation::Algorithm::ecdsa_p256).value();
    const auto why = world.why(world.chain(), other.to_pem());
    CHECK(has(why, other.spki().short_hex()));
    CHECK(has(why, world.key.spki().short_hex()));
}

TEST_CASE("an expired certificate, one of tomorrow and an expired issuer are refused") {
    World world;
    CHECK(has(world.why(world.leaf({"mx1.example.org"}, kFrom, kNow - std::chrono::seconds(1)) + world.ca.root_pem()), "certificate 1 of the chain (/CN=leaf) has expired"));
    CHECK(has(world.why(world.leaf({"mx1.example.org"}, kNow + std::chrono::hours(1), kTo) + world.ca.root_pem()), "is not valid yet"));
    const TestCa old(kFrom - std::chrono::hours(48), kNow - std::chrono::hours(1));
    CHECK(has(world.why(old.issue(world.key.get(), {{"mx1.example.org"}, "leaf", "", kFrom, kTo, false}) + old.root_pem()), "certificate 2 of the chain (/CN=root) has expired"));
}

TEST_CASE("a leaf without its issuer, another issuer, and a wrong order are refused as incomplete") {
    World world;
    CHECK(has(world.why(world.leaf()), "the leaf's issuer is not in the file"));
    CHECK(has(world.why(world.leaf() + TestCa(kFrom, kTo).root_pem()), "do not sign one another"));
    CHECK(has(world.why(world.leaf() + world.leaf()), "is not one of a CA"));
    CHECK(world.why(world.ca.root_pem() + world.leaf()) != "taken");
    // A root over itself is its own issuer: RFC 7671 section 5.1, DANE-EE asks for no more.
    CHECK(world.why(openssl::pem_of(sign(world.key.get(), {{"mx1.example.org"}, "leaf", "", kFrom, kTo, false}, nullptr).get())) == "taken");
}

TEST_CASE("a short key is refused") {
    World world;
    EVP_PKEY* made = EVP_PKEY_Q_keygen(nullptr, nullptr, "RSA", std::size_t{1024});
    openssl::Key weak(made);
    const auto chain = world.ca.issue(weak.get(), {{"mx1.example.org"}, "leaf", "", kFrom, kTo, false}) + world.ca.root_pem();
    auto pair = check_client_pair(std::nullopt, chain, kNow);
    REQUIRE_FALSE(pair);
    CHECK(has(pair.error().to_string(), "too short"));
}

TEST_CASE("a wildcard stands for one label, and names in a certificate do no harm when printed") {
    World world;
    auto pair = check_client_pair(std::nullopt, world.chain({"*.example.org", "x\x1b[2J.example"}), kNow);
    REQUIRE(pair);
    CHECK(names_host(*pair, dns::Name::parse("mx1.example.org").value(), kNow));
    CHECK_FALSE(names_host(*pair, dns::Name::parse("a.mx1.example.org").value(), kNow));
    CHECK_FALSE(names_host(*pair, dns::Name::parse("example.org").value(), kNow));
    REQUIRE(pair->names.size() == 2);
    CHECK(pair->names[1] == "x\\x1b[2J.example");
}

} // namespace mxseal::agent::testing
