// The functions on EC_KEY are deprecated since OpenSSL 3.0 and still the quickest by a factor of four.
#define OPENSSL_SUPPRESS_DEPRECATED
#include "mta-sts-server/key_objects.hpp"

#include <algorithm>

#include <fmt/format.h>
#include <openssl/bio.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/obj_mac.h>
#include <openssl/pem.h>
#include <openssl/provider.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

namespace mxseal::server {

void FreeOpenssl::operator()(ec_group_st* handle) const { EC_GROUP_free(handle); }
void FreeOpenssl::operator()(evp_pkey_st* handle) const { EVP_PKEY_free(handle); }
void FreeOpenssl::operator()(x509_st* handle) const { X509_free(handle); }
void FreeOpenssl::operator()(stack_st_X509* handle) const { sk_X509_pop_free(handle, X509_free); }
void FreeOpenssl::operator()(ossl_lib_ctx_st* handle) const { OSSL_LIB_CTX_free(handle); }
void FreeOpenssl::operator()(ossl_provider_st* handle) const { OSSL_PROVIDER_unload(handle); }

Error openssl_failure(ErrorCode code, std::string_view what) {
    const char* words = ERR_reason_error_string(ERR_peek_last_error());
    ERR_clear_error();
    return Error(code, words == nullptr ? std::string(what) : fmt::format("{} (OpenSSL: {})", what, words));
}

namespace {

struct FreeEcKey {
    void operator()(EC_KEY* key) const { EC_KEY_free(key); }
};
struct FreeBio {
    void operator()(BIO* bio) const { BIO_free(bio); }
};
using Bio = std::unique_ptr<BIO, FreeBio>;

Bio read_only(std::string_view text) { return Bio(BIO_new_mem_buf(text.data(), static_cast<int>(text.size()))); }

// OpenSSL's own method under another address. A key with a method that is not the default signs where it is; any other is first
// exported into a provider's form, which costs as much as the signature itself and is lost with the key.
const EC_KEY_METHOD* in_place() {
    static const EC_KEY_METHOD* const method = EC_KEY_METHOD_new(EC_KEY_OpenSSL());
    return method;
}

// In place of asking the terminal.
int no_password(char*, int, int, void*) { return -1; }

Result<Bytes> der_of(x509_st* certificate) {
    unsigned char* start = nullptr;
    const int size = i2d_X509(certificate, &start);
    if (size <= 0) return openssl_failure(ErrorCode::invalid, "a certificate cannot be encoded");
    Bytes der(start, start + size);
    OPENSSL_free(start);
    return der;
}

} // namespace

Result<ObjectReader> ObjectReader::make() {
    ObjectReader reader;
    reader.curve_.reset(EC_GROUP_new_by_curve_name(NID_X9_62_prime256v1));
    if (!reader.curve_ || in_place() == nullptr) return openssl_failure(ErrorCode::internal, "OpenSSL does not know P-256");
    reader.without_algorithms_.reset(OSSL_LIB_CTX_new());
    if (reader.without_algorithms_) reader.null_provider_.reset(OSSL_PROVIDER_load(reader.without_algorithms_.get(), "null"));
    if (!reader.null_provider_) return openssl_failure(ErrorCode::internal, "OpenSSL's null provider does not load");
    return reader;
}

Result<KeyHandle> ObjectReader::key(const KeyPair& pair) const {
    std::unique_ptr<EC_KEY, FreeEcKey> numbers(EC_KEY_new());
    const auto scalar = pair.scalar.reveal();
    const bool read = numbers && scalar.size() == 32 && EC_KEY_set_method(numbers.get(), in_place()) == 1 && EC_KEY_set_group(numbers.get(), curve_.get()) == 1 && EC_KEY_oct2key(numbers.get(), pair.point.data(), pair.point.size(), nullptr) == 1 &&
                      EC_KEY_oct2priv(numbers.get(), scalar.data(), scalar.size()) == 1;
    KeyHandle key(read ? EVP_PKEY_new() : nullptr);
    if (!key || EVP_PKEY_assign_EC_KEY(key.get(), numbers.get()) != 1) return openssl_failure(ErrorCode::invalid, "these numbers are no P-256 key pair");
    (void)numbers.release(); // the key's now
    return key;
}

Result<CertificateHandle> ObjectReader::leaf(ByteView der, const KeyPair& pair, evp_pkey_st* key) const {
    CertificateHandle certificate(X509_new_ex(without_algorithms_.get(), nullptr));
    x509_st* into = certificate.get();
    const unsigned char* at = der.data();
    if (into == nullptr || d2i_X509(&into, &at, static_cast<long>(der.size())) == nullptr) {
        if (into == nullptr) (void)certificate.release(); // d2i frees what it could not fill
        return openssl_failure(ErrorCode::invalid, "the certificate does not parse");
    }
    ERR_clear_error(); // of the public key that could not be decoded without algorithms
    const ASN1_BIT_STRING* point = X509_get0_pubkey_bitstr(certificate.get());
    if (point == nullptr || !std::equal(pair.point.begin(), pair.point.end(), point->data, point->data + point->length)) return Error(ErrorCode::invalid, "the certificate is for another key");
    if (X509_set_pubkey(certificate.get(), key) != 1) return openssl_failure(ErrorCode::invalid, "the certificate does not take its key");
    // Its extensions are read now, not in the first handshake: there the fingerprint, for which this context has no algorithm,
    // would leave an error behind that SSL_get_error() takes for the handshake's.
    X509_check_purpose(certificate.get(), -1, 0);
    ERR_clear_error();
    return certificate;
}

Result<ChainHandle> ObjectReader::issuers(const std::vector<Bytes>& ders) const {
    ChainHandle chain(sk_X509_new_null());
    for (const Bytes& der : ders) {
        const unsigned char* at = der.data();
        x509_st* issuer = d2i_X509(nullptr, &at, static_cast<long>(der.size()));
        if (issuer == nullptr) return openssl_failure(ErrorCode::invalid, "an issuer's certificate does not parse");
        sk_X509_push(chain.get(), issuer);
    }
    return chain;
}

Result<KeyPair> key_pair_of(evp_pkey_st* key) {
    BIGNUM* scalar = nullptr;
    KeyPair pair;
    std::array<char, 32> group{};
    std::size_t size = 0;
    const bool p256 = EVP_PKEY_get_group_name(key, group.data(), group.size(), &size) == 1 && std::string_view(group.data(), size) == SN_X9_62_prime256v1;
    Bytes octets(32);
    const bool read = p256 && EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_PRIV_KEY, &scalar) == 1 && BN_bn2binpad(scalar, octets.data(), 32) == 32 &&
                      EVP_PKEY_get_octet_string_param(key, OSSL_PKEY_PARAM_PUB_KEY, pair.point.data(), pair.point.size(), &size) == 1 && size == pair.point.size();
    BN_clear_free(scalar);
    pair.scalar = Secret(std::move(octets));
    if (!read) return openssl_failure(ErrorCode::unsupported, "the key of an endpoint is ECDSA P-256, and this is none");
    return pair;
}

Result<Site> site_from_pem(std::string name, std::string policy, std::string_view key_pem, std::string_view chain_pem) {
    ERR_clear_error();
    KeyHandle key(PEM_read_bio_PrivateKey(read_only(key_pem).get(), nullptr, no_password, nullptr));
    if (!key) return openssl_failure(ErrorCode::invalid, "no unencrypted private key in the PEM text");
    auto pair = key_pair_of(key.get());
    if (!pair) return std::move(pair).error();
    Site site{std::move(name), std::move(policy), {}, std::move(pair).value(), {}};
    const Bio bio = read_only(chain_pem);
    while (CertificateHandle next{PEM_read_bio_X509(bio.get(), nullptr, no_password, nullptr)}) {
        if (site.certificate.empty() && X509_check_private_key(next.get(), key.get()) != 1) return openssl_failure(ErrorCode::invalid, "the first certificate is for another key");
        auto der = der_of(next.get());
        if (!der) return std::move(der).error();
        if (site.certificate.empty())
            site.certificate = std::move(der).value();
        else
            site.issuers.push_back(std::move(der).value());
    }
    ERR_clear_error(); // "no start line": the end
    if (site.certificate.empty()) return Error(ErrorCode::invalid, "no certificate in the PEM text");
    return site;
}

} // namespace mxseal::server
