#include "rotation/mta_sts/cached.hpp"

#include "rotation/mta_sts/record.hpp"
#include "rotation/planted.hpp"

#include <algorithm>

#include <fmt/format.h>

namespace mxseal::rotation::mta_sts {

namespace {

bool covers_any(const PolicyBody& body, const std::vector<std::string>& hosts) {
    return std::any_of(hosts.begin(), hosts.end(), [&](const std::string& host) { return covers(body, host); });
}

std::string days(std::chrono::seconds length) { return mxseal::to_string(Duration{length}); }

Reason hard_wait(const PastBody& past, const Policy& policy, std::string text) {
    if (!past.last_served) return because("wait.body", std::move(text) + " once every address of the endpoint serves the new policy");
    return wait_until("wait.max_age", std::move(text), "policy last served at", *past.last_served, {{"max_age", past.body.max_age}, {"safety_margin", policy.safety_margin}});
}

// E_refresh: a sender that looks at the id again, at the latest before it gives up a message, has seen a newer one.
Reason soft_wait(const DomainState& state, const PastBody& past, Instant now, const Policy& policy, std::string text) {
    if (!past.replaced) return because("wait.id", std::move(text) + " once every name server answers with the id of the new policy");
    const Duration hold = hold_of(state.txt, now, policy);
    if (hold < policy.policy_refresh) return wait_until("wait.refresh", std::move(text), "new id complete at", *past.replaced, {{"policy_refresh", policy.policy_refresh}});
    return wait_until("wait.refresh", std::move(text), "new id complete at", *past.replaced,
                      {{"TTL", effective_ttl(state.txt, now, policy)}, {"safety_margin", policy.safety_margin}, {"stale_margin", policy.stale_margin}});
}

Admission longest(const std::vector<Reason>& waits, Instant now) {
    Admission out{true, {}};
    for (const Reason& wait : waits) {
        const bool open = !wait.until || now < *wait.until;
        if (!open) continue;
        const bool longer = out.allowed || !wait.until || (out.reason.until && *wait.until > *out.reason.until);
        out.allowed = false;
        if (longer) out.reason = wait;
    }
    return out;
}

} // namespace

std::vector<std::string> hosts_of(const Values& mx) {
    std::vector<std::string> hosts;
    for (const std::string& value : mx) {
        std::string host = value.substr(value.find(' ') + 1);
        if (host.size() > 1 && host.back() == '.') host.pop_back();
        if (host != "." && !host.empty()) hosts.push_back(std::move(host));
    }
    std::sort(hosts.begin(), hosts.end());
    hosts.erase(std::unique(hosts.begin(), hosts.end()), hosts.end());
    return hosts;
}

std::vector<std::string> held_hosts(const DomainState& state, Instant now, const Policy& policy) {
    std::vector<std::string> hosts;
    for (const RrsetVersion& version : held(state.mx, now, policy)) {
        if (planted(Mistake::narrowed_at_once) && version.closed_at) continue;
        for (std::string& host : hosts_of(version.values)) hosts.push_back(std::move(host));
    }
    std::sort(hosts.begin(), hosts.end());
    hosts.erase(std::unique(hosts.begin(), hosts.end()), hosts.end());
    return hosts;
}

std::optional<Instant> hard_end(const PastBody& past, const Policy& policy) {
    if (!past.last_served) return std::nullopt;
    return *past.last_served + past.body.max_age + policy.safety_margin;
}

// RFC 8461 sections 5.1 and 8.1: failures are temporary until the id was looked at again, so E_refresh suffices where an old host stays.
Admission known_to_senders(const DomainState& state, const std::string& host, Instant now, const Policy& policy) {
    const auto text = fmt::format("{} may enter the MX RRset from", host);
    const auto stay = held_hosts(state, now, policy);
    std::vector<Reason> waits;
    for (const PastBody& past : state.past) {
        if (past.body.mode != Mode::enforce || covers(past.body, host)) continue;
        const auto hard = hard_end(past, policy);
        if (hard && now >= *hard) continue;
        waits.push_back(covers_any(past.body, stay) ? soft_wait(state, past, now, policy, text) : hard_wait(past, policy, text));
    }
    return longest(waits, now);
}

Admission may_enter(const DomainState& state, const std::string& host, Instant now, const Policy& policy) {
    if (!state.serving || planted(Mistake::mx_added_at_once)) return {true, {}};
    if (state.serving->body.mode != Mode::none && !covers(state.serving->body, host))
        return {false, because("wait.body", fmt::format("the policy does not cover {} yet", host))};
    if (!state.serving->complete) return {false, because("wait.id", fmt::format("{} may enter the MX RRset once every name server answers with the id of the policy that covers it", host))};
    return known_to_senders(state, host, now, policy);
}

Admission may_remain_alone(const DomainState& state, const std::vector<std::string>& left, Instant now, const Policy& policy) {
    if (left.empty()) return {false, because("halt.no_mx", "no host would be left in the MX RRset", "name at least one host in `mx`")};
    if (planted(Mistake::old_hosts_leave_early)) return {true, {}};
    std::vector<Reason> waits;
    for (const PastBody& past : state.past)
        if (past.body.mode == Mode::enforce && !covers_any(past.body, left)) waits.push_back(hard_wait(past, policy, "the old hosts may leave the MX RRset from"));
    if (state.serving && state.serving->body.mode == Mode::enforce && !covers_any(state.serving->body, left))
        waits.push_back(because("wait.body", "the policy covers none of the hosts that would be left"));
    return longest(waits, now);
}

Admission may_withdraw(const DomainState& state, Instant now, const Policy& policy) {
    const bool is_unseen = state.txt.complete && sts_records(state.txt.complete->values) == 0;
    if (!state.serving || state.serving->body.mode != Mode::none || (!state.serving->complete && !is_unseen))
        return {false, because("wait.id", "the TXT record goes after every name server answers with the id of the policy `mode: none`")};
    std::vector<Reason> waits;
    for (const PastBody& past : state.past)
        if (past.body.mode != Mode::none && !planted(Mistake::withdrawn_early)) waits.push_back(hard_wait(past, policy, fmt::format("senders may hold the policy of max_age {} until", days(past.body.max_age))));
    return longest(waits, now);
}

} // namespace mxseal::rotation::mta_sts
