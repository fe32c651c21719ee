// Internal to PolicyKeeper: what it keeps in memory of one domain, and of one TLS-RPT record.
#pragma once

#include "agent/domains/policy_keeper.hpp"

namespace mxseal::agent {

struct PolicyKeeper::Entry {
    std::string name;
    const PolicySettings* settings = nullptr;      // null: nobody wants it any more
    float spread = 0;
    std::vector<std::string> mx_goal;              // as `mxseal mx` was told; empty: nobody told

    std::unique_ptr<rotation::mta_sts::DomainState> state; // null: let go, it is in the store
    bool stored = false;                           // the store has a row
    std::string wanted;                            // digest of the settings that the state was last decided with
    bool started = false;                          // Started was given to the core in this process
    bool at_rest = false;
    bool closed = false;                           // it could not be read: nothing is done until somebody mends it
    std::optional<Instant> observed_at, fetched_at; // of a state that was let go
    std::optional<std::string> txt_alias;           // of the same
    std::optional<Instant> due;
    std::size_t under_way = 0;
    std::optional<Instant> serve_intent;           // of the Serve that in_place() ends
    Duration clock_step{0};                        // not yet told to the core
    std::size_t written = 0;                       // digest of what was stored last

    std::string shares;                            // C-38: the record it shares with others; empty: none
    bool shared_wants = false, shared_pending = false; // as counted in its group
    bool tell_shared = false;                      // the last round over the record is to be given to the core

    rotation::Reason reason;                       // of the last decision
    std::string page, ask;
};

// The domains that share one TXT record.
struct PolicyKeeper::Group {
    std::string name;
    Ttl txt_ttl{3600};
    rotation::mta_sts::SharedState state;
    std::set<std::string> members;
    std::size_t wanting = 0, pending = 0;
    rotation::mta_sts::RrsetRound last;            // the last round
    rotation::Reason reason;
    std::string ask;
    std::optional<Instant> due;
    bool started = false;
};

struct PolicyKeeper::ReportRecord {
    std::vector<std::string> rua;
    bool known = false, foreign = false;
    std::string trouble, advice;
    std::optional<Instant> due;                    // absent: under way
};

} // namespace mxseal::agent
