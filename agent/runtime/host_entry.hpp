// Internal to Runtime: what it keeps in memory of one host.
#pragma once

#include "agent/runtime/host_document.hpp"
#include "agent/runtime/runtime.hpp"
#include "rotation/tlsa/view.hpp"

namespace mxseal::agent {

// What other hosts of the group need to know of one; kept in the store's summary, so that the host need not be loaded.
struct Runtime::View {
    bool switching = false;
    bool wants_switch = false;
    bool published = false;      // its records were complete at least once
    bool sound = false;
    std::string unhealthy;       // why; empty: healthy
    std::string phase;
    std::optional<Instant> last_switch;
    bool operator==(const View&) const = default;
    std::string to_summary(const rotation::Reason& reason) const; // JSON text
};

struct Runtime::Entry {
    std::string name;
    rotation::tlsa::Policy policy;
    std::unique_ptr<rotation::tlsa::HostState> state; // absent: not loaded
    DocumentWriter document;
    rotation::Reason reason;                     // of the last decision
    View view;
    std::optional<Instant> due;
    bool started = false;                              // Started was given to the core in this process
    std::size_t under_way = 0;
    bool given_up = false;                             // the store refused: Started is given once all actions are back
    std::optional<Instant> again;                      // ... and not before
};

} // namespace mxseal::agent
