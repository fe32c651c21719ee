#include "rotation/tlsa/delays.hpp"

#include "rotation/planted.hpp"

#include <algorithm>

#include <fmt/format.h>

namespace mxseal::rotation::tlsa {

Urgency urgency_of(RollKind kind) { return kind == RollKind::emergency ? Urgency::emergency : Urgency::planned; }

// RFC 7671 section 8.1, RFC 7672 section 4 (W1): every cache has let go of the versions without the key.
Readiness may_serve(const HostState& state, const SpkiHash& key, Instant now, const Policy& policy, Urgency urgency) {
    if (planted(Mistake::standby_not_held)) return {true, wait_until("wait.standby", "planted", "now", now, {})};
    if (state.ledgers.empty()) return {false, because("wait.look", "waits for the first look at the name servers")};
    std::optional<Readiness> longest;
    for (const Ledger& ledger : state.ledgers) {
        Readiness each = readiness(ledger, record_of(key), now, policy, urgency);
        const bool unknown = !each.ready && !each.reason.until;
        if (unknown) return each;
        if (!longest || *each.reason.until > *longest->reason.until) longest = std::move(each);
    }
    return *longest;
}

std::optional<Instant> servable_from(const HostState& state, const SpkiHash& key, Instant now, const Policy& policy, Urgency urgency) {
    if (planted(Mistake::standby_not_held)) return now;
    const auto record = record_of(key);
    std::optional<Instant> latest;
    for (const Ledger& ledger : state.ledgers) {
        const auto from = servable_from(ledger, record, now, policy, urgency);
        if (!from) return std::nullopt;
        latest = std::max(latest.value_or(*from), *from);
    }
    return latest;
}

// RFC 7671 section 8.1 (W2); an emergency skips rollback_hold (W10), never the margin for handshakes under way.
Reason may_remove(const Roll& roll, const Policy& policy) {
    const Duration hold = roll.kind == RollKind::emergency ? Duration{0} : policy.rollback_hold;
    return wait_until("wait.cleanup", fmt::format("the record of the old key {} may be removed from", roll.from ? roll.from->short_hex() : ""), "old key possibly served at",
                      roll.old_seen, {{"safety_margin", policy.safety_margin}, {"rollback_hold", hold}});
}

// keys change at rotation only, whatever the lifetime of certificates.
std::optional<Instant> rotation_due_at(const HostState& state, const Line& line, const Policy& policy) {
    const Key* key = line.current ? find_key(state, *line.current) : nullptr;
    // Whoever makes the keys says when they change.
    if (!policy.makes_keys || key == nullptr || !key->active || planted(Mistake::never_rolls)) return std::nullopt;
    return *key->active + policy.rotate_every;
}

std::optional<Reason> rotation_due(const HostState& state, const Line& line, const Policy& policy) {
    if (!rotation_due_at(state, line, policy)) return std::nullopt;
    return wait_until("wait.rotation", fmt::format("the next roll of {} is due at", policy.host), "key active since", *find_key(state, *line.current)->active,
                      {{"rotate_every", policy.rotate_every}});
}

// RFC 2308 section 5 (W3): negative answers.
std::optional<Reason> fully_effective(const HostState& state, const Policy& policy) {
    if (!state.first_complete) return std::nullopt;
    Duration negative{0};
    for (const Ledger& ledger : state.ledgers) negative = std::max(negative, effective_negative_ttl(ledger, policy));
    return wait_until("note.effective", "DANE is fully effective from", "complete at", *state.first_complete, {{"negative TTL", negative}});
}

std::optional<Instant> replay_horizon(const HostState& state, const SpkiHash& key) {
    std::optional<Instant> horizon;
    for (const Ledger& ledger : state.ledgers)
        for (const Version& version : ledger.versions)
            if (version.signed_until && version.records.contains(record_of(key))) horizon = std::max(horizon.value_or(*version.signed_until), *version.signed_until);
    return horizon;
}

std::vector<Held> at_risk(const HostState& state, const SpkiHash& key, Instant now, const Policy& policy, Urgency urgency) {
    std::vector<Held> versions;
    for (const Ledger& ledger : state.ledgers)
        for (Held& version : held(ledger, now, policy, urgency))
            if (version.unseen || (!version.records.empty() && !version.records.contains(record_of(key)))) versions.push_back(std::move(version));
    return versions;
}

} // namespace mxseal::rotation::tlsa
