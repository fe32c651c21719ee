// A host's state as the JSON of `status` and `plan` (DESIGN.md, Interface).
#pragma once

#include "base/json.hpp"
#include "rotation/tlsa/plan.hpp"
#include "rotation/tlsa/state.hpp"

namespace mxseal::agent {

Json status_of(const rotation::tlsa::HostState& state, Instant now, const rotation::tlsa::Policy& policy, const rotation::tlsa::Group& group,
               const rotation::Reason& reason);
Json plan_of(const rotation::tlsa::HostState& state, Instant now, const rotation::tlsa::Policy& policy, const rotation::tlsa::Group& group,
             const rotation::Reason& reason);

} // namespace mxseal::agent
