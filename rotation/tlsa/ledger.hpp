// Ledger: what resolvers may hold of one TLSA owner. It remembers every version seen or intended, with the largest TTL as
// served, and answers which of them may still be in some cache (requirements A.4, Held).
#pragma once

#include "rotation/decision.hpp"
#include "rotation/tlsa/observation.hpp"
#include "rotation/tlsa/policy.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace mxseal::rotation::tlsa {

using rotation::because;
using rotation::Failure;
using rotation::Note;
using rotation::Reason;
using rotation::Retry;
using rotation::wait_until;

struct Version {
    dns::TlsaSet records;
    Instant first_seen{};                   // observed, or intended by us
    std::optional<Instant> closed_at;       // L(V): from then on no server answers with it; absent: some may
    std::optional<Instant> signed_until;    // largest RRSIG expiration seen: the replay horizon (W10)
};

struct TtlSighting {
    Ttl ttl{0};
    Instant at{};
};

// What one authoritative address said last; kept when it falls silent or leaves the NS set.
struct ServerMemory {
    std::string server, address;
    std::optional<dns::TlsaSet> records;    // of its last answer
    Instant answered_at{};
    std::optional<Instant> silent_since;    // first round without an answer
    std::optional<Instant> signed_until;
    std::optional<Ttl> soa_expire;
    std::optional<Instant> left_at;         // no NS RRset names it any more since then
    std::string trouble;                    // of the last round; empty: it answered
    bool wrong = false;                     // it answered, but not with a valid version: worse than silence
};

struct Rounds {
    dns::TlsaSet records;
    Ttl ttl{0};
    Instant first_finished{};
    Instant last_finished{};
    int count = 0;
};

struct Complete {
    dns::TlsaSet records;
    Ttl ttl{0};
    Instant at{};                           // T_all
};

struct Ledger {
    std::uint16_t port = 25;
    std::optional<Instant> first_observed;  // no round before it
    std::vector<Version> versions;
    std::vector<TtlSighting> ttls;          // falling TTL, rising time
    std::optional<Ttl> negative_ttl;        // largest seen
    std::vector<ServerMemory> servers;
    std::optional<Rounds> rounds;
    std::optional<Complete> complete;       // the version that every server answers with
    std::optional<dns::TlsaSet> primary;    // what the server that is written to holds, at the last round
    std::optional<Ttl> primary_ttl;
    std::string primary_error;
    std::optional<dns::Name> cname_target;
    std::optional<Instant> last_round;      // end of the last round
    bool last_round_clean = false;          // every server answered in it, all with the same version
};

// A version that may be in some cache. `until` absent: some server may still hand it out.
struct Held {
    dns::TlsaSet records;
    bool unseen = false;                    // what stood there before the first round: unknown, not empty
    std::optional<Instant> until;
};

enum class Urgency { planned, emergency };  // which stale margin counts
Duration stale_margin(const Policy& policy, Urgency urgency);

// TTL_eff: largest TTL seen in the look-back window, at least resolver_min_ttl (W5).
Duration effective_ttl(const Ledger& ledger, Instant now, const Policy& policy);
// NEG_eff: only for saying when DANE is fully effective.
Duration effective_negative_ttl(const Ledger& ledger, const Policy& policy);

// A write is about to be sent: from now on some server may answer with it.
void note_intended(Ledger& ledger, const dns::TlsaSet& records, Ttl ttl, Instant now);
void note_round(Ledger& ledger, const OwnerObservation& seen, Instant started, Instant finished, const Policy& policy);
// Versions that no cache can hold any more are dropped, sightings of TTLs older than the look-back too.
void forget_expired(Ledger& ledger, Instant now, const Policy& policy);

// Every version some resolver may answer with at `now`; never empty after the first round.
std::vector<Held> held(const Ledger& ledger, Instant now, const Policy& policy, Urgency urgency);

// W1: since when (or from when) every held version contains `record`, with the arithmetic. Absent instant in the reason:
// not known yet, because some server may still answer with a version without it.
struct Readiness {
    bool ready = false;
    Reason reason; // why not, or the arithmetic that made it ready
};
Readiness readiness(const Ledger& ledger, const dns::TlsaRecord& record, Instant now, const Policy& policy, Urgency urgency);

// The same without the words: from when on every held version contains `record`. Absent: not known yet.
std::optional<Instant> servable_from(const Ledger& ledger, const dns::TlsaRecord& record, Instant now, const Policy& policy, Urgency urgency);

// No resolver can hold a TLSA record of this owner (secure denial everywhere, unseen_ttl over); the reason says why not.
Readiness nothing_held(const Ledger& ledger, Instant now, const Policy& policy);

// Servers that keep a version from being complete, in words; empty: none known.
std::string incomplete_because(const Ledger& ledger, const dns::TlsaSet& records, Instant now);

} // namespace mxseal::rotation::tlsa
