#include "agent/acme/jws.hpp"

#include <openssl/ecdsa.h>
#include <openssl/evp.h>

#include <memory>

#include <catch2/catch.hpp>

namespace mxseal::agent {

namespace {

// The P-256 key of RFC 7517 appendix A.2, as PKCS#8.
constexpr std::string_view kKnownKey =
    "-----BEGIN PRIVATE KEY-----\n"
    "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg870MB6gfuTJ4HtUn\n"
    "UvYMyJpr5eUZNP4Bk43bVdj3eAGhRANCAAQwoEJM0hwpRIOKLXXJKzfnbqINnwCJ\n"
    "OjtO7oo8Cq/sPuBLZekkVtmIi1Kzeb371R7oae8fD8ZbZllpW2zOCBcj\n"
    "-----END PRIVATE KEY-----\n";

Json decoded(const Json& jws, const char* part) { return Json::parse(to_text(from_base64url(jws[part].as_string().value()).value())).value(); }

// The DER form of r | s, which OpenSSL verifies.
Bytes to_der(ByteView raw) {
    std::unique_ptr<ECDSA_SIG, void (*)(ECDSA_SIG*)> signature(ECDSA_SIG_new(), ECDSA_SIG_free);
    ECDSA_SIG_set0(signature.get(), BN_bin2bn(raw.data(), 32, nullptr), BN_bin2bn(raw.data() + 32, 32, nullptr));
    unsigned char* der = nullptr;
    int size = i2d_ECDSA_SIG(signature.get(), &der);
    Bytes out(der, der + size);
    OPENSSL_free(der);
    return out;
}

bool verifies(const PrivateKey& key, ByteView text, ByteView raw_signature) {
    Bytes der = to_der(raw_signature);
    std::unique_ptr<EVP_MD_CTX, void (*)(EVP_MD_CTX*)> context(EVP_MD_CTX_new(), EVP_MD_CTX_free);
    return EVP_DigestVerifyInit(context.get(), nullptr, EVP_sha256(), nullptr, key.get()) == 1 &&
           EVP_DigestVerify(context.get(), der.data(), der.size(), text.data(), text.size()) == 1;
}

} // namespace

TEST_CASE("the thumbprint of a known key is the known one") {
    auto key = AccountKey::from_pem(view_of(kKnownKey));
    REQUIRE(key);
    CHECK(key->jwk()["x"].as_string() == "MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4");
    CHECK(key->jwk()["y"].as_string() == "4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM");
    CHECK(key->thumbprint() == "cn-I_WNMClehiVp51i_0VpOENW1upEerA8sEam5hn-s");
}

TEST_CASE("a signature verifies over the protected header and the payload, and over nothing else") {
    auto pair = PrivateKey::generate(rotation::Algorithm::ecdsa_p256).value();
    auto key = AccountKey::from_pem(pair.to_pem().reveal()).value();
    for (int i = 0; i < 64; ++i) { // short r or s come once in 128
        auto jws = Json::parse(make_jws(key, {"https://ca.example/order", "abc", "https://ca.example/account/1"}, "{}").value()).value();
        auto signature = from_base64url(jws["signature"].as_string().value()).value();
        REQUIRE(signature.size() == 64);
        std::string text = *jws["protected"].as_string() + "." + *jws["payload"].as_string();
        CHECK(verifies(pair, view_of(text), signature));
        CHECK_FALSE(verifies(pair, view_of(text + "A"), signature));
    }
}

TEST_CASE("a header has the URL, the nonce, and either the account or the key") {
    auto key = AccountKey::generate().value();
    auto known = decoded(Json::parse(make_jws(key, {"https://ca.example/order", "abc", "https://ca.example/account/1"}, "{}").value()).value(), "protected");
    CHECK(known["alg"].as_string() == "ES256");
    CHECK(known["url"].as_string() == "https://ca.example/order");
    CHECK(known["nonce"].as_string() == "abc");
    CHECK(known["kid"].as_string() == "https://ca.example/account/1");
    CHECK(known["jwk"].is_null());
    auto fresh = decoded(Json::parse(make_jws(key, {"https://ca.example/account", "abc", ""}, "{}").value()).value(), "protected");
    CHECK(fresh["kid"].is_null());
    CHECK(fresh["jwk"]["kty"].as_string() == "EC");
    CHECK(fresh["jwk"]["d"].is_null());
}

TEST_CASE("POST-as-GET has an empty payload") {
    auto key = AccountKey::generate().value();
    auto jws = Json::parse(make_jws(key, {"https://ca.example/order/1", "abc", "https://ca.example/account/1"}, "").value()).value();
    CHECK(jws["payload"].as_string() == "");
}

TEST_CASE("an RSA key is no account key") {
    auto key = PrivateKey::generate(rotation::Algorithm::rsa_2048).value();
    auto refused = AccountKey::from_pem(key.to_pem().reveal());
    REQUIRE_FALSE(refused);
    CHECK(refused.error().message() == "an ACME account key must be ECDSA P-256, this one is RSA 2048");
}

} // namespace mxseal::agent
