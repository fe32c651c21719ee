#include "agent/keys/private_key.hpp"

#include "agent/keys/openssl.hpp"
#include "agent/keys/spki.hpp"

#include <openssl/bio.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include <array>

#include <fmt/format.h>

namespace mxseal::agent {

namespace {

// CA/Browser Forum baseline requirements section 6.1.5: no CA signs less.
constexpr int kRsaBitsMin = 2048;

std::string curve_name(evp_pkey_st* key) {
    std::array<char, 64> name{};
    std::size_t size = 0;
    if (EVP_PKEY_get_group_name(key, name.data(), name.size(), &size) != 1) return "of an unknown curve";
    std::string_view known(name.data(), size);
    if (known == "prime256v1") return "P-256";
    if (known == "secp384r1") return "P-384";
    if (known == "secp521r1") return "P-521";
    return std::string(known);
}

Status check_key(evp_pkey_st* key) {
    auto spki = spki_of_key(key);
    if (!spki) return std::move(spki).error();
    if (spki->algorithm == rotation::Algorithm::rsa_2048 && EVP_PKEY_get_bits(key) < kRsaBitsMin)
        return Error(ErrorCode::invalid, fmt::format("the RSA key has {} bits, fewer than the {} that CAs and senders accept; make a new key",
                                                     EVP_PKEY_get_bits(key), kRsaBitsMin));
    return done();
}

} // namespace

void PrivateKey::Free::operator()(evp_pkey_st* key) const { EVP_PKEY_free(key); }

Result<PrivateKey> PrivateKey::generate(rotation::Algorithm algorithm) {
    EVP_PKEY* key = nullptr;
    switch (algorithm) {
    case rotation::Algorithm::ecdsa_p256: key = EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", "P-256"); break;
    case rotation::Algorithm::rsa_2048: key = EVP_PKEY_Q_keygen(nullptr, nullptr, "RSA", std::size_t{2048}); break;
    }
    if (key == nullptr) return openssl::failure(ErrorCode::internal, "no key could be generated");
    return PrivateKey(key);
}

Result<PrivateKey> PrivateKey::from_pem(ByteView pem) {
    ERR_clear_error();
    openssl::Bio bio = openssl::read_only(pem);
    openssl::Key key(PEM_read_bio_PrivateKey(bio.get(), nullptr, openssl::no_password, nullptr));
    if (!key) return openssl::failure(ErrorCode::invalid, "no unencrypted private key in the PEM text");
    ERR_clear_error();
    Status fit = check_key(key.get());
    if (!fit) return std::move(fit).error();
    return PrivateKey(key.release());
}

Secret PrivateKey::to_pem() const {
    openssl::Bio bio(BIO_new(BIO_s_mem()));
    PEM_write_bio_PKCS8PrivateKey(bio.get(), key_.get(), nullptr, nullptr, 0, nullptr, nullptr);
    char* start = nullptr;
    long size = BIO_get_mem_data(bio.get(), &start);
    return Secret(std::string_view(start, static_cast<std::size_t>(size))); // the BIO wipes its buffer when freed
}

// The form was checked when the key was made or read, so that these cannot fail.
rotation::SpkiHash PrivateKey::spki() const { return spki_of_key(key_.get()).value().hash; }
rotation::Algorithm PrivateKey::algorithm() const { return spki_of_key(key_.get()).value().algorithm; }

std::string PrivateKey::description() const {
    if (algorithm() == rotation::Algorithm::rsa_2048) return fmt::format("RSA {}", EVP_PKEY_get_bits(key_.get()));
    return "ECDSA " + curve_name(key_.get());
}

} // namespace mxseal::agent
