// SharedRecord: the TXT record that many domains share by an alias (C-38): its id may change only when the bodies of all of them are served
// everywhere, and then for all of them at once. Pure and total, as step().
#pragma once

#include "rotation/mta_sts/event.hpp"
#include "rotation/mta_sts/policy.hpp"
#include "rotation/mta_sts/step.hpp"

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace mxseal::rotation::mta_sts {

struct SharedId {
    std::string id;
    Instant intent{};                        // from here on any name server may answer with it
};

struct SharedState {
    RrsetLedger txt;
    std::vector<std::string> ids;            // ever used or found here, never used again (C-05)
    std::optional<SharedId> announced;       // the id that stands, or is meant to stand there
    std::map<Task, Retry> retries;
    // Learned again after each start: not stored.
    std::set<Task> under_way;
    std::optional<Instant> observed_at;
    std::string observe_trouble;
};

// Of the domains that share the record.
struct Sharers {
    std::size_t all = 0;
    std::size_t wanting = 0;                 // served everywhere, and waiting for a new id
    std::size_t pending = 0;                 // whose body is not served everywhere yet, and who were announced here before
    std::string first_pending;               // one of these, in words
    std::string salt;                        // what the digest in an id is made of (C-05)
};

struct SharedSeenHere {                      // one round over the record
    RrsetRound round;
};
struct SharedWritten { std::optional<Failure> failure; };
using SharedEvent = std::variant<Started, TimeReached, SharedSeenHere, SharedWritten, ClockStepped>;

struct SharedDecision {
    bool observe = false;
    std::optional<WriteTxt> write;
    std::optional<WriteTxt> ask;             // where mxseal may not write
    std::optional<Instant> wake;
    Reason reason;
    std::vector<Note> notes;
};

// `policy.domain` is the name of the record; manage_txt, the paces and margins count, nothing else does.
SharedDecision step(SharedState& state, const SharedEvent& event, Instant now, const Policy& policy, const Sharers& sharers);

} // namespace mxseal::rotation::mta_sts
