#include "agent/keys/key_vault.hpp"

#include "agent/store/memory_store.hpp"
#include "tests/temporary_folder.hpp"
#include "tests/unit/keys/test_ca.hpp"

#include <map>

#include <catch2/catch.hpp>

namespace mxseal::agent::testing {

namespace {

Sealer new_sealer() { return Sealer::load_or_create(TemporaryFolder() / "seal").value(); }

struct World {
    std::unique_ptr<Store> opened = make_memory_store(std::make_shared<MemoryDatabase>());
    Store& store = *opened;
    Sealer sealer = new_sealer();
    KeyVault vault{store, sealer};
    TestCa ca{at("2026-01-01T00:00:00Z"), at("2027-01-01T00:00:00Z")};
    PrivateKey key = PrivateKey::generate(rotation::Algorithm::ecdsa_p256).value();
    PrivateKey other = PrivateKey::generate(rotation::Algorithm::ecdsa_p256).value();

    // The same text each time that it is asked for; a new signature would differ.
    const std::string& chain(const PrivateKey& of) {
        std::string& pem = chains[of.spki()];
        if (pem.empty()) pem = ca.issue(of.get(), {{"mx1.example.org"}, "leaf", "", at("2026-01-01T00:00:00Z"), at("2027-01-01T00:00:00Z"), false}) + ca.root_pem();
        return pem;
    }
    std::map<rotation::SpkiHash, std::string> chains;
};

std::string text(const Secret& secret) { return to_text(secret.reveal()); }

} // namespace

TEST_CASE("a key comes out of the vault as it went in, and stands sealed in the store") {
    World world;
    REQUIRE(world.vault.put(world.key, "mx1.example.org"));
    auto back = world.vault.get(world.key.spki());
    REQUIRE(back);
    CHECK(back->spki() == world.key.spki());
    auto stored = world.store.get_key(world.key.spki().hex()).value();
    REQUIRE(stored);
    CHECK(to_text(*stored).find("PRIVATE KEY") == std::string::npos);
    CHECK(world.vault.get(world.other.spki()).error().code() == ErrorCode::not_found);
}

TEST_CASE("a sealed key that was moved to another name does not open") {
    World world;
    REQUIRE(world.vault.put(world.key, "mx1.example.org"));
    auto sealed = world.store.get_key(world.key.spki().hex()).value().value();
    REQUIRE(world.store.put_key(world.other.spki().hex(), "mx1.example.org", "ecdsa-p256", sealed));
    CHECK(world.vault.get(world.other.spki()).error().code() == ErrorCode::invalid);
}

TEST_CASE("another sealing key opens nothing") {
    World world;
    REQUIRE(world.vault.put(world.key, "mx1.example.org"));
    Sealer stranger = new_sealer();
    CHECK(KeyVault(world.store, stranger).get(world.key.spki()).error().code() == ErrorCode::invalid);
}

TEST_CASE("a chain is kept only under the key of its leaf") {
    World world;
    REQUIRE(world.vault.put(world.key, "mx1.example.org"));
    CHECK_FALSE(world.vault.put_chain(world.key.spki(), world.chain(world.other)));
    CHECK_FALSE(world.vault.put_chain(world.key.spki(), world.chain(world.key) + text(world.key.to_pem())));
    CHECK_FALSE(world.vault.get_chain(world.key.spki()).value());
    REQUIRE(world.vault.put_chain(world.key.spki(), world.chain(world.key)));
    CHECK(world.vault.get_chain(world.key.spki()).value() == world.chain(world.key));
}

TEST_CASE("a bundle has the keys in the order asked, each before its chain") {
    World world;
    for (const PrivateKey* key : {&world.key, &world.other}) {
        REQUIRE(world.vault.put(*key, "mx1.example.org"));
        REQUIRE(world.vault.put_chain(key->spki(), world.chain(*key)));
    }
    auto bundle = world.vault.bundle({world.other.spki(), world.key.spki()});
    REQUIRE(bundle);
    std::string expected = text(world.other.to_pem()) + world.chain(world.other) + text(world.key.to_pem()) + world.chain(world.key);
    CHECK(bundle->equals(view_of(expected)));
}

TEST_CASE("no bundle without every key and its chain, nor with a chain of another key") {
    World world;
    REQUIRE(world.vault.put(world.key, "mx1.example.org"));
    CHECK(world.vault.bundle({world.key.spki()}).error().message() == "the key " + world.key.spki().hex() + " has no certificate yet");
    CHECK_FALSE(world.vault.bundle({world.other.spki()}));
    REQUIRE(world.store.put_chain(world.key.spki().hex(), world.chain(world.other)));
    CHECK(world.vault.bundle({world.key.spki()}).error().code() == ErrorCode::invalid);
}

TEST_CASE("an adopted file is stored pair by pair and told with its facts") {
    World world;
    auto rsa = PrivateKey::generate(rotation::Algorithm::rsa_2048).value();
    std::string content = world.chain(world.key) + text(world.key.to_pem()) + text(rsa.to_pem()) + world.chain(rsa);
    auto host = dns::Name::parse("mx1.example.org").value();
    auto imported = world.vault.import_bundle(Secret(std::string_view(content)), host, at("2026-11-22T12:00:00Z"));
    REQUIRE(imported);
    REQUIRE(imported->size() == 2);
    CHECK((*imported)[0].key == world.key.spki());
    CHECK((*imported)[1].algorithm == rotation::Algorithm::rsa_2048);
    CHECK((*imported)[1].chain.names_host);
    CHECK((*imported)[1].chain.links);
    auto bundle = world.vault.bundle({world.key.spki(), rsa.spki()});
    REQUIRE(bundle);
    std::string expected = text(world.key.to_pem()) + world.chain(world.key) + text(rsa.to_pem()) + world.chain(rsa);
    CHECK(bundle->equals(view_of(expected)));
}

TEST_CASE("a file that cannot be adopted as a whole leaves nothing in the store") {
    World world;
    std::string content = text(world.key.to_pem()) + world.chain(world.key) + text(world.other.to_pem());
    auto host = dns::Name::parse("mx1.example.org").value();
    CHECK_FALSE(world.vault.import_bundle(Secret(std::string_view(content)), host, at("2026-11-22T12:00:00Z")));
    CHECK_FALSE(world.store.get_key(world.key.spki().hex()).value());
}

} // namespace mxseal::agent::testing
