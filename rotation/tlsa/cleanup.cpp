// The end of a roll: the old key's record goes, once no endpoint can serve the key any more (R2, W2).
#include "rotation/planted.hpp"
#include "rotation/tlsa/context.hpp"
#include "rotation/tlsa/delays.hpp"

#include <algorithm>

#include <fmt/format.h>

namespace mxseal::rotation::tlsa {

namespace {

std::optional<Reason> removal_refused(const Context& context, const Roll& roll, Ready ready) {
    const HostState& state = context.state;
    if (auto refused = clock_refuses(state, urgency_of(roll.kind))) return refused;
    if (auto refused = dns_refuses(state, context.policy)) return refused;
    if (!ready.records) return because("wait.following", "the record of the following standby is added before the old one is removed");
    if (roll.kind == RollKind::planned)
        if (auto refused = signatures_refuse(state, context.policy, context.now)) return refused;
    // Case 9: one endpoint with the old key, or one that cannot be judged, keeps the record.
    if (!state.wire.sound) return because("wait.confirm", "the old record stays while an endpoint cannot be confirmed: " + state.wire.trouble);
    return std::nullopt;
}

std::optional<Reason> still_served(const HostState& state, const Roll& roll) {
    const bool served = std::any_of(state.wire.chains.begin(), state.wire.chains.end(), [&](const Chain& chain) { return chain.key == *roll.from; });
    if (!served) return std::nullopt;
    return because("wait.confirm", fmt::format("the old record stays while an endpoint presents key {}", roll.from->short_hex()));
}

void finish(Context& context, const Roll& roll) {
    HostState& state = context.state;
    if (roll.from) find_key(state, *roll.from)->removed = context.now;
    context.note("roll.finished", {{"from", roll.from ? roll.from->hex() : ""}, {"to", roll.to.hex()}, {"kind", std::string(to_string(roll.kind))}},
                 fmt::format("the {} roll to key {} is finished", to_string(roll.kind), roll.to.short_hex()));
    state.roll.reset();
}

void note_cleanup(Context& context, const Roll& roll) {
    context.note("cleanup.started", {{"from", roll.from->hex()}}, fmt::format("the record of key {} is removed", roll.from->short_hex()));
    if (roll.kind != RollKind::emergency) return;
    // W10: RFC 7671 section 11: an old signed RRset can be replayed while its signatures last.
    if (auto horizon = replay_horizon(context.state, *roll.from))
        context.note("roll.replay_horizon", {{"until", to_rfc3339(*horizon)}},
                     fmt::format("an attacker on the path can replay signed TLSA records of key {} until {}", roll.from->short_hex(), to_rfc3339(*horizon)));
}

// INV-2, R2: between the intent and the write, or one that is tried again, the zone may have lost its signatures, and somebody may have put
// the old pair back; a restart has seen neither yet.
std::optional<Reason> write_refused(const Context& context, const Roll& roll) {
    const HostState& state = context.state;
    if (auto refused = dns_refuses(state, context.policy)) return refused;
    if (planted(Mistake::removed_while_served) || planted(Mistake::cleanup_at_the_switch) || planted(Mistake::cleanup_after_roll_back)) return std::nullopt;
    if (!state.wire.at) return because("wait.look", "looks at every endpoint before the old record is removed");
    return still_served(state, roll);
}

// True when no primary holds the record any more.
bool removed_at_primaries(Context& context, const Roll& roll) {
    HostState& state = context.state;
    const auto old = dns::TlsaSet({record_of(*roll.from)});
    for (const Ledger& ledger : state.ledgers) {
        if (!ledger.primary) return false;
        if (!ledger.primary->includes(old)) continue;
        if (auto refused = write_refused(context, roll)) {
            context.waits(std::move(*refused));
            return false;
        }
        // Somebody took a record away that is needed: it is put back before another one goes.
        if (const auto missing = wanted_records(state, context.policy).without(*ledger.primary); !missing.empty()) {
            context.waits(because("wait.write", fmt::format("{} is gone from the zone and is published again before the record of key {} is removed", missing.to_string(), roll.from->short_hex())));
            return false;
        }
        if (!state.write && context.may_start(Task::write)) {
            context.note("cleanup.written", {{"from", roll.from->hex()}}, fmt::format("asks the provider to remove {} from _{}._tcp.{}", old.to_string(), ledger.port, context.policy.host));
            write_records(context, ledger, ledger.primary->without(old));
        }
        return false;
    }
    return true;
}

} // namespace

void keep_cleaning(Context& context, Roll& roll, Ready ready) {
    HostState& state = context.state;
    if (!roll.from) return finish(context, roll);
    if (!roll.cleanup_intent && planted(Mistake::removed_while_served)) roll.cleanup_intent = context.now;
    if (!roll.cleanup_intent) {
        const Reason wait = may_remove(roll, context.policy);
        if (context.now < *wait.until) return context.waits(wait);
        if (auto refused = removal_refused(context, roll, ready)) return context.waits(std::move(*refused));
        if (!looked_just_now(context, urgency_of(roll.kind))) return;
        if (auto served = still_served(state, roll)) return context.waits(std::move(*served));
        roll.cleanup_intent = context.now;
        note_cleanup(context, roll);
    }
    if (!removed_at_primaries(context, roll)) return context.waits(because("wait.cleanup", fmt::format("removes the record of key {}", roll.from->short_hex())));
    const auto old = record_of(*roll.from);
    for (const Ledger& ledger : state.ledgers)
        if (!ledger.complete || ledger.complete->records.contains(old))
            return context.waits(because("wait.complete", fmt::format("waits until every name server answers without key {}: {}", roll.from->short_hex(),
                                                                      incomplete_because(ledger, *ledger.primary, context.now))));
    finish(context, roll);
}

} // namespace mxseal::rotation::tlsa
