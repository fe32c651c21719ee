#include "agent/keys/client_pair.hpp"

#include "agent/keys/certificates.hpp"
#include "agent/keys/chain_facts.hpp"
#include "agent/keys/openssl.hpp"
#include "agent/keys/spki.hpp"

#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <algorithm>

#include <fmt/format.h>

namespace mxseal::agent {

namespace {

// NIST SP 800-57 part 1, table 2: RSA 2048 and SHA-224; SHA-1 has less, and CAs sign nothing with it.
constexpr int kStrengthMin = 112;
// E-10: how far a CA's clock may be ahead of ours.
constexpr int kClockSkewMaxSeconds = 300;

Error wrong(std::string text) { return Error(ErrorCode::invalid, std::move(text)); }

std::size_t count_of(std::string_view text, std::string_view part) {
    std::size_t count = 0;
    for (auto at = text.find(part); at != std::string_view::npos; at = text.find(part, at + part.size())) ++count;
    return count;
}

// A file that is being written ends in the middle of a block.
Status check_complete(std::string_view pem, const char* what) {
    if (pem.empty()) return wrong(fmt::format("{} is empty; it may be being written", what));
    if (pem.size() > openssl::kChainBytesMax) return wrong(fmt::format("{} has {} octets, more than {}", what, pem.size(), openssl::kChainBytesMax));
    const auto begins = count_of(pem, "-----BEGIN "), ends = count_of(pem, "-----END ");
    if (begins == 0) return wrong(fmt::format("{} is no PEM text", what));
    if (begins != ends) return wrong(fmt::format("{} ends in the middle of a PEM block; it may be being written", what));
    return done();
}

std::string subject_of(x509_st* certificate) {
    char text[256] = "";
    X509_NAME_oneline(X509_get_subject_name(certificate), text, sizeof text);
    return escape_untrusted(text, 120);
}

Status check_dates(stack_st_X509* chain, Instant now) {
    std::time_t at = static_cast<std::time_t>(to_unix_ms(now) / 1000), soon = at + kClockSkewMaxSeconds;
    for (int i = 0; i < sk_X509_num(chain); ++i) {
        x509_st* each = sk_X509_value(chain, i);
        if (X509_cmp_time(X509_get0_notAfter(each), &at) <= 0) return wrong(fmt::format("certificate {} of the chain ({}) has expired", i + 1, subject_of(each)));
        if (X509_cmp_time(X509_get0_notBefore(each), &soon) > 0)
            return wrong(fmt::format("certificate {} of the chain ({}) is not valid yet; check the clock of this machine", i + 1, subject_of(each)));
    }
    return done();
}

Status check_links(stack_st_X509* chain) {
    x509_st* leaf = sk_X509_value(chain, 0);
    const int count = sk_X509_num(chain);
    if (count == 1 && X509_self_signed(leaf, 1) != 1)
        return wrong("the chain is incomplete: the leaf's issuer is not in the file; name the file with the whole chain (fullchain.pem)");
    if (X509_check_ca(leaf) == 1 && count > 1) return wrong("the first certificate is one of a CA; the leaf has to come first");
    for (int i = 1; i < count; ++i)
        if (X509_check_ca(sk_X509_value(chain, i)) == 0) return wrong(fmt::format("certificate {} of the chain ({}) is not one of a CA", i + 1, subject_of(sk_X509_value(chain, i))));
    if (!signatures_link(chain)) return wrong("the chain is incomplete or out of order: the certificates do not sign one another, leaf first");
    return done();
}

Status check_strength(stack_st_X509* chain) {
    for (int i = 0; i < sk_X509_num(chain); ++i) {
        x509_st* each = sk_X509_value(chain, i);
        if (EVP_PKEY_get_security_bits(X509_get0_pubkey(each)) < kStrengthMin) return wrong(fmt::format("the key of certificate {} ({}) is too short: fewer than {} bits of strength", i + 1, subject_of(each), kStrengthMin));
        int bits = 0;
        // The signature of a root over itself is nobody's proof.
        const bool is_root = X509_self_signed(each, 0) == 1;
        if (!is_root && (X509_get_signature_info(each, nullptr, nullptr, &bits, nullptr) != 1 || bits < kStrengthMin))
            return wrong(fmt::format("certificate {} ({}) is signed with an algorithm of fewer than {} bits of strength, as SHA-1", i + 1, subject_of(each), kStrengthMin));
    }
    return done();
}

std::vector<std::string> names_of(x509_st* leaf) {
    std::vector<std::string> names;
    auto* all = static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(leaf, NID_subject_alt_name, nullptr, nullptr));
    for (int i = 0; i < sk_GENERAL_NAME_num(all); ++i) {
        const GENERAL_NAME* name = sk_GENERAL_NAME_value(all, i);
        if (name->type != GEN_DNS) continue;
        const auto octets = ByteView(ASN1_STRING_get0_data(name->d.dNSName), static_cast<std::size_t>(ASN1_STRING_length(name->d.dNSName)));
        names.push_back(escape_untrusted(to_text(octets), 253));
    }
    GENERAL_NAMES_free(all);
    return names;
}

Result<PrivateKey> fitting_key(const Secret& pem, const rotation::SpkiHash& leaf) {
    const auto text = pem.reveal();
    if (Status complete = check_complete({reinterpret_cast<const char*>(text.data()), text.size()}, "the key"); !complete) return std::move(complete).error();
    auto key = PrivateKey::from_pem(text);
    if (!key) return key;
    // computed from both halves; of an order that failed half way a client may leave a newer key beside an older certificate.
    if (key->spki() != leaf) return wrong(fmt::format("the key {} does not match the certificate, which is for key {}", key->spki().short_hex(), leaf.short_hex()));
    return key;
}

} // namespace

Result<ClientPair> check_client_pair(const std::optional<Secret>& key_pem, std::string_view chain_pem, Instant now) {
    if (Status complete = check_complete(chain_pem, "the chain"); !complete) return std::move(complete).error();
    auto certificates = openssl::read_certificates(view_of(chain_pem));
    if (!certificates) return std::move(certificates).error();
    stack_st_X509* chain = certificates->get();
    if (static_cast<std::size_t>(sk_X509_num(chain)) != count_of(chain_pem, "-----BEGIN CERTIFICATE-----")) return wrong("a certificate of the chain does not parse");
    x509_st* leaf = sk_X509_value(chain, 0);
    auto spki = spki_of_certificate(leaf);
    if (!spki) return std::move(spki).error();
    ClientPair pair;
    pair.spki = spki->hash;
    if (key_pem) {
        auto key = fitting_key(*key_pem, spki->hash);
        if (!key) return std::move(key).error();
        pair.key = std::move(*key);
    }
    for (Status check : {check_dates(chain, now), check_links(chain), check_strength(chain)})
        if (!check) return std::move(check).error();
    for (int i = 0; i < sk_X509_num(chain); ++i) pair.chain_pem += openssl::pem_of(sk_X509_value(chain, i));
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned size = 0;
    if (X509_digest(leaf, EVP_sha256(), digest, &size) != 1) return openssl::failure(ErrorCode::internal, "the certificate has no digest");
    pair.leaf_sha256 = to_hex(ByteView(digest, size));
    pair.names = names_of(leaf);
    return pair;
}

bool names_host(const ClientPair& pair, const dns::Name& host, Instant now) {
    auto chain = read_chain(view_of(pair.chain_pem), host, now);
    return chain.ok() && chain->names_host;
}

} // namespace mxseal::agent
