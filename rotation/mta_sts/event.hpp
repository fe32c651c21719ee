// What happens to a domain: ends of actions, operators, the clock. Any event is legal in any state; repeating one changes nothing.
#pragma once

#include "rotation/mta_sts/observation.hpp"
#include "rotation/mta_sts/state.hpp"

#include <optional>
#include <variant>

namespace mxseal::rotation::mta_sts {

struct Started {};              // the process came up: the world has to be looked at again
struct TimeReached {};
struct PolicyChanged {};
struct Observed { DnsObservation seen; };
struct SharedSeen {              // one round over the shared record, made once for all who share it
    RrsetObservation txt;
    Instant finished{};
};
struct Fetched { FetchRound seen; };
struct Served {
    std::optional<Failure> failure;
    std::uint64_t generation = 0;   // of the snapshot that holds it
    Instant intent{};               // of the Serve that it ends
};
struct TxtWritten { std::optional<Failure> failure; };
struct MxWritten { std::optional<Failure> failure; };
struct ClockStepped { Duration forward{0}; };

using Event = std::variant<Started, TimeReached, PolicyChanged, Observed, SharedSeen, Fetched, Served, TxtWritten, MxWritten, ClockStepped>;

} // namespace mxseal::rotation::mta_sts
