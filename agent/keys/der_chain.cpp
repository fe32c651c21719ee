#include "agent/keys/der_chain.hpp"

#include "agent/keys/openssl.hpp"

#include <ctime>

#include <openssl/x509.h>

namespace mxseal::agent {

namespace {

Bytes der_of(x509_st* certificate) {
    Bytes der(static_cast<std::size_t>(std::max(0, i2d_X509(certificate, nullptr))));
    unsigned char* at = der.data();
    i2d_X509(certificate, &at);
    return der;
}

Result<Instant> instant_of(const ASN1_TIME* time) {
    std::tm parts{};
    if (ASN1_TIME_to_tm(time, &parts) != 1) return openssl::failure(ErrorCode::invalid, "a date in the certificate does not parse");
    return Instant{std::chrono::seconds{timegm(&parts)}};
}

bool is_root(x509_st* certificate) { return X509_NAME_cmp(X509_get_issuer_name(certificate), X509_get_subject_name(certificate)) == 0; }

} // namespace

Result<DerChain> der_chain_of(std::string_view pem) {
    auto certificates = openssl::read_certificates(view_of(pem));
    if (!certificates) return std::move(certificates).error();
    const int count = sk_X509_num(certificates->get());
    x509_st* leaf = sk_X509_value(certificates->get(), 0);
    auto not_before = instant_of(X509_get0_notBefore(leaf));
    auto not_after = instant_of(X509_get0_notAfter(leaf));
    if (!not_before) return std::move(not_before).error();
    if (!not_after) return std::move(not_after).error();
    DerChain chain{der_of(leaf), {}, *not_before, *not_after};
    for (int i = 1; i < count; ++i)
        if (x509_st* issuer = sk_X509_value(certificates->get(), i); i + 1 < count || !is_root(issuer)) chain.issuers.push_back(der_of(issuer));
    return chain;
}

std::string pem_of(ByteView der) {
    const unsigned char* at = der.data();
    const openssl::Certificate certificate(d2i_X509(nullptr, &at, static_cast<long>(der.size())));
    return certificate ? openssl::pem_of(certificate.get()) : std::string();
}

} // namespace mxseal::agent
