// The half of certificates.hpp that reads: chains of files, CAs and handshakes as facts.
#include "agent/keys/certificates.hpp"
#include "agent/keys/chain_facts.hpp"
#include "agent/keys/openssl.hpp"
#include "agent/keys/spki.hpp"

#include <openssl/err.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <ctime>
#include <set>

#include <fmt/format.h>

namespace mxseal::agent {

namespace {

using rotation::CertificateFacts;
using rotation::Chain;

// E-10: how far a CA's clock may be ahead of ours.
constexpr Duration kClockSkewMax = std::chrono::minutes(5);

Result<Instant> instant_of(const ASN1_TIME* time) {
    std::tm parts{};
    if (ASN1_TIME_to_tm(time, &parts) != 1) return openssl::failure(ErrorCode::invalid, "a date in the certificate does not parse");
    return Instant{std::chrono::seconds{timegm(&parts)}};
}

template <class Digest>
Bytes octets(const Digest& digest) {
    return Bytes(digest.begin(), digest.end());
}

Result<CertificateFacts> facts_of_one(x509_st* certificate) {
    unsigned char* whole = nullptr;
    unsigned char* key = nullptr;
    int whole_size = i2d_X509(certificate, &whole);
    int key_size = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(certificate), &key);
    Bytes whole_der(whole, whole + std::max(whole_size, 0));
    Bytes key_der(key, key + std::max(key_size, 0));
    OPENSSL_free(whole);
    OPENSSL_free(key);
    if (whole_der.empty() || key_der.empty()) return openssl::failure(ErrorCode::invalid, "a certificate cannot be encoded");
    return CertificateFacts{octets(sha256(key_der)), octets(sha512(key_der)), octets(sha256(whole_der)), octets(sha512(whole_der))};
}

bool is_within_dates(x509_st* certificate, Instant now) {
    auto from = instant_of(X509_get0_notBefore(certificate));
    auto to = instant_of(X509_get0_notAfter(certificate));
    return from && to && *from <= now && now <= *to;
}

bool all_within_dates(stack_st_X509* chain, Instant now) {
    for (int i = 0; i < sk_X509_num(chain); ++i)
        if (!is_within_dates(sk_X509_value(chain, i), now)) return false;
    return true;
}

bool names(x509_st* leaf, const dns::Name& host) {
    // RFC 6125 section 6.4.4 and RFC 7672 section 3.2.3: DNS-IDs alone, wildcards for a whole label alone.
    constexpr unsigned kFlags = X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS | X509_CHECK_FLAG_NEVER_CHECK_SUBJECT;
    return X509_check_host(leaf, host.text().data(), host.text().size(), kFlags, nullptr) == 1;
}

Result<std::set<std::string>> subject_alternative_names(x509_st* leaf) {
    std::set<std::string> out;
    auto* all = static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(leaf, NID_subject_alt_name, nullptr, nullptr));
    bool only_dns = true;
    for (int i = 0; i < sk_GENERAL_NAME_num(all); ++i) {
        const GENERAL_NAME* name = sk_GENERAL_NAME_value(all, i);
        only_dns = only_dns && name->type == GEN_DNS;
        if (name->type != GEN_DNS) continue;
        auto parsed = dns::Name::parse(to_text({ASN1_STRING_get0_data(name->d.dNSName), static_cast<std::size_t>(ASN1_STRING_length(name->d.dNSName))}));
        if (parsed) out.insert(parsed->text());
        only_dns = only_dns && parsed.ok();
    }
    GENERAL_NAMES_free(all);
    if (!only_dns) return Error(ErrorCode::protocol, "the certificate names something that was not asked for");
    return out;
}

Status check_names(x509_st* leaf, const std::vector<dns::Name>& wanted) {
    std::set<std::string> expected;
    for (const dns::Name& name : wanted) expected.insert(name.text());
    auto found = subject_alternative_names(leaf);
    if (!found) return std::move(found).error();
    if (*found != expected)
        return Error(ErrorCode::protocol, fmt::format("the certificate is for {{{}}}, not for {{{}}}", fmt::join(*found, ", "), fmt::join(expected, ", ")));
    return done();
}

Status check_issuers(stack_st_X509* chain) {
    // E-10: a second leaf in the chain is refused, whatever signed it.
    for (int i = 1; i < sk_X509_num(chain); ++i)
        if (X509_check_ca(sk_X509_value(chain, i)) == 0)
            return Error(ErrorCode::protocol, fmt::format("certificate {} of the chain is not one of a CA", i + 1));
    if (!signatures_link(chain)) return Error(ErrorCode::protocol, "the certificates of the chain do not sign one another in their order");
    return done();
}

Status check_dates(const Chain& chain, Instant now) {
    if (chain.not_before > now + kClockSkewMax)
        return Error(ErrorCode::clock_skew, fmt::format("the certificate begins at {}, it is {} here: check the clock", to_rfc3339(chain.not_before), to_rfc3339(now)));
    if (chain.not_after <= now)
        return Error(ErrorCode::protocol, fmt::format("the certificate ended at {}", to_rfc3339(chain.not_after)));
    return done();
}

Status check_key(const Chain& chain, const PrivateKey& key) {
    // computed from the private key before issuance and from the leaf after it; a difference ends the roll.
    if (chain.key != key.spki())
        return Error(ErrorCode::protocol, fmt::format("the certificate is for the key {}, not for {} that was sent; it must not be used", chain.key.hex(), key.spki().hex()));
    return done();
}

} // namespace

bool signatures_link(stack_st_X509* chain) {
    for (int i = 0; i + 1 < sk_X509_num(chain); ++i) {
        x509_st* subject = sk_X509_value(chain, i);
        x509_st* issuer = sk_X509_value(chain, i + 1);
        bool links = X509_check_issued(issuer, subject) == X509_V_OK && X509_verify(subject, X509_get0_pubkey(issuer)) == 1;
        if (!links) {
            ERR_clear_error();
            return false;
        }
    }
    return true;
}

Result<Chain> facts_of(x509_st* leaf, stack_st_X509* chain_with_leaf, const dns::Name& host, Instant now) {
    if (leaf == nullptr) return Error(ErrorCode::invalid, "no certificate was presented");
    if (sk_X509_num(chain_with_leaf) > openssl::kChainCertificatesMax)
        return Error(ErrorCode::invalid, fmt::format("more than {} certificates in one chain", openssl::kChainCertificatesMax));
    auto spki = spki_of_certificate(leaf);
    auto from = instant_of(X509_get0_notBefore(leaf));
    auto to = instant_of(X509_get0_notAfter(leaf));
    if (!spki) return std::move(spki).error();
    if (!from) return std::move(from).error();
    if (!to) return std::move(to).error();
    Chain chain{spki->hash, spki->algorithm, {}, *from, *to, X509_self_signed(leaf, 1) == 1, names(leaf, host), false};
    for (int i = 0; i < sk_X509_num(chain_with_leaf); ++i) {
        auto facts = facts_of_one(sk_X509_value(chain_with_leaf, i));
        if (!facts) return std::move(facts).error();
        chain.certificates.push_back(*std::move(facts));
    }
    if (chain.certificates.empty()) chain.certificates.push_back(facts_of_one(leaf).value());
    chain.links = is_within_dates(leaf, now) && all_within_dates(chain_with_leaf, now) && signatures_link(chain_with_leaf);
    ERR_clear_error();
    return chain;
}

Result<Chain> read_chain(ByteView pem, const dns::Name& host, Instant now) {
    auto certificates = openssl::read_certificates(pem);
    if (!certificates) return std::move(certificates).error();
    return facts_of(sk_X509_value(certificates->get(), 0), certificates->get(), host, now);
}

Result<Chain> check_issued(std::string_view pem_chain, const PrivateKey& key, const std::vector<dns::Name>& names, Instant now) {
    if (names.empty()) return Error(ErrorCode::internal, "a certificate without names was asked for");
    // E-10: nothing but certificates may stand in what a CA delivers.
    if (pem_chain.find("PRIVATE KEY-----") != std::string_view::npos)
        return Error(ErrorCode::protocol, "the CA delivered a private key with the chain; it is not used");
    auto certificates = openssl::read_certificates(view_of(pem_chain));
    if (!certificates) return Error(ErrorCode::protocol, "the CA delivered no usable chain: " + certificates.error().message());
    x509_st* leaf = sk_X509_value(certificates->get(), 0);
    auto chain = facts_of(leaf, certificates->get(), names.front(), now);
    if (!chain) return chain;
    for (Status check : {check_key(*chain, key), check_names(leaf, names), check_issuers(certificates->get()), check_dates(*chain, now)})
        if (!check) return std::move(check).error();
    return chain;
}

} // namespace mxseal::agent
