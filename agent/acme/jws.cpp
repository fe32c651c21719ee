#include "agent/acme/jws.hpp"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>

#include <array>
#include <memory>

#include <fmt/format.h>

namespace mxseal::agent {

namespace {

constexpr int kCoordinateBytes = 32; // RFC 7518 section 6.2.1.2 for P-256

struct FreeAll {
    void operator()(BIGNUM* number) const { BN_free(number); }
    void operator()(ECDSA_SIG* signature) const { ECDSA_SIG_free(signature); }
    void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
};
using Number = std::unique_ptr<BIGNUM, FreeAll>;
using Signature = std::unique_ptr<ECDSA_SIG, FreeAll>;
using Digest = std::unique_ptr<EVP_MD_CTX, FreeAll>;

Error cannot_sign() { return Error(ErrorCode::internal, "OpenSSL cannot sign with the account key"); }

std::optional<std::string> coordinate(evp_pkey_st* key, const char* parameter) {
    BIGNUM* made = nullptr;
    EVP_PKEY_get_bn_param(key, parameter, &made);
    Number number(made);
    std::array<std::uint8_t, kCoordinateBytes> octets{};
    if (!number || BN_bn2binpad(number.get(), octets.data(), kCoordinateBytes) != kCoordinateBytes) return std::nullopt;
    return to_base64url(octets);
}

Result<Bytes> der_signature(evp_pkey_st* key, ByteView text) {
    Digest context(EVP_MD_CTX_new());
    std::size_t size = 0;
    if (EVP_DigestSignInit(context.get(), nullptr, EVP_sha256(), nullptr, key) != 1) return cannot_sign();
    if (EVP_DigestSign(context.get(), nullptr, &size, text.data(), text.size()) != 1) return cannot_sign();
    Bytes der(size);
    if (EVP_DigestSign(context.get(), der.data(), &size, text.data(), text.size()) != 1) return cannot_sign();
    der.resize(size);
    return der;
}

} // namespace

AccountKey::AccountKey(PrivateKey key, Json jwk) : key_(std::move(key)), jwk_(std::move(jwk)) {
    // RFC 7638 section 3: the members in lexicographic order, without white space (Json::dump has some).
    auto member = [this](const char* name) { return jwk_[name].as_string().value_or(""); };
    std::string canonical = fmt::format(R"({{"crv":"{}","kty":"{}","x":"{}","y":"{}"}})", member("crv"), member("kty"), member("x"), member("y"));
    thumbprint_ = to_base64url(sha256(view_of(canonical)));
}

Result<AccountKey> AccountKey::of(PrivateKey key) {
    if (key.description() != "ECDSA P-256")
        return Error(ErrorCode::invalid, "an ACME account key must be ECDSA P-256, this one is " + key.description());
    auto x = coordinate(key.get(), OSSL_PKEY_PARAM_EC_PUB_X);
    auto y = coordinate(key.get(), OSSL_PKEY_PARAM_EC_PUB_Y);
    if (!x || !y) return Error(ErrorCode::internal, "OpenSSL does not tell the point of the account key");
    return AccountKey(std::move(key), Json::object({{"crv", "P-256"}, {"kty", "EC"}, {"x", *x}, {"y", *y}}));
}

Result<AccountKey> AccountKey::generate() {
    auto key = PrivateKey::generate(rotation::Algorithm::ecdsa_p256);
    if (!key) return std::move(key).error();
    return of(*std::move(key));
}

Result<AccountKey> AccountKey::from_pem(ByteView pem) {
    auto key = PrivateKey::from_pem(pem);
    if (!key) return std::move(key).error();
    return of(*std::move(key));
}

Result<Bytes> AccountKey::sign(ByteView text) const {
    auto der = der_signature(key_.get(), text);
    if (!der) return der;
    const unsigned char* start = der->data();
    Signature signature(d2i_ECDSA_SIG(nullptr, &start, static_cast<long>(der->size())));
    Bytes out(2 * kCoordinateBytes);
    bool fits = signature && BN_bn2binpad(ECDSA_SIG_get0_r(signature.get()), out.data(), kCoordinateBytes) == kCoordinateBytes &&
                BN_bn2binpad(ECDSA_SIG_get0_s(signature.get()), out.data() + kCoordinateBytes, kCoordinateBytes) == kCoordinateBytes;
    if (!fits) return cannot_sign();
    return out;
}

Result<std::string> make_jws(const AccountKey& key, const JwsHeader& header, std::string_view payload) {
    // RFC 8555 section 6.2 (E-02): exactly these fields, `url` the one that the request goes to, either jwk or kid.
    Json fields = Json::object({{"alg", "ES256"}, {"nonce", header.nonce}, {"url", header.url}});
    if (header.account_url.empty())
        fields.set("jwk", key.jwk());
    else
        fields.set("kid", header.account_url);
    std::string protected_part = to_base64url(view_of(fields.dump()));
    std::string payload_part = to_base64url(view_of(payload));
    auto signature = key.sign(view_of(protected_part + "." + payload_part));
    if (!signature) return std::move(signature).error();
    return Json::object({{"protected", protected_part}, {"payload", payload_part}, {"signature", to_base64url(*signature)}}).dump();
}

} // namespace mxseal::agent
