#include "agent/keys/private_key.hpp"

#include "agent/keys/openssl.hpp"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include <catch2/catch.hpp>

namespace mxseal::agent {

namespace {

std::string pem_of(evp_pkey_st* key, const EVP_CIPHER* cipher = nullptr) {
    openssl::Bio bio(BIO_new(BIO_s_mem()));
    unsigned char password[] = "secret";
    PEM_write_bio_PKCS8PrivateKey(bio.get(), key, cipher, cipher == nullptr ? nullptr : reinterpret_cast<char*>(password), cipher == nullptr ? 0 : 6, nullptr, nullptr);
    return openssl::text_of(bio.get());
}

openssl::Key ec_key(const char* parameter = nullptr, const char* value = nullptr, const char* curve = "P-256") {
    openssl::Key key(EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", curve));
    if (parameter != nullptr) REQUIRE(EVP_PKEY_set_utf8_string_param(key.get(), parameter, value) == 1);
    return key;
}

openssl::Key pss_key() {
    EVP_PKEY_CTX* context = EVP_PKEY_CTX_new_from_name(nullptr, "RSA-PSS", nullptr);
    EVP_PKEY* key = nullptr;
    EVP_PKEY_keygen_init(context);
    EVP_PKEY_keygen(context, &key);
    EVP_PKEY_CTX_free(context);
    return openssl::Key(key);
}

std::string refusal(const std::string& pem) {
    auto key = PrivateKey::from_pem(view_of(pem));
    return key ? "accepted as " + key->description() : key.error().message();
}

// Made with: openssl ecparam -name prime256v1 -genkey; openssl pkey -pubout -outform DER | sha256sum
constexpr std::string_view kKnown =
    "-----BEGIN EC PARAMETERS-----\n"
    "BggqhkjOPQMBBw==\n"
    "-----END EC PARAMETERS-----\n"
    "-----BEGIN EC PRIVATE KEY-----\n"
    "MHcCAQEEIOFMGGH2mOJKk5haQPjfGc9gwNFc37adyEZHxm5xGoXHoAoGCCqGSM49\n"
    "AwEHoUQDQgAEx1V4S3oy7y64cMuXY2WrkzAPYEgYcQUBEgJOlluDXL7ZPm9U+7BQ\n"
    "wt9DMmamuaJjkKBgDIhti5HoVzbyOZU/kQ==\n"
    "-----END EC PRIVATE KEY-----\n";
constexpr std::string_view kKnownDigest = "b88bcd3befc782d59d89a788d820c6d16b9ac54038a96d7899961888d8362541";

} // namespace

TEST_CASE("a key comes back from its PEM text as it was") {
    for (auto algorithm : {rotation::Algorithm::ecdsa_p256, rotation::Algorithm::rsa_2048}) {
        auto key = PrivateKey::generate(algorithm).value();
        CHECK(key.algorithm() == algorithm);
        auto back = PrivateKey::from_pem(key.to_pem().reveal());
        REQUIRE(back);
        CHECK(back->spki() == key.spki());
        CHECK(back->to_pem().equals(key.to_pem().reveal()));
    }
}

TEST_CASE("a key's name is what openssl says it is, in the older form and among other blocks") {
    auto key = PrivateKey::from_pem(view_of(kKnown));
    REQUIRE(key);
    CHECK(key->spki().hex() == kKnownDigest);
    CHECK(key->description() == "ECDSA P-256");
}

TEST_CASE("keys of other sizes count by their family") {
    auto p384 = PrivateKey::from_pem(view_of(pem_of(ec_key(nullptr, nullptr, "P-384").get())));
    REQUIRE(p384);
    CHECK(p384->algorithm() == rotation::Algorithm::ecdsa_p256);
    CHECK(p384->description() == "ECDSA P-384");
    openssl::Key rsa(EVP_PKEY_Q_keygen(nullptr, nullptr, "RSA", std::size_t{3072}));
    auto rsa3072 = PrivateKey::from_pem(view_of(pem_of(rsa.get())));
    REQUIRE(rsa3072);
    CHECK(rsa3072->description() == "RSA 3072");
}

TEST_CASE("encodings with a second digest for the same key are refused") {
    CHECK(refusal(pem_of(ec_key(OSSL_PKEY_PARAM_EC_ENCODING, "explicit").get())).find("has explicit EC parameters") != std::string::npos);
    CHECK(refusal(pem_of(ec_key(OSSL_PKEY_PARAM_EC_POINT_CONVERSION_FORMAT, "compressed").get())).find("has a compressed EC point") != std::string::npos);
    CHECK(refusal(pem_of(pss_key().get())).find("is an RSASSA-PSS key") != std::string::npos);
    openssl::Key ed25519(EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519"));
    CHECK(refusal(pem_of(ed25519.get())).find("is neither RSA nor EC") != std::string::npos);
}

TEST_CASE("RSA keys that no CA signs are refused") {
    openssl::Key rsa(EVP_PKEY_Q_keygen(nullptr, nullptr, "RSA", std::size_t{1024}));
    CHECK(refusal(pem_of(rsa.get())) == "the RSA key has 1024 bits, fewer than the 2048 that CAs and senders accept; make a new key");
}

TEST_CASE("an encrypted key is refused and nobody is asked for a password") {
    CHECK(refusal(pem_of(ec_key().get(), EVP_aes_256_cbc())).starts_with("no unencrypted private key in the PEM text"));
    CHECK(refusal("").starts_with("no unencrypted private key in the PEM text"));
}

} // namespace mxseal::agent
