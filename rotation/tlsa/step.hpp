// step: the decision core of one MX host. Pure and total: any event in any state gives a decision, a repeated event changes
// nothing. The caller stores the state before it starts the actions (intend -> act -> observe -> record).
#pragma once

#include "rotation/tlsa/action.hpp"
#include "rotation/tlsa/event.hpp"
#include "rotation/tlsa/policy.hpp"
#include "rotation/tlsa/state.hpp"

#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace mxseal::rotation::tlsa {

// The other hosts of the group (A-36, INV-4: hosts joined by any known MX RRset; hosts in none, by zone).
struct Group {
    std::string switching;                       // another host between switch intent and verification
    std::string unhealthy;                       // another host that is unhealthy, or not looked at yet, and why
    std::optional<Instant> last_switch;          // newest verified switch of another host
    std::string before_us;                       // another host with a roll due, which goes first: this one is the sole best preference
};

struct Decision {
    std::vector<Action> actions;                 // each marked under way in the state
    std::optional<Instant> wake;                 // call again with TimeReached
    Reason reason;                               // what the host waits for; empty: nothing
    std::vector<Note> notes;
    std::string reply;                           // to an operator's event: what was done with it
    bool refused = false;                        // ... and whether it was refused
};

// Changes `state` in place to the next state.
Decision step(HostState& state, const Event& event, Instant now, const Policy& policy, const Group& group);

} // namespace mxseal::rotation::tlsa
