// The combined file: private keys with their chains in one PEM text, as Postfix's smtpd_tls_chain_files reads it (for each
// algorithm the key first, then the leaf, then its issuers).
#pragma once

#include "agent/keys/private_key.hpp"
#include "base/secret.hpp"

#include <string>
#include <vector>

namespace mxseal::agent {

struct KeyWithChain {
    PrivateKey key;
    std::string chain_pem; // leaf first
};

// Pairs each private key of a file with the certificates that follow its leaf. Keys may stand before or after them, and
// parameters between them; a key without a leaf, or a certificate that belongs to none, is `invalid`.
Result<std::vector<KeyWithChain>> split_bundle(const Secret& content);

// The other way round, in the order given.
Secret join_bundle(const std::vector<KeyWithChain>& pairs);

} // namespace mxseal::agent
