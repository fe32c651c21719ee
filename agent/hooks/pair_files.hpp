// The files in which an ACME client keeps a pair, read as whoever runs the hook, usually root.
#pragma once

#include "agent/keys/client_pair.hpp"

#include <filesystem>
#include <optional>

namespace mxseal::agent {

struct PairFiles {
    std::filesystem::path key;                       // empty, or absent where `key_may_be_absent`: the key is mxseal's
    bool key_may_be_absent = false;
    std::filesystem::path chain;                     // leaf first
    std::optional<std::filesystem::path> issuers{};  // appended where `chain` holds the leaf alone
};

// Reads them, at most 256 KiB each, links followed, regular files only, and checks the pair. The error names the file.
Result<ClientPair> read_pair(const PairFiles& files, Instant now);

} // namespace mxseal::agent
