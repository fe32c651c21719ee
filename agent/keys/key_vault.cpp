#include "agent/keys/key_vault.hpp"

#include "agent/keys/certificates.hpp"
#include "agent/keys/key_bundle.hpp"
#include "agent/keys/openssl.hpp"
#include "agent/keys/spki.hpp"

#include <openssl/x509.h>

#include <fmt/format.h>

namespace mxseal::agent {

namespace {

using rotation::SpkiHash;

// Binds a sealed key to its name, so that two rows of the store cannot be exchanged.
std::string context_of(const SpkiHash& key) { return "private key " + key.hex(); }

Status check_leaf(const SpkiHash& key, std::string_view pem) {
    if (pem.find("PRIVATE KEY-----") != std::string_view::npos) return Error(ErrorCode::invalid, "a private key stands where a chain is expected");
    auto certificates = openssl::read_certificates(view_of(pem));
    if (!certificates) return std::move(certificates).error();
    auto leaf = spki_of_certificate(sk_X509_value(certificates->get(), 0));
    if (!leaf) return std::move(leaf).error();
    // a chain is kept under the key that its leaf holds, or not at all.
    if (leaf->hash != key) return Error(ErrorCode::invalid, fmt::format("the chain is of the key {}, not of {}", leaf->hash.hex(), key.hex()));
    return done();
}

} // namespace

Status KeyVault::put(const PrivateKey& key, std::string_view host) {
    SpkiHash name = key.spki();
    Secret pem = key.to_pem();
    Status stored = store_.put_key(name.hex(), host, rotation::to_string(key.algorithm()), sealer_.seal(pem.reveal(), context_of(name)));
    if (!stored) return stored;
    auto again = get(name);
    if (!again) return std::move(again).error();
    return done();
}

Result<PrivateKey> KeyVault::get(const SpkiHash& key) const {
    auto sealed = store_.get_key(key.hex());
    if (!sealed) return std::move(sealed).error();
    if (!sealed->has_value()) return Error(ErrorCode::not_found, fmt::format("the private key {} is not in the store", key.hex()));
    auto pem = sealer_.open(**sealed, context_of(key));
    if (!pem) return std::move(pem).error();
    auto read = PrivateKey::from_pem(pem->reveal());
    if (!read) return read;
    if (read->spki() != key)
        return Error(ErrorCode::invalid, fmt::format("the store holds the key {} under the name {}", read->spki().hex(), key.hex()));
    return read;
}

Status KeyVault::put_chain(const SpkiHash& key, const std::string& pem) {
    if (Status fit = check_leaf(key, pem); !fit) return fit;
    return store_.put_chain(key.hex(), pem);
}

Result<std::optional<std::string>> KeyVault::get_chain(const SpkiHash& key) const { return store_.get_chain(key.hex()); }

Result<Secret> KeyVault::bundle(const std::vector<SpkiHash>& keys) const {
    std::vector<KeyWithChain> pairs;
    for (const SpkiHash& name : keys) {
        auto key = get(name);
        if (!key) return std::move(key).error();
        auto chain = get_chain(name);
        if (!chain) return std::move(chain).error();
        if (!chain->has_value()) return Error(ErrorCode::not_found, fmt::format("the key {} has no certificate yet", name.hex()));
        // G-07: a pair that does not match must not reach a file, whatever the store says.
        if (Status fit = check_leaf(name, **chain); !fit) return std::move(fit).error();
        pairs.push_back({*std::move(key), **std::move(chain)});
    }
    return join_bundle(pairs);
}

Result<std::vector<ImportedKey>> KeyVault::import_bundle(const Secret& content, const dns::Name& host, Instant now) {
    auto pairs = split_bundle(content);
    if (!pairs) return std::move(pairs).error();
    std::vector<ImportedKey> imported;
    for (const KeyWithChain& pair : *pairs) {
        auto chain = read_chain(view_of(pair.chain_pem), host, now);
        if (!chain) return std::move(chain).error();
        imported.push_back({pair.key.spki(), pair.key.algorithm(), pair.chain_pem, *std::move(chain)});
    }
    for (std::size_t i = 0; i < pairs->size(); ++i) {
        if (Status stored = put((*pairs)[i].key, host.text()); !stored) return std::move(stored).error();
        if (Status stored = put_chain(imported[i].key, imported[i].chain_pem); !stored) return std::move(stored).error();
    }
    return imported;
}

} // namespace mxseal::agent
