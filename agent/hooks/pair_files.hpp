// The files in which an ACME client keeps a pair, read as whoever runs the hook, usually root.
#pragma once

#include "agent/keys/client_pair.hpp"

#include <filesystem>
#include <optional>

namespace mxseal::agent {

struct PairFiles {
    std::filesystem::path key;                       // empty: the client named none
    std::filesystem::path chain;                     // leaf first
    std::optional<std::filesystem::path> issuers{};  // appended where `chain` holds the leaf alone
};

// The chain, at most 256 KiB, links followed, regular files only; checked. The error names the file.
Result<ClientPair> read_chain_of(const PairFiles& files, Instant now);

// Whose key the certificate may be for. `mxseals`: the client was handed a signing request, and its own key file may hold another key, or none.
enum class KeyOrigin { clients, mxseals };

// Adds the key: `invalid` where it is missing or does not fit, but for KeyOrigin::mxseals, where the chain then stands alone.
Result<ClientPair> with_key(ClientPair chain, const PairFiles& files, KeyOrigin origin, Instant now);

} // namespace mxseal::agent
