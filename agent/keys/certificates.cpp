// The half of certificates.hpp that makes: requests and self-signed leaves.
#include "agent/keys/certificates.hpp"

#include "agent/keys/openssl.hpp"

#include <openssl/bn.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <ctime>

#include <fmt/format.h>

namespace mxseal::agent {

namespace {

// RFC 5280 section 4.1.2.2: serial numbers have at most 20 octets and are positive.
constexpr int kSerialBits = 159;
// RFC 5280 appendix A.1: ub-common-name.
constexpr std::size_t kCommonNameMax = 64;

struct FreeExtensions {
    void operator()(stack_st_X509_EXTENSION* all) const { sk_X509_EXTENSION_pop_free(all, X509_EXTENSION_free); }
};
using Extensions = std::unique_ptr<stack_st_X509_EXTENSION, FreeExtensions>;

bool add(stack_st_X509_EXTENSION* all, int nid, const std::string& value) {
    X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, nullptr, nid, value.c_str());
    return extension != nullptr && sk_X509_EXTENSION_push(all, extension) > 0;
}

// dns::Name holds letters, digits, '-', '_' and '.' alone, so that nothing in it can be syntax to OpenSSL.
std::string alternative_names(const std::vector<dns::Name>& names) {
    std::string out;
    for (const dns::Name& name : names) out += (out.empty() ? "DNS:" : ",DNS:") + name.text();
    return out;
}

Status refuse_no_names(const std::vector<dns::Name>& names) {
    if (names.empty()) return Error(ErrorCode::internal, "a certificate without names was asked for");
    return done();
}

Result<Bytes> der_of(X509_req_st* request) {
    unsigned char* der = nullptr;
    int size = i2d_X509_REQ(request, &der);
    if (size <= 0) return openssl::failure(ErrorCode::internal, "the signing request cannot be encoded");
    Bytes out(der, der + size);
    OPENSSL_free(der);
    return out;
}

bool set_serial(x509_st* certificate) {
    std::unique_ptr<BIGNUM, void (*)(BIGNUM*)> serial(BN_new(), BN_free);
    return BN_rand(serial.get(), kSerialBits, BN_RAND_TOP_ONE, BN_RAND_BOTTOM_ANY) == 1 &&
           BN_to_ASN1_INTEGER(serial.get(), X509_get_serialNumber(certificate)) != nullptr;
}

bool set_names(x509_st* certificate, const dns::Name& host) {
    X509_NAME* name = X509_get_subject_name(certificate);
    auto put = [&](const char* field, const std::string& text) {
        return X509_NAME_add_entry_by_txt(name, field, MBSTRING_ASC, reinterpret_cast<const unsigned char*>(text.c_str()), -1, -1, 0) == 1;
    };
    bool fits = host.text().size() <= kCommonNameMax;
    return put("O", "mxseal self-signed") && (!fits || put("CN", host.text())) && X509_set_issuer_name(certificate, name) == 1;
}

bool set_dates(x509_st* certificate, Instant from, Instant to) {
    auto seconds = [](Instant instant) { return static_cast<std::time_t>(to_unix_ms(instant) / 1000); };
    return ASN1_TIME_set(X509_getm_notBefore(certificate), seconds(from)) != nullptr &&
           ASN1_TIME_set(X509_getm_notAfter(certificate), seconds(to)) != nullptr;
}

bool set_extensions(x509_st* certificate, const std::vector<dns::Name>& names) {
    Extensions all(sk_X509_EXTENSION_new_null());
    bool made = add(all.get(), NID_basic_constraints, "critical,CA:FALSE") && add(all.get(), NID_subject_alt_name, alternative_names(names)) &&
                add(all.get(), NID_key_usage, "critical,digitalSignature,keyEncipherment") && add(all.get(), NID_ext_key_usage, "serverAuth");
    for (int i = 0; made && i < sk_X509_EXTENSION_num(all.get()); ++i)
        made = X509_add_ext(certificate, sk_X509_EXTENSION_value(all.get(), i), -1) == 1;
    return made;
}

bool set_common_name(X509_req_st* request, const std::string& name) {
    if (name.size() > kCommonNameMax) return true;
    return X509_NAME_add_entry_by_NID(X509_REQ_get_subject_name(request), NID_commonName, MBSTRING_UTF8,
                                      reinterpret_cast<const unsigned char*>(name.data()), static_cast<int>(name.size()), -1, 0) == 1;
}

Result<Bytes> request_for(const PrivateKey& key, const std::vector<dns::Name>& names, const std::string& common_name) {
    if (Status some = refuse_no_names(names); !some) return std::move(some).error();
    openssl::SigningRequest request(X509_REQ_new());
    Extensions all(sk_X509_EXTENSION_new_null());
    bool made = X509_REQ_set_version(request.get(), 0) == 1 && X509_REQ_set_pubkey(request.get(), key.get()) == 1 &&
                (common_name.empty() || set_common_name(request.get(), common_name)) &&
                add(all.get(), NID_subject_alt_name, alternative_names(names)) && X509_REQ_add_extensions(request.get(), all.get()) == 1 &&
                X509_REQ_sign(request.get(), key.get(), EVP_sha256()) > 0;
    if (!made) return openssl::failure(ErrorCode::internal, "the signing request could not be made");
    return der_of(request.get());
}

} // namespace

Result<Bytes> make_csr(const PrivateKey& key, const std::vector<dns::Name>& names) { return request_for(key, names, ""); }

Result<std::string> make_csr_pem(const PrivateKey& key, const std::vector<dns::Name>& names) {
    // lego 4.9 knows the certificate by its request's common name.
    auto der = request_for(key, names, names.empty() ? "" : names.front().text());
    if (!der) return std::move(der).error();
    openssl::Bio text(BIO_new(BIO_s_mem()));
    if (PEM_write_bio(text.get(), PEM_STRING_X509_REQ, "", der->data(), static_cast<long>(der->size())) <= 0) return openssl::failure(ErrorCode::internal, "the signing request cannot be written as PEM");
    return openssl::text_of(text.get());
}

Result<std::string> make_self_signed(const PrivateKey& key, const std::vector<dns::Name>& names, Instant now, Duration lifetime) {
    if (Status some = refuse_no_names(names); !some) return std::move(some).error();
    openssl::Certificate certificate(X509_new());
    x509_st* leaf = certificate.get();
    bool made = X509_set_version(leaf, 2) == 1 && set_serial(leaf) && set_names(leaf, names.front()) &&
                set_dates(leaf, now - std::chrono::hours(1), now + lifetime) && X509_set_pubkey(leaf, key.get()) == 1 &&
                set_extensions(leaf, names) && X509_sign(leaf, key.get(), EVP_sha256()) > 0;
    if (!made) return openssl::failure(ErrorCode::internal, "the self-signed certificate could not be made");
    return openssl::pem_of(leaf);
}

} // namespace mxseal::agent
