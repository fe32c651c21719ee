// The desk to ask: the running agent's, or one on the store when none runs.
#pragma once

#include "agent/config/config.hpp"
#include "agent/runtime/desk.hpp"

#include <memory>

namespace mxseal::agent {

// find_agent(), else open_desk().
Result<std::unique_ptr<Desk>> find_desk(const Config& config);

} // namespace mxseal::agent
