// step: the decision core of one mail domain's policy. Pure and total: any event in any state gives a decision, a repeated event changes
// nothing. The caller stores the state before it starts the actions (intend -> act -> observe -> record).
#pragma once

#include "rotation/mta_sts/action.hpp"
#include "rotation/mta_sts/event.hpp"
#include "rotation/mta_sts/policy.hpp"

namespace mxseal::rotation::mta_sts {

// What is known of the hosts that stand in the MX RRset or shall.
struct MxFacts {
    std::string host;            // lower case, without a final dot
    bool ready = false;          // W7: its TLSA records are complete and probed, or it has no part in DANE
    bool valid = false;          // every endpoint presents a chain that WebPKI trusts for the name of the host
    std::string trouble;         // why not
};
struct Surroundings {
    std::vector<MxFacts> hosts;
    std::string clock_trouble;   // section 0.1: transitions pause until the time is validated again
    std::optional<std::string> shared; // the id that policy.txt_target announces or is to (shared.hpp); empty: none yet; absent: not read yet
    std::string reports_trouble; // D-04: why the TLS-RPT record that goes before the first policy is not in place; empty: it is, or none is wanted
};

struct Decision {
    std::vector<Action> actions; // each marked under way in the state
    std::optional<Instant> wake; // call again with TimeReached
    Reason reason;               // what the domain waits for; empty: nothing
    std::string page;            // C-34: what has to be looked at now; empty: nothing
    std::optional<WriteMx> ask;  // the change of the MX RRset that the operator may make now, where mxseal may not
    std::optional<WriteTxt> ask_txt; // ... of the TXT record
    bool wants_shared_id = false; // every address serves the body, and the shared record does not announce it yet
    std::vector<Note> notes;
};

// Changes `state` in place to the next state.
Decision step(DomainState& state, const Event& event, Instant now, const Policy& policy, const Surroundings& around);

} // namespace mxseal::rotation::mta_sts
