#include "rotation/mta_sts/context.hpp"

#include <algorithm>
#include <utility>

namespace mxseal::rotation::mta_sts {

namespace {

void forget(Context& context) {
    DomainState& state = context.state;
    forget_expired(state.txt, context.now, context.policy);
    forget_expired(state.mx, context.now, context.policy);
    const Duration address_hold = std::max(context.policy.unseen_ttl, context.policy.resolver_min_ttl) + context.policy.safety_margin;
    std::erase_if(state.addresses, [&](const EndpointAddress& address) { return address.gone_since && context.now >= *address.gone_since + address_hold; });
    std::erase_if(state.past, [&](const PastBody& past) {
        const auto end = hard_end(past, context.policy);
        return end && context.now >= *end;
    });
}

void decide(Context& context) {
    DomainState& state = context.state;
    const bool concerned = state.serving || context.policy.mode != Mode::none || !context.policy.mx_goal.empty();
    if (!concerned) return;
    if (!state.mx.last_round) return context.waits(because("wait.look", "waits for the first look at the name servers" + (state.observe_trouble.empty() ? "" : ": " + state.observe_trouble)));
    if (found_elsewhere(state) && !state.fetched_at) return context.waits(because("wait.look", "a policy of somebody else is announced: looks at what it says"));
    const Target target = target_of(context);
    if (target.want == Want::body && (!state.serving || state.serving->body != target.body)) serve(context, target.body);
    if (!state.serving) return keep_mx(context);
    const bool announced = state.withdrawn || keep_announced(context);
    if (announced) keep_mx(context);
    if (announced && state.serving->body.mode == Mode::none) withdraw(context);
    page_uncovered(context);
}

} // namespace

Decision step(DomainState& state, const Event& event, Instant now, const Policy& policy, const Surroundings& around) {
    Decision decision;
    Context context{state, now, policy, around, decision};
    apply(context, event);
    forget(context);
    keep_watch(context);
    decide(context);
    // The operator is waited for: what was asked is looked for at the pace of a change.
    const bool asks = decision.ask || decision.ask_txt;
    if (asks && !std::exchange(state.asks, asks)) context.wake_at(now + policy.observe_every);
    state.asks = asks;
    return decision;
}

} // namespace mxseal::rotation::mta_sts
