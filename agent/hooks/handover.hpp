// Handover: where an ACME client finds the key that mxseal made for it, and the signing request (`external: {keys: mxseal}`).
//
// <state>/handover/<host>, or the folder that `external.folder` names, is a link to the newest pair of key.pem and csr.pem: a client sees the
// old pair or the new one. A second algorithm stands in a folder of its own name beside them. Modes 0700 and 0600 (G-01).
#pragma once

#include "agent/config/config.hpp"
#include "agent/keys/key_vault.hpp"

#include <filesystem>
#include <vector>

namespace mxseal::agent {

// Writes what is not there yet; returns the folder. `refused`: something that mxseal did not make stands in its place.
Result<std::filesystem::path> hand_over(const std::filesystem::path& state, const HostConfig& host, const std::vector<rotation::SpkiHash>& keys, const KeyVault& vault);

} // namespace mxseal::agent
