#include "agent/domains/order_job.hpp"

#include "agent/keys/der_chain.hpp"

namespace mxseal::agent {

namespace {

constexpr std::string_view kKind = "site_key"; // of an order that is open; empty once it has ended

Result<PrivateKey> key_of_order(const std::string& domain, Journal* journal) {
    if (journal == nullptr) return PrivateKey::generate(rotation::Algorithm::ecdsa_p256);
    if (auto open = journal->get_secret(kKind, domain); open && !open->empty())
        if (auto key = PrivateKey::from_pem(open->reveal()); key.ok()) return key;
    auto key = PrivateKey::generate(rotation::Algorithm::ecdsa_p256);
    if (!key.ok()) return key;
    if (auto kept = journal->put_secret(kKind, domain, key->to_pem()); !kept.ok()) return std::move(kept).error();
    return key;
}

} // namespace

Result<IssuedSite> order_site(const std::string& domain, CertificateAuthority& authority, const SiteKeys& keys, Journal* journal) {
    auto name = dns::Name::parse("mta-sts." + domain);
    if (!name.ok()) return std::move(name).error();
    auto key = key_of_order(domain, journal);
    if (!key.ok()) return std::move(key).error();
    auto pem = authority.obtain({{*name}, *key});
    if (!pem.ok()) return std::move(pem).error();
    auto chain = der_chain_of(*pem);
    if (!chain.ok()) return std::move(chain).error();
    auto sealed = keys.seal(*key, domain);
    if (!sealed.ok()) return std::move(sealed).error();
    if (journal != nullptr)
        if (auto ended = journal->put_secret(kKind, domain, Secret()); !ended.ok()) return std::move(ended).error();
    return IssuedSite{{domain, std::move(*sealed), std::move(chain->leaf), std::move(chain->issuers)}, chain->not_before, chain->not_after};
}

} // namespace mxseal::agent
