// What a worker does for each action of rotation/: calls the adapters, blocks as long as it takes, and brings back one event.
// Any worker thread.
#pragma once

#include "agent/runtime/real_world.hpp"
#include "rotation/tlsa/action.hpp"
#include "rotation/tlsa/event.hpp"

namespace mxseal::agent {

rotation::tlsa::Event carry_out(RealWorld& world, const HostConfig& host, const rotation::tlsa::Action& action);

} // namespace mxseal::agent
