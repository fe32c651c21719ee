// When to look at the world: DNS at every server, the wire at every endpoint, the clock.
#include "rotation/planted.hpp"
#include "rotation/tlsa/context.hpp"

#include <algorithm>

namespace mxseal::rotation::tlsa {

namespace {

bool dns_change_under_way(const HostState& state, const Policy& policy) {
    if (state.write || !state.lines.empty()) {
        const auto wanted = wanted_records(state, policy);
        for (const Ledger& ledger : state.ledgers)
            if (!ledger.complete || !ledger.complete->records.includes(wanted)) return true;
    }
    for (const Ledger& ledger : state.ledgers)
        if (!ledger.complete) return true;
    return state.ledgers.empty() || state.write.has_value() || (state.roll && state.roll->cleanup_intent);
}

bool wire_change_under_way(const HostState& state) {
    if (!state.adopted && state.precheck_rounds < kRounds) return true;
    if (state.deployment && !state.deployment->shown) return true;
    return state.roll && state.roll->intent && state.roll->confirmations < kRounds;
}

bool long_wait(const HostState& state) {
    if (state.roll || !state.requests.empty() || !state.adopted) return true;
    for (const Line& line : state.lines)
        for (const SpkiHash& spki : line.next)
            if (const Key* key = find_key(state, spki); key != nullptr && !key->ready) return true;
    return false;
}

Duration resting_pace(const HostState& state, const Policy& policy) {
    return long_wait(state) ? std::min(kLongWaitPace, policy.monitor_every) : policy.monitor_every;
}

// A just deployed pair is looked for quickly, then at the pace of observations: our choice, a handshake costs milliseconds.
Duration wire_pace(const Context& context) {
    const HostState& state = context.state;
    if (!wire_change_under_way(state)) return resting_pace(state, context.policy);
    const bool just_written = state.deployment && !state.deployment->shown && state.deployment->written &&
                              context.now < *state.deployment->written + std::chrono::seconds(10);
    return just_written ? std::min<Duration>(context.policy.observe_every, Duration{250}) : context.policy.observe_every;
}

Duration fresh_for(const Policy& policy) { return std::max<Duration>(policy.observe_every, std::chrono::seconds(2)); }

void start_probe(Context& context) {
    Probe probe;
    for (const Ledger& ledger : context.state.ledgers)
        for (Held& version : held(ledger, context.now, context.policy, Urgency::planned))
            if (!version.unseen && !version.records.empty()) probe.versions.emplace_back(ledger.port, std::move(version));
    context.start(std::move(probe));
}

bool dns_looked_just_now(Context& context) {
    const auto& at = context.state.observed_at;
    if (at && context.now < *at + fresh_for(context.policy)) return true;
    if (context.may_start(Task::observe)) context.start(Observe{});
    return false;
}

bool clock_checked_just_now(Context& context, Urgency urgency) {
    if (planted(Mistake::clock_trusted)) return true;
    const auto& at = context.state.time_validated;
    if (at && context.now < *at + fresh_for(context.policy)) return true;
    if (context.may_start(Task::validate_time)) context.start(ValidateTime{});
    // An emergency roll does not wait for a peer that tells the time once the clock was right since the start.
    return urgency == Urgency::emergency && at.has_value();
}

bool wire_looked_just_now(Context& context) {
    const auto& at = context.state.wire.at;
    const auto& deployment = context.state.deployment;
    const bool after_deployment = !deployment || !deployment->written || (at && *at > *deployment->written);
    if (at && context.now < *at + fresh_for(context.policy) && after_deployment) return true;
    if (context.may_start(Task::probe)) start_probe(context);
    return false;
}

} // namespace

Duration pace(const HostState& state, const Policy& policy) {
    return dns_change_under_way(state, policy) ? policy.observe_every : resting_pace(state, policy);
}

void keep_watch(Context& context) {
    HostState& state = context.state;
    const Instant observe_at = state.observed_at ? *state.observed_at + pace(state, context.policy) : context.now;
    if (context.now < observe_at)
        context.wake_at(observe_at);
    else if (context.may_start(Task::observe))
        context.start(Observe{});

    const Instant probe_at = state.wire.at ? *state.wire.at + wire_pace(context) : context.now;
    if (context.now < probe_at)
        context.wake_at(probe_at);
    else if (context.may_start(Task::probe))
        start_probe(context);

    // Section 0.1: the clock is compared with an authenticated one after each start.
    if (!state.time_validated && context.may_start(Task::validate_time)) context.start(ValidateTime{});
}

bool looked_just_now(Context& context, Urgency urgency) {
    if (planted(Mistake::no_look_before_a_switch)) return true;
    const bool dns = dns_looked_just_now(context);
    const bool wire = wire_looked_just_now(context);
    const bool clock = clock_checked_just_now(context, urgency);
    if (dns && wire && clock) return true;
    auto retry = context.state.retries.find(Task::validate_time);
    if (!clock && retry != context.state.retries.end())
        context.waits(retry->second.reason);
    else
        context.waits(because("wait.look", "looks at every name server, every endpoint and the clock before the next step"));
    return false;
}

} // namespace mxseal::rotation::tlsa
