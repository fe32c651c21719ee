// Where sealing keys are found (G-01, G-02).
#pragma once

#include "agent/config/config.hpp"
#include "agent/keys/sealer.hpp"

namespace mxseal::agent {

// Not in the store: a systemd credential of that name, or a file in the state folder, made at first use.
Result<Sealer> open_sealing_key(const Config& config, const std::string& name);
// The same without making one: nothing when there is none to be seen from here.
Result<std::optional<Sealer>> find_sealing_key(const Config& config, const std::string& name);

} // namespace mxseal::agent
