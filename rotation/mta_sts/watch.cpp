// When to look at the world: name servers and endpoint.
#include "rotation/mta_sts/context.hpp"

#include <algorithm>

namespace mxseal::rotation::mta_sts {

namespace {

constexpr Duration kLongWaitPace = std::chrono::minutes(15); // DESIGN.md, Interface

// A shared record is looked at once for all who share it: a domain's own name servers need no closer look for its sake.
bool shares(const DomainState& state, const Policy& policy) { return !policy.txt_target.empty() && state.txt_alias == policy.txt_target; }

// Nothing has come of it for as long as senders take to look again: it waits for somebody, and no look of ours will hurry him.
bool is_stuck(const DomainState& state, Instant now, const Policy& policy) {
    if (!state.serving || (state.serving->live && state.serving->complete)) return false;
    const Serving& serving = *state.serving;
    return now >= std::max({serving.intent, serving.live.value_or(serving.intent), serving.bump_intent.value_or(serving.intent)}) + policy.policy_refresh;
}

bool dns_changes(const DomainState& state, const Policy& policy) {
    if (state.asks || state.withdrawn || state.under_way.contains(Task::write_txt) || state.under_way.contains(Task::write_mx) || !state.mx.complete) return true;
    if (shares(state, policy)) return false;
    return !state.txt.complete || (state.serving && (!state.serving->live || !state.serving->complete));
}

bool endpoint_changes(const DomainState& state, const Policy& policy) {
    if (state.serving && !state.serving->live) return true;
    return !shares(state, policy) && dns_changes(state, policy);
}

bool waits_for_something(const DomainState& state, Instant now, const Policy& policy) {
    return std::any_of(state.past.begin(), state.past.end(), [&](const PastBody& past) {
        const auto end = hard_end(past, policy);
        return past.body.mode == Mode::enforce && (!end || now < *end);
    });
}

Duration pace(const Context& context, Task task) {
    const bool changes = task == Task::fetch ? endpoint_changes(context.state, context.policy) : dns_changes(context.state, context.policy);
    if (changes && !is_stuck(context.state, context.now, context.policy)) return context.policy.observe_every;
    if (changes) return std::min(kLongWaitPace, context.policy.monitor_every);
    // A fall-back of an id that nobody sees now would end a wait too early for whoever wants to add a host later.
    if (waits_for_something(context.state, context.now, context.policy)) return std::min(kLongWaitPace, context.policy.monitor_every);
    return context.policy.monitor_every;
}

// Senders whose resolver holds an address that left go on asking there.
Fetch fetch_of(const DomainState& state) {
    Fetch fetch;
    for (const EndpointAddress& address : state.addresses)
        if (address.gone_since) fetch.departed.push_back(address.address);
    return fetch;
}

Duration fresh_for(const Policy& policy) { return std::max<Duration>(policy.observe_every, std::chrono::seconds(2)); }

void look(Context& context, Task task, const std::optional<Instant>& last, const Action& action) {
    const Instant due = last ? *last + pace(context, task) : context.now;
    if (context.now < due)
        context.wake_at(due);
    else if (context.may_start(task))
        context.start(action);
}

} // namespace

void keep_watch(Context& context) {
    const bool concerned = context.state.serving || context.policy.mode != Mode::none || !context.policy.mx_goal.empty();
    if (!concerned) return;
    look(context, Task::observe, context.state.observed_at, Observe{});
    if (context.state.serving) look(context, Task::fetch, context.state.fetched_at, fetch_of(context.state));
    // A policy that somebody else publishes already: what it says is looked at once before it is replaced.
    if (found_elsewhere(context.state) && !context.state.fetched_at && context.may_start(Task::fetch)) context.start(fetch_of(context.state));
}

bool found_elsewhere(const DomainState& state) { return !state.serving && !state.ids.empty(); }

namespace {

bool looked_within(const Context& context, Duration length) {
    const DomainState& state = context.state;
    const auto fresh = [&](const std::optional<Instant>& at) { return at && context.now < *at + length; };
    return fresh(state.observed_at) && state.observe_trouble.empty() && (!state.serving || (fresh(state.fetched_at) && state.fetch_trouble.empty()));
}

} // namespace

bool looked_lately(Context& context) { return looked_within(context, 3 * fresh_for(context.policy)) || looked_just_now(context); }

bool looked_just_now(Context& context) {
    DomainState& state = context.state;
    const auto fresh = [&](const std::optional<Instant>& at) { return at && context.now < *at + fresh_for(context.policy); };
    if (!fresh(state.observed_at) && context.may_start(Task::observe)) context.start(Observe{});
    if (state.serving && !fresh(state.fetched_at) && context.may_start(Task::fetch)) context.start(fetch_of(context.state));
    if (looked_within(context, fresh_for(context.policy))) return true;
    const std::string& trouble = state.observe_trouble.empty() ? state.fetch_trouble : state.observe_trouble;
    context.waits(because("wait.look", trouble.empty() ? "looks at every name server and every address of the endpoint before the next step" : trouble));
    return false;
}

} // namespace mxseal::rotation::mta_sts
