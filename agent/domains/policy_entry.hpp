// Internal to PolicyKeeper: what it keeps in memory of one domain, of one TXT record that domains share, and of one TLS-RPT record.
#pragma once

#include "agent/domains/asked_records.hpp"
#include "agent/domains/policy_keeper.hpp"

namespace mxseal::agent {

// Whoever decides by what the store has: a domain, or a shared record.
struct PolicyKeeper::Party {
    std::string name;
    std::optional<Instant> due;
    std::size_t under_way = 0;                     // acts begun, or to begin with the next flush
    bool started = false;                          // Started was given to the core in this process
    bool given_up = false;                         // the store refused: Started is given again once all acts are back
    std::optional<TimeKeeper> time;                // steps of the clock since what was read was stored; absent: nothing was read yet
    rotation::Reason reason;                       // of the last decision
    std::string ask;                               // what the operator is asked for; empty: nothing
    AskedRecords asked;
    std::string told_ask;                          // as the log has it
};

struct PolicyKeeper::Entry : Party {
    const PolicySettings* settings = nullptr;      // null: nobody wants it any more
    float spread = 0;
    std::vector<std::string> mx_goal;              // as `mxseal mx` was told; empty: nobody told

    std::unique_ptr<rotation::mta_sts::DomainState> state; // null: let go, it is in the store
    bool stored = false;                           // the store has a row
    bool is_unsure = false;                        // whether it has the last one that was written
    std::string wanted, decided_for;               // digests: of the settings, and of those that the state was last decided with
    bool at_rest = false;
    bool closed = false;                           // it could not be read: nothing is done until somebody mends it
    std::optional<Instant> observed_at, fetched_at; // of a state that was let go
    std::optional<std::string> txt_alias;           // of the same
    std::optional<Instant> serve_intent;           // of the Serve that in_place() ends
    std::size_t written = 0;                       // digest of what was stored last
    std::vector<std::string> stored_goal;          // mx_goal as the store has it
    std::string page, stored_page;                 // the second as the log has it

    std::string shares;                            // C-38: the record it shares with others; empty: none
    bool shared_wants = false, shared_pending = false; // as counted in its group
    bool tell_shared = false;                      // the last round over the record is to be given to the core
};

// The domains that share one TXT record.
struct PolicyKeeper::Group : Party {
    Ttl txt_ttl{3600};
    rotation::mta_sts::SharedState state;
    bool loaded = false;                           // it is as the store has it, or further
    std::string written;                           // what the store has
    std::set<std::string> members;
    std::size_t wanting = 0, pending = 0;
    rotation::mta_sts::RrsetRound last;            // the last round
};

struct PolicyKeeper::ReportRecord {
    std::vector<std::string> rua;
    bool known = false, foreign = false;
    std::string trouble, advice, record;
    std::optional<Instant> due;                    // absent: under way
};

} // namespace mxseal::agent
