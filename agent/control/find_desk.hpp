// The desk to ask: the running agent's, or one on the store when none runs.
#pragma once

#include "agent/config/config.hpp"
#include "agent/runtime/desk.hpp"

#include <memory>

namespace mxseal::agent {

// A stale control.json of a killed agent counts as none. An agent that listens and does not answer is an error: the store is its.
Result<std::unique_ptr<Desk>> find_desk(const Config& config);
// The first half: nothing when no agent runs.
Result<std::unique_ptr<Desk>> find_agent(const std::filesystem::path& state);

} // namespace mxseal::agent
