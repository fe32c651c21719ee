// A key with its chain as an ACME client of the operator's hands it over: checked as a whole before anything is stored.
#pragma once

#include "agent/keys/private_key.hpp"
#include "base/dns/name.hpp"
#include "rotation/types.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace mxseal::agent {

struct ClientPair {
    std::optional<PrivateKey> key; // absent: only the chain came, the key is mxseal's own (`external: {keys: mxseal}`)
    std::string chain_pem;         // leaf first, nothing but certificates
    rotation::SpkiHash spki;       // of the leaf
    std::string leaf_sha256;       // hex: names this certificate
    std::vector<std::string> names; // DNS names of the leaf, escaped for printing
};

// Checks both halves: complete PEM, at most 256 KiB; the key fits the leaf; nothing expired or not begun yet; each certificate is
// signed by the next and no issuer is missing; no key or signature below 112 bits of strength. `invalid` says which of these is wrong.
Result<ClientPair> check_client_pair(const std::optional<Secret>& key_pem, std::string_view chain_pem, Instant now);

// Whether the leaf names the host (RFC 6125: a wildcard stands for one label).
bool names_host(const ClientPair& pair, const dns::Name& host, Instant now);

} // namespace mxseal::agent
