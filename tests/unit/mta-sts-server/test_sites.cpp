#include "test_sites.hpp"

#include "mta-sts-server/snapshot_writer.hpp"

#include <atomic>
#include <stdexcept>

#include <fmt/format.h>
#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <stdlib.h>

namespace mxseal::server::testing {

namespace {

void must(bool good, const char* what) {
    if (!good) throw std::runtime_error(std::string("test world: ") + what);
}

KeyHandle new_key() { return KeyHandle(EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", "P-256")); }

void extend(X509* certificate, int nid, const char* value) {
    X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, nullptr, nid, value);
    must(extension != nullptr && X509_add_ext(certificate, extension, -1) == 1, "no extension");
    X509_EXTENSION_free(extension);
}

// `issuer` null: self-signed.
CertificateHandle certify(const std::string& subject, EVP_PKEY* key, X509* issuer, EVP_PKEY* signer, bool ca) {
    static std::atomic<long> serial{1};
    CertificateHandle certificate(X509_new());
    X509_set_version(certificate.get(), X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate.get()), ++serial);
    X509_gmtime_adj(X509_getm_notBefore(certificate.get()), -3600);
    X509_gmtime_adj(X509_getm_notAfter(certificate.get()), 90L * 24 * 3600);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate.get()), "CN", MBSTRING_ASC, reinterpret_cast<const unsigned char*>(subject.substr(0, 64).c_str()), -1, -1, 0);
    X509_set_issuer_name(certificate.get(), X509_get_subject_name(issuer != nullptr ? issuer : certificate.get()));
    X509_set_pubkey(certificate.get(), key);
    extend(certificate.get(), NID_basic_constraints, ca ? "critical,CA:TRUE" : "critical,CA:FALSE");
    extend(certificate.get(), NID_key_usage, ca ? "critical,keyCertSign" : "critical,digitalSignature");
    if (!ca) extend(certificate.get(), NID_subject_alt_name, ("DNS:" + subject).c_str());
    must(X509_sign(certificate.get(), signer, EVP_sha256()) > 0, "no signature");
    return certificate;
}

Bytes der_of(X509* certificate) {
    Bytes out(static_cast<std::size_t>(i2d_X509(certificate, nullptr)));
    unsigned char* at = out.data();
    i2d_X509(certificate, &at);
    return out;
}

std::string take_text(BIO* memory) {
    char* start = nullptr;
    const long size = BIO_get_mem_data(memory, &start);
    std::string out(start, static_cast<std::size_t>(size));
    BIO_free(memory);
    return out;
}

std::string pem_of(X509* certificate) {
    BIO* memory = BIO_new(BIO_s_mem());
    PEM_write_bio_X509(memory, certificate);
    return take_text(memory);
}

std::string pem_of_der(const Bytes& der) {
    const unsigned char* at = der.data();
    const CertificateHandle certificate(d2i_X509(nullptr, &at, static_cast<long>(der.size())));
    return pem_of(certificate.get());
}

} // namespace

TestSites::TestSites() : root_key_(new_key()), issuer_key_(new_key()) {
    root_ = certify("mxseal test root", root_key_.get(), nullptr, root_key_.get(), true);
    issuer_ = certify("mxseal test issuer", issuer_key_.get(), root_.get(), root_key_.get(), true);
}

Site TestSites::make(const std::string& name, const std::string& policy) const {
    const auto key = new_key();
    const auto leaf = certify(name, key.get(), issuer_.get(), issuer_key_.get(), false);
    auto pair = key_pair_of(key.get());
    must(pair.ok(), "no key pair");
    return Site{name, policy, der_of(leaf.get()), std::move(pair).value(), {der_of(issuer_.get())}};
}

std::string TestSites::ca_pem() const { return pem_of(root_.get()); }

std::string TestSites::key_pem(const Site& site) const {
    auto reader = ObjectReader::make();
    must(reader.ok(), "no reader");
    auto key = reader->key(site.key);
    must(key.ok(), "no key");
    BIO* memory = BIO_new(BIO_s_mem());
    PEM_write_bio_PKCS8PrivateKey(memory, key->get(), nullptr, nullptr, 0, nullptr, nullptr);
    return take_text(memory);
}

std::string TestSites::chain_pem(const Site& site) const {
    auto out = pem_of_der(site.certificate);
    for (const Bytes& issuer : site.issuers) out += pem_of_der(issuer);
    return out;
}

std::string policy_of(const std::string& domain) { return fmt::format("version: STSv1\r\nmode: enforce\r\nmx: mx1.{}\r\nmax_age: 604800\r\n", domain); }

void write_snapshot(const std::filesystem::path& file, std::uint64_t generation, const std::vector<const Site*>& sites) {
    auto writer = SnapshotWriter::begin(file, generation, from_unix_ms(1'795'348'800'000));
    must(writer.ok(), "no writer");
    for (const Site* site : sites) must(writer->add(*site).ok(), "a site is refused");
    must(writer->finish().ok(), "no snapshot");
}

} // namespace mxseal::server::testing
