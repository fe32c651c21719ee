#include "agent/keys/certificates.hpp"

#include "agent/keys/openssl.hpp"

#include <openssl/err.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <fmt/format.h>

namespace mxseal::agent {

namespace {

// RFC 5280 section 4.1.2.2: at most 20 octets, and the one that keeps the sign. A key identifier is a digest.
constexpr std::size_t kSerialMax = 21, kKeyIdentifierMax = 64;

// The value octets of the DER INTEGER, with the leading zero of a number whose first bit is set.
Bytes serial_of(x509_st* leaf) {
    unsigned char* der = nullptr;
    const int size = i2d_ASN1_INTEGER(X509_get_serialNumber(leaf), &der);
    // Tag and length are one octet each, as long as the value has less than 128.
    Bytes value = size > 2 ? Bytes(der + 2, der + size) : Bytes();
    OPENSSL_free(der);
    return value;
}

Bytes authority_key_identifier_of(x509_st* leaf) {
    const ASN1_OCTET_STRING* id = X509_get0_authority_key_id(leaf);
    if (id == nullptr) return {};
    const unsigned char* octets = ASN1_STRING_get0_data(id);
    return Bytes(octets, octets + ASN1_STRING_length(id));
}

} // namespace

Result<std::optional<std::string>> renewal_id(std::string_view pem_chain) {
    auto certificates = openssl::read_certificates(view_of(pem_chain));
    if (!certificates) return std::move(certificates).error();
    x509_st* leaf = sk_X509_value(certificates->get(), 0);
    const Bytes authority = authority_key_identifier_of(leaf), serial = serial_of(leaf);
    ERR_clear_error();
    const bool usable = !authority.empty() && authority.size() <= kKeyIdentifierMax && !serial.empty() && serial.size() <= kSerialMax;
    if (!usable) return std::optional<std::string>();
    return std::optional(fmt::format("{}.{}", to_base64url(authority), to_base64url(serial)));
}

} // namespace mxseal::agent
