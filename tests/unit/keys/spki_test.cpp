#include "agent/keys/spki.hpp"

#include "tests/unit/keys/test_ca.hpp"

#include <openssl/core_names.h>
#include <openssl/evp.h>

#include <catch2/catch.hpp>

namespace mxseal::agent::testing {

namespace {

openssl::Certificate certificate_of(evp_pkey_st* key) {
    return sign(key, {{"mx1.example.org"}, "leaf", "", at("2026-01-01T00:00:00Z"), at("2027-01-01T00:00:00Z"), false}, nullptr);
}

} // namespace

TEST_CASE("a key has one name, in its private half and in a leaf") {
    for (auto algorithm : {rotation::Algorithm::ecdsa_p256, rotation::Algorithm::rsa_2048}) {
        auto key = PrivateKey::generate(algorithm).value();
        auto leaf = spki_of_certificate(certificate_of(key.get()).get());
        REQUIRE(leaf);
        CHECK(leaf->hash == key.spki());
        CHECK(leaf->hash.digest == sha256(leaf->der));
        CHECK(leaf->algorithm == algorithm);
    }
}

TEST_CASE("a leaf with an encoding that has two digests is refused") {
    for (auto [parameter, value] : {std::pair{OSSL_PKEY_PARAM_EC_ENCODING, "explicit"}, std::pair{OSSL_PKEY_PARAM_EC_POINT_CONVERSION_FORMAT, "compressed"}}) {
        openssl::Key key(EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", "P-256"));
        EVP_PKEY_set_utf8_string_param(key.get(), parameter, value);
        auto leaf = spki_of_certificate(certificate_of(key.get()).get());
        REQUIRE_FALSE(leaf);
        CHECK(leaf.error().code() == ErrorCode::unsupported);
    }
}

TEST_CASE("digests of nothing and of the wrong length are no key") {
    CHECK_FALSE(checked_spki_hash("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"));
    CHECK_FALSE(checked_spki_hash("E3B0C44298FC1C149AFBF4C8996FB92427AE41E4649B934CA495991B7852B855"));
    CHECK_FALSE(checked_spki_hash(to_hex(sha256(view_of("\n")))));
    CHECK_FALSE(checked_spki_hash(""));
    CHECK_FALSE(checked_spki_hash(to_hex(sha512(view_of("a")))));
    CHECK(checked_spki_hash(to_hex(sha256(view_of("a")))));
}

} // namespace mxseal::agent::testing
