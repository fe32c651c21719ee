// Between the decision to switch and its proof on the wire, and the way back.
#include "rotation/tlsa/context.hpp"
#include "rotation/tlsa/delays.hpp"

#include <algorithm>

#include <fmt/format.h>

namespace mxseal::rotation::tlsa {

namespace {

void mark_verified(Context& context, Roll& roll) {
    HostState& state = context.state;
    roll.verified = context.now;
    Line& line = *find_line(state, roll.line);
    line.current = roll.to;
    std::erase(line.next, roll.to);
    find_key(state, roll.to)->active = context.now;
    if (roll.from) find_key(state, *roll.from)->retired = context.now;
    context.note("switch.verified", {{"to", roll.to.hex()}, {"kind", std::string(to_string(roll.kind))}, {"started", to_rfc3339(*roll.intent)}, {"at", to_rfc3339(context.now)}},
                 fmt::format("every endpoint shows key {}, {} after the switch began", roll.to.short_hex(), mxseal::to_string(context.now - *roll.intent)));
}

std::string seen_instead(const HostState& state) {
    if (!state.wire.trouble.empty()) return state.wire.trouble;
    for (const Chain& chain : state.wire.chains)
        if (state.roll && chain.key != state.roll->to) return fmt::format("an endpoint still presents key {}", chain.key.short_hex());
    return "not probed since the deployment";
}

std::string failure_or_wire(const HostState& state) {
    auto retry = state.retries.find(Task::deploy);
    return retry != state.retries.end() ? retry->second.reason.text : seen_instead(state);
}

bool new_key_shown_anywhere(const HostState& state, const Roll& roll) {
    return std::any_of(state.wire.chains.begin(), state.wire.chains.end(), [&](const Chain& chain) { return chain.key == roll.to; });
}

// The pair goes out again: after a failure, a restart, or when an MTA took no notice in an emergency.
void deploy_again(Context& context, const Roll& roll) {
    HostState& state = context.state;
    if (!state.deployment || !context.may_start(Task::deploy)) return;
    const bool overdue = state.deployment->written && context.now >= *state.deployment->written + verify_patience(context.policy);
    if (state.deployment->reloaded && !overdue) return;
    // G-07: gates are checked before the rename, again after a restart; an older version may have come back meanwhile.
    const bool nothing_new_shown = state.wire.at && !new_key_shown_anywhere(state, roll);
    const auto servable = servable_from(state, roll.to, context.now, context.policy, urgency_of(roll.kind));
    if (!roll.accepted_risk && nothing_new_shown && (!servable || context.now < *servable)) {
        context.waits(because("wait.standby", fmt::format("a version without key {} came back before it was served anywhere: the deployment waits", roll.to.short_hex())));
        return;
    }
    if (!state.wire.at || !state.observed_at) return context.waits(because("wait.look", "looks at every name server and every endpoint after the restart"));
    context.start(Deploy{state.deployment->keys});
}

} // namespace

// G-07: how long an MTA may take to show a new pair: our choice, the time of one SMTP session's handshake, at least 20 s.
Duration verify_patience(const Policy& policy) { return std::max<Duration>(policy.safety_margin, std::chrono::seconds(20)); }

void keep_switching(Context& context, Roll& roll) {
    HostState& state = context.state;
    if (!roll.verified && roll.confirmations >= 1) mark_verified(context, roll);
    if (roll.verified) {
        if (state.wire.trouble.empty())
            context.waits(because("wait.confirm", fmt::format("the new key is confirmed by {} of {} rounds on every endpoint", roll.confirmations, kRounds)));
        else
            context.waits(because("wait.confirm", fmt::format("the new key has to be confirmed on every endpoint: {}", state.wire.trouble)));
        return;
    }
    deploy_again(context, roll);
    const Instant deadline = *roll.intent + verify_patience(context.policy);
    const bool may_go_back = roll.kind == RollKind::planned && roll.from;
    const bool overdue = may_go_back && context.now >= deadline;
    const auto refused = overdue ? back_refused(context, roll) : std::nullopt;
    if (refused) return context.waits(*refused); // the new pair is tried again meanwhile
    if (overdue) {
        // Case 10, G-07: the former pair is put back; its records are in every held version.
        roll.back = context.now;
        const bool unheard = state.deployment && state.deployment->written && !state.deployment->reloaded;
        roll.back_why = fmt::format("{} within {}: {}", unheard ? "the MTA did not take the new key" : "not every endpoint showed the new key",
                                    mxseal::to_string(verify_patience(context.policy)), failure_or_wire(state));
        context.note("switch.failed", {{"to", roll.to.hex()}}, roll.back_why);
        return keep_rolling_back(context, roll);
    }
    if (may_go_back) context.wake_at(deadline);
    context.waits(because("wait.verify", fmt::format("waits until every endpoint shows key {}: {}", roll.to.short_hex(), failure_or_wire(state))));
}

void keep_rolling_back(Context& context, Roll& roll) {
    HostState& state = context.state;
    const bool begun = state.deployment && state.deployment->purpose == DeployPurpose::back && state.deployment->intent >= *roll.back;
    if (!begun) {
        if (auto refused = back_refused(context, roll)) return context.waits(std::move(*refused));
        if (context.may_start(Task::deploy)) deploy(context, DeployPurpose::back, pair_before(state, roll));
        return context.waits(because("wait.back", fmt::format("puts key {} back into service", roll.from->short_hex())));
    }
    // An MTA that took no notice, or a foreign hand that was faster.
    const bool again = state.deployment->written && !state.deployment->shown && context.now >= *state.deployment->written + verify_patience(context.policy);
    if ((!state.deployment->reloaded || again) && !redeploy(context)) return;
    if (state.deployment->written) context.wake_at(*state.deployment->written + verify_patience(context.policy));
    if (!state.deployment->shown) return context.waits(because("wait.back", fmt::format("waits until every endpoint shows key {} again: {}", roll.from->short_hex(), failure_or_wire(state))));

    Line& line = *find_line(state, roll.line);
    std::erase(line.next, roll.to);
    line.next.insert(line.next.begin(), roll.to);
    line.current = *roll.from;
    find_key(state, *roll.from)->retired.reset();
    find_key(state, roll.to)->active.reset();
    context.note("roll.backed", {{"to", roll.from->hex()}}, fmt::format("every endpoint shows key {} again", roll.from->short_hex()));
    if (!roll.back_why.empty()) {
        state.halt = Halt{because("halt.switch", roll.back_why + "; the former key serves again",
                                  fmt::format("see that the MTA reads the deployed file and that the reload works, then `mxseal resume {}`", context.policy.host)),
                          context.now, false};
        context.note("host.halted", {}, state.halt->reason.sentence());
        state.requests.insert(state.requests.begin(), {roll.kind, *roll.from, roll.requested, roll.why, std::nullopt});
        context.waits(state.halt->reason);
    } else if (const Key* key = find_key(state, *roll.from); key != nullptr) {
        // An operator went back: the next planned roll is a whole period away.
        find_key(state, *roll.from)->active = context.now;
        find_key(state, roll.to)->brought.reset(); // not at once again: when the client renews it, or an operator asks
    }
    state.roll.reset();
}

} // namespace mxseal::rotation::tlsa
