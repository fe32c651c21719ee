// The MX RRset on its way to what is wanted (C-30..C-33), and MX records that somebody else changed (C-34).
#include "rotation/mta_sts/context.hpp"

#include <algorithm>
#include <charconv>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace mxseal::rotation::mta_sts {

namespace {

using Hosts = std::vector<std::string>;

bool contains(const Hosts& all, const std::string& one) { return std::find(all.begin(), all.end(), one) != all.end(); }

Hosts without(const Hosts& all, const Hosts& these) {
    Hosts out;
    for (const std::string& host : all)
        if (!contains(these, host)) out.push_back(host);
    return out;
}

// W7: its TLSA records are in place and its certificate is valid before senders are sent to it.
std::optional<Reason> not_ready(const Context& context, const std::string& host) {
    for (const MxFacts& facts : context.around.hosts) {
        if (facts.host != host) continue;
        if (facts.ready && facts.valid) return std::nullopt;
        return because("wait.host", fmt::format("{} is not ready to enter the MX RRset: {}", host, facts.trouble));
    }
    return because("wait.host", fmt::format("{} has not been looked at yet", host));
}

// A new host stands beside the best of the old ones.
int best_preference(const Values& mx) {
    int best = 65536;
    for (const std::string& value : mx) {
        int preference = 65536;
        std::from_chars(value.data(), value.data() + value.size(), preference);
        best = std::min(best, preference);
    }
    return best == 65536 ? 10 : best;
}

Values with_hosts(const Values& mx, const Hosts& hosts) {
    Values out = mx;
    for (const std::string& host : hosts) out.push_back(fmt::format("{} {}", best_preference(mx), host));
    std::sort(out.begin(), out.end());
    return out;
}

Values without_hosts(const Values& mx, const Hosts& hosts) {
    Values out;
    for (const std::string& value : mx)
        if (!contains(hosts, hosts_of({value}).empty() ? std::string() : hosts_of({value}).front())) out.push_back(value);
    return out;
}

void change_mx(Context& context, const Values& target, const Hosts& hosts, std::string_view verb) {
    DomainState& state = context.state;
    const Policy& policy = context.policy;
    if (!context.around.clock_trouble.empty()) return context.waits(because("wait.clock", context.around.clock_trouble));
    Ttl ttl{0};
    for (const auto& sighting : state.mx.ttls) ttl = std::max(ttl, sighting.ttl);
    if (policy.manage_mx ? !looked_just_now(context) : !looked_lately(context)) return;
    if (!policy.manage_mx) {
        context.out.ask = WriteMx{state.mx.complete->values, target, ttl};
        return context.waits(because("wait.operator", fmt::format("the MX RRset of {} can be changed now", policy.domain),
                                     fmt::format("{} {} {} the MX RRset; mxseal goes on when it sees it", verb, fmt::join(hosts, ", "), verb == "add" ? "to" : "from")));
    }
    if (!state.mx.primary || *state.mx.primary != state.mx.complete->values)
        return context.waits(because("wait.primary", "the server that the MX RRset is written to does not answer as the others: " + state.mx.primary_error));
    if (!context.may_start(Task::write_mx)) return context.waits(because("wait.mx", "changes the MX RRset"));
    note_intended(state.mx, target, ttl, context.now);
    context.note(verb == "add" ? "mx.add" : "mx.remove", {{"hosts", fmt::format("{}", fmt::join(hosts, " "))}},
                 fmt::format("asks the provider to {} {} {} the MX RRset of {}", verb, fmt::join(hosts, ", "), verb == "add" ? "to" : "from", policy.domain));
    context.start(WriteMx{*state.mx.primary, target, ttl});
}

// C-30: as many as may enter now go together; the first that may not says why.
void add_hosts(Context& context, const Hosts& wanted) {
    Hosts ready;
    for (const std::string& host : wanted) {
        auto refused = not_ready(context, host);
        const Admission admission = may_enter(context.state, host, context.now, context.policy);
        if (!refused && !admission.allowed) refused = admission.reason;
        if (refused)
            context.waits(*refused);
        else
            ready.push_back(host);
    }
    if (!ready.empty()) change_mx(context, with_hosts(context.state.mx.complete->values, ready), ready, "add");
}

void remove_hosts(Context& context, const Hosts& leaving, const Hosts& left) {
    for (const std::string& host : left)
        if (auto refused = not_ready(context, host)) return context.waits(*refused);
    const Admission admission = may_remain_alone(context.state, left, context.now, context.policy);
    if (!admission.allowed) return context.waits(admission.reason);
    change_mx(context, without_hosts(context.state.mx.complete->values, leaving), leaving, "remove");
}

} // namespace

void keep_mx(Context& context) {
    const DomainState& state = context.state;
    if (context.policy.mx_goal.empty()) return;
    if (!state.mx.complete) return context.waits(because("wait.mx", "waits until every name server answers with the same MX RRset: " + incomplete_because(state.mx, state.mx.primary.value_or(Values{}))));
    const Hosts current = hosts_of(state.mx.complete->values);
    const Hosts wanted = without(context.policy.mx_goal, current);
    if (!wanted.empty()) return add_hosts(context, wanted);
    const Hosts leaving = without(current, context.policy.mx_goal);
    if (!leaving.empty()) remove_hosts(context, leaving, without(current, leaving));
}

void page_uncovered(Context& context) {
    const DomainState& state = context.state;
    for (const RrsetVersion& version : state.mx.versions) {
        if (version.closed_at) continue;
        for (const std::string& host : hosts_of(version.values)) {
            if (contains(context.policy.mx_goal, host) && !state.mx.complete) continue; // our own write is on its way
            const bool enforced = (state.serving && state.serving->body.mode == Mode::enforce) ||
                                  std::any_of(state.past.begin(), state.past.end(), [](const PastBody& past) { return past.body.mode == Mode::enforce; });
            const bool covered = state.serving && (state.serving->body.mode == Mode::none || covers(state.serving->body, host));
            // While only the newest body waits for its id, senders hold one that may cover the host all the same.
            const Admission admission = covered ? known_to_senders(state, host, context.now, context.policy) : may_enter(state, host, context.now, context.policy);
            if (!enforced || (covered && admission.allowed)) continue;
            const auto& goal = context.policy.mx_goal;
            const std::string unwanted = goal.empty() || contains(goal, host) ? "" : fmt::format("; it is none of those that are wanted ({}): remove it", fmt::join(goal, ", "));
            context.out.page = fmt::format("{} stands in the MX RRset of {}, and a policy in force does not cover it: senders defer mail for it; {}{}", host, context.policy.domain,
                                           admission.reason.sentence(), unwanted);
            return;
        }
    }
}

} // namespace mxseal::rotation::mta_sts
