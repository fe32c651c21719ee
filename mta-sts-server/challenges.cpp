#include "mta-sts-server/challenges.hpp"

#include "mta-sts-server/key_objects.hpp"

#include <algorithm>

#include <openssl/asn1.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

namespace mxseal::server {

namespace {

// Our choice, because RFC 8555 section 8.1 asks for 128 bits of entropy (22 characters) and CAs use 43.
constexpr std::size_t kTokenMax = 128;

struct FreeExtension {
    void operator()(X509_EXTENSION* extension) const { X509_EXTENSION_free(extension); }
    void operator()(ASN1_OBJECT* object) const { ASN1_OBJECT_free(object); }
    void operator()(ASN1_OCTET_STRING* string) const { ASN1_OCTET_STRING_free(string); }
};

bool add_san(x509_st* certificate, const std::string& name) {
    std::unique_ptr<X509_EXTENSION, FreeExtension> extension(X509V3_EXT_conf_nid(nullptr, nullptr, NID_subject_alt_name, ("DNS:" + name).c_str()));
    return extension && X509_add_ext(certificate, extension.get(), -1) == 1;
}

// RFC 8737 section 3: acmeIdentifier, critical, is an OCTET STRING with the SHA-256 of the key authorization.
bool add_identifier(x509_st* certificate, std::string_view key_authorization) {
    const auto digest = sha256(view_of(key_authorization));
    Bytes value{0x04, 0x20};
    value.insert(value.end(), digest.begin(), digest.end());
    std::unique_ptr<ASN1_OBJECT, FreeExtension> type(OBJ_txt2obj("1.3.6.1.5.5.7.1.31", 1));
    std::unique_ptr<ASN1_OCTET_STRING, FreeExtension> octets(ASN1_OCTET_STRING_new());
    if (!type || !octets || ASN1_OCTET_STRING_set(octets.get(), value.data(), static_cast<int>(value.size())) != 1) return false;
    std::unique_ptr<X509_EXTENSION, FreeExtension> extension(X509_EXTENSION_create_by_OBJ(nullptr, type.get(), 1, octets.get()));
    return extension && X509_add_ext(certificate, extension.get(), -1) == 1;
}

bool fill(x509_st* certificate, evp_pkey_st* key, const std::string& name, std::string_view key_authorization) {
    constexpr long kDay = 24 * 60 * 60;
    X509_NAME* subject = X509_get_subject_name(certificate);
    const auto* common_name = reinterpret_cast<const unsigned char*>("acme-tls-alpn-01");
    return X509_set_version(certificate, X509_VERSION_3) == 1 && ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1) == 1 &&
           X509_gmtime_adj(X509_getm_notBefore(certificate), -kDay / 2) != nullptr && X509_gmtime_adj(X509_getm_notAfter(certificate), kDay / 2) != nullptr &&
           X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, common_name, -1, -1, 0) == 1 && X509_set_issuer_name(certificate, subject) == 1 &&
           X509_set_pubkey(certificate, key) == 1 && add_san(certificate, name) && add_identifier(certificate, key_authorization) && X509_sign(certificate, key, EVP_sha256()) > 0;
}

} // namespace

bool is_acme_token(std::string_view text) {
    const auto allowed = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_'; };
    return !text.empty() && text.size() <= kTokenMax && std::all_of(text.begin(), text.end(), allowed);
}

Result<Challenges::TlsAlpn> make_tls_alpn(const std::string& name, std::string_view key_authorization) {
    KeyHandle key(EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", "P-256"));
    CertificateHandle certificate(X509_new());
    if (!key || !certificate || !fill(certificate.get(), key.get(), name, key_authorization)) return openssl_failure(ErrorCode::internal, "no certificate could be made for tls-alpn-01 of " + name);
    auto pair = key_pair_of(key.get());
    if (!pair) return std::move(pair).error();
    Challenges::TlsAlpn out{Bytes(static_cast<std::size_t>(i2d_X509(certificate.get(), nullptr))), std::move(pair).value()};
    unsigned char* at = out.certificate.data();
    i2d_X509(certificate.get(), &at);
    return out;
}

} // namespace mxseal::server
