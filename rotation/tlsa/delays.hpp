// The waits of requirements A.4, one small function each: when, and the sentence that says why.
#pragma once

#include "rotation/tlsa/policy.hpp"
#include "rotation/reason.hpp"
#include "rotation/tlsa/state.hpp"

namespace mxseal::rotation::tlsa {

// W1 over all owners of the host: whether the key may be served.
Readiness may_serve(const HostState& state, const SpkiHash& key, Instant now, const Policy& policy, Urgency urgency);
// The same without the words: since when, or from when on, it may be served. Absent: not known yet.
std::optional<Instant> servable_from(const HostState& state, const SpkiHash& key, Instant now, const Policy& policy, Urgency urgency);
// W2, W10: when the old key's record may go, counted from the last time it may have been served.
Reason may_remove(const Roll& roll, const Policy& policy);
// The planned end of a key's time.
std::optional<Instant> rotation_due_at(const HostState& state, const Line& line, const Policy& policy);
std::optional<Reason> rotation_due(const HostState& state, const Line& line, const Policy& policy);
// DANE fully effective: caches have forgotten that there was no TLSA (T_all + NEG_eff). Only said, never waited for (W3).
std::optional<Reason> fully_effective(const HostState& state, const Policy& policy);
// W10: until when a signed version with the key can be replayed on the path: the last RRSIG expiration seen over one.
std::optional<Instant> replay_horizon(const HostState& state, const SpkiHash& key);
// The held versions that do not contain the key: what an accepted risk accepts.
std::vector<Held> at_risk(const HostState& state, const SpkiHash& key, Instant now, const Policy& policy, Urgency urgency);
Urgency urgency_of(RollKind kind);

} // namespace mxseal::rotation::tlsa
