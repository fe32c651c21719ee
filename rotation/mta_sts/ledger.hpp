// RrsetLedger: which versions of a TXT or MX RRset resolvers may hold (the counterpart of tlsa/ledger.hpp for RRsets whose answers
// need no signature).
#pragma once

#include "rotation/mta_sts/observation.hpp"
#include "rotation/mta_sts/policy.hpp"

#include <optional>
#include <string>
#include <vector>

namespace mxseal::rotation::mta_sts {

struct RrsetVersion {
    Values values;
    Instant first_seen{};
    std::optional<Instant> closed_at;   // from then on no server answers with it; absent: some may
};

struct RrsetServer {
    std::string server, address;
    std::optional<Values> values;       // of its last answer
    std::optional<Instant> silent_since;
    std::string trouble;
    bool by_alias = false;              // asked only for an alias that led to it
};

struct RrsetLedger {
    struct Sighting {
        Ttl ttl{0};
        Instant at{};
    };
    struct Rounds {
        Values values;
        Instant first_finished{}, last_finished{};
        int count = 0;
    };
    struct Complete {
        Values values;
        Instant at{};                   // T_all, of TXT: T_t
    };
    std::vector<RrsetVersion> versions;
    std::vector<Sighting> ttls;         // falling TTL, rising time
    std::vector<RrsetServer> servers;
    std::optional<Rounds> rounds;
    std::optional<Complete> complete;
    std::optional<Values> primary;
    std::string primary_error;
    std::optional<Instant> last_round;
};

// A write is about to be sent: from now on some server may answer with it.
void note_intended(RrsetLedger& ledger, const Values& values, Ttl ttl, Instant now);
void note_round(RrsetLedger& ledger, const RrsetObservation& seen, Instant finished, const Policy& policy);
void forget_expired(RrsetLedger& ledger, Instant now, const Policy& policy);
// A forward step of the wall clock moves everything that a wait counts from (section 0.1).
void move(RrsetLedger& ledger, Duration forward);

// TTL_eff: largest TTL seen in seven days, at least resolver_min_ttl.
Duration effective_ttl(const RrsetLedger& ledger, Instant now, const Policy& policy);
// TTL_eff + safety_margin + stale_margin: how long after its end a version can be held.
Duration hold_of(const RrsetLedger& ledger, Instant now, const Policy& policy);
// Versions some resolver may answer with.
std::vector<RrsetVersion> held(const RrsetLedger& ledger, Instant now, const Policy& policy);
// Servers that keep `values` from being complete, in words.
std::string incomplete_because(const RrsetLedger& ledger, const Values& values);

} // namespace mxseal::rotation::mta_sts
