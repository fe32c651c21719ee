#include "tests/unit/keys/test_ca.hpp"

#include <openssl/bn.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <fmt/format.h>

namespace mxseal::agent::testing {

namespace {

void add(x509_st* certificate, int nid, const std::string& value) {
    X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, nullptr, nid, value.c_str());
    X509_add_ext(certificate, extension, -1);
    X509_EXTENSION_free(extension);
}

std::string alternative_names(const Wish& wish) {
    std::string out = wish.other_names;
    for (const std::string& name : wish.names) out += (out.empty() ? "DNS:" : ",DNS:") + name;
    return out;
}

void add_authority_key(x509_st* certificate, const std::string& hex) {
    const Bytes octets = from_hex(hex).value();
    AUTHORITY_KEYID* id = AUTHORITY_KEYID_new();
    id->keyid = ASN1_OCTET_STRING_new();
    ASN1_OCTET_STRING_set(id->keyid, octets.data(), static_cast<int>(octets.size()));
    X509_add1_ext_i2d(certificate, NID_authority_key_identifier, id, 0, X509V3_ADD_DEFAULT);
    AUTHORITY_KEYID_free(id);
}

void set_serial(x509_st* certificate, const std::string& hex) {
    BIGNUM* number = nullptr;
    BN_hex2bn(&number, hex.c_str());
    BN_to_ASN1_INTEGER(number, X509_get_serialNumber(certificate));
    BN_free(number);
}

std::time_t seconds(Instant instant) { return static_cast<std::time_t>(to_unix_ms(instant) / 1000); }

} // namespace

openssl::Certificate sign(evp_pkey_st* key, const Wish& wish, const Issuer* issuer) {
    openssl::Certificate made(X509_new());
    x509_st* certificate = made.get();
    X509_set_version(certificate, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate), 7);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate), "CN", MBSTRING_ASC, reinterpret_cast<const unsigned char*>(wish.common_name.c_str()), -1, -1, 0);
    X509_set_issuer_name(certificate, X509_get_subject_name(issuer != nullptr ? issuer->certificate : certificate));
    ASN1_TIME_set(X509_getm_notBefore(certificate), seconds(wish.from));
    ASN1_TIME_set(X509_getm_notAfter(certificate), seconds(wish.to));
    X509_set_pubkey(certificate, key);
    add(certificate, NID_basic_constraints, wish.is_ca ? "critical,CA:TRUE" : "critical,CA:FALSE");
    if (std::string all = alternative_names(wish); !all.empty()) add(certificate, NID_subject_alt_name, all);
    if (!wish.authority_key.empty()) add_authority_key(certificate, wish.authority_key);
    if (!wish.serial.empty()) set_serial(certificate, wish.serial);
    X509_sign(certificate, issuer != nullptr ? issuer->key : key, EVP_sha256());
    return made;
}

TestCa::TestCa(Instant from, Instant to) : certificate_(sign(key_.get(), {{}, "root", "", from, to, true}, nullptr)) {}

std::string TestCa::issue(evp_pkey_st* key, Wish wish) const {
    Issuer issuer{certificate_.get(), key_.get()};
    return openssl::pem_of(sign(key, wish, &issuer).get());
}

Instant at(const char* text) { return parse_rfc3339(text).value(); }

std::vector<dns::Name> names(std::initializer_list<const char*> texts) {
    std::vector<dns::Name> out;
    for (const char* text : texts) out.push_back(dns::Name::parse(text).value());
    return out;
}

} // namespace mxseal::agent::testing
