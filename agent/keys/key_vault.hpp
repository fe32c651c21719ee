// KeyVault: private keys and their chains in the store, the keys sealed. The only way in which a key enters or leaves it.
//
// Thread-safe as the Store is. Key material is in no error and no log.
#pragma once

#include "agent/keys/private_key.hpp"
#include "agent/keys/sealer.hpp"
#include "agent/store/store.hpp"
#include "base/dns/name.hpp"
#include "base/time.hpp"
#include "rotation/types.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace mxseal::agent {

// One pair of an adopted file.
struct ImportedKey {
    rotation::SpkiHash key;
    rotation::Algorithm algorithm = rotation::Algorithm::ecdsa_p256;
    std::string chain_pem;
    rotation::Chain chain;
};

class KeyVault {
public:
    KeyVault(Store& store, const Sealer& sealer) : store_(store), sealer_(sealer) {}

    // Sealed, durable and read back when it returns.
    Status put(const PrivateKey& key, std::string_view host);
    Result<PrivateKey> get(const rotation::SpkiHash& key) const; // `not_found`; `invalid`: does not open, or is another key

    // `invalid` when the leaf is not of `key` or a private key stands in the text.
    Status put_chain(const rotation::SpkiHash& key, const std::string& pem);
    Result<std::optional<std::string>> get_chain(const rotation::SpkiHash& key) const;

    // The combined file for `keys`, in their order; `not_found` when a key or its chain is missing.
    Result<Secret> bundle(const std::vector<rotation::SpkiHash>& keys) const;

    // Takes over every pair of a combined file: stored first, then told.
    Result<std::vector<ImportedKey>> import_bundle(const Secret& content, const dns::Name& host, Instant now);

private:
    Store& store_;
    const Sealer& sealer_;
};

} // namespace mxseal::agent
