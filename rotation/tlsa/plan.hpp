// The future of a host as far as it is known: each step with its earliest time and the arithmetic (`mxseal plan`).
#pragma once

#include "rotation/tlsa/step.hpp"

#include <optional>
#include <string>
#include <vector>

namespace mxseal::rotation::tlsa {

struct PlannedStep {
    std::string what;                 // "switch from key 0a1b2c3d to key 4e5f6a7b"
    std::optional<Instant> earliest;  // absent: depends on something without a date (the reason says on what)
    Reason reason;
};

// In the order in which the steps come. `now_reason` is the reason of the last decision.
std::vector<PlannedStep> plan(const HostState& state, Instant now, const Policy& policy, const Group& group, const Reason& now_reason);

} // namespace mxseal::rotation::tlsa
