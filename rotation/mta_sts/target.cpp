// Which body is wanted now: mode and max_age as far as C-35 allows, patterns that cover every MX host that is, was or shall be.
#include "rotation/mta_sts/context.hpp"

#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace mxseal::rotation::mta_sts {

namespace {

using std::chrono::seconds;

constexpr seconds kFirstMaxAge{86'400};    // C-11: testing, none, and the first step of enforce
constexpr seconds kSecondMaxAge{604'800};

// C-35: every look at the MX hosts that stand in the RRset finds them valid. One that does not begins the clean time anew.
std::string invalid_mx(Context& context) {
    for (const std::string& host : held_hosts(context.state, context.now, context.policy)) {
        auto facts = std::find_if(context.around.hosts.begin(), context.around.hosts.end(), [&](const MxFacts& each) { return each.host == host; });
        if (facts == context.around.hosts.end()) return fmt::format("{} has not been looked at", host);
        if (facts->valid) continue;
        context.state.clean_since.reset();
        return fmt::format("{}: {}", host, facts->trouble);
    }
    return {};
}

bool gate_is_open(Context& context) {
    const DomainState& state = context.state;
    const auto text = std::string("the policy goes from testing to enforce at");
    if (!state.serving || !state.serving->complete) return false;
    if (auto trouble = invalid_mx(context); !trouble.empty()) {
        context.waits(because("wait.testing", "the policy stays in testing: " + trouble));
        return false;
    }
    if (!state.clean_since) {
        context.waits(because("wait.testing", "the policy stays in testing: " + (state.fetch_trouble.empty() ? "not fetched since the start" : state.fetch_trouble)));
        return false;
    }
    const Instant since = std::max(*state.clean_since, *state.serving->complete);
    const Reason wait = wait_until("wait.testing", text, "fetched without a fault since", since, {{"testing_for", context.policy.testing_for}});
    if (context.now >= *wait.until) return true;
    context.waits(wait);
    return false;
}

// A policy from before mxseal: who is protected by it is not left unprotected.
const PolicyBody* enforced_by_another(const DomainState& state) {
    for (const PastBody& past : state.past)
        if (past.body.mode == Mode::enforce && !past.last_served) return &past.body;
    return nullptr;
}

Mode mode_of(Context& context) {
    const DomainState& state = context.state;
    if (context.policy.mode != Mode::enforce) return context.policy.mode;
    if (context.policy.at_once || (state.serving ? state.serving->body.mode == Mode::enforce : enforced_by_another(state) != nullptr)) return Mode::enforce;
    const bool tested = state.serving && state.serving->body.mode == Mode::testing;
    return tested && gate_is_open(context) ? Mode::enforce : Mode::testing;
}

// C-35: 1d, 1w, then what is wanted, each step after a quiet week; a shorter one at once.
seconds max_age_of(Context& context, Mode mode) {
    const seconds goal = context.policy.max_age;
    if (mode != Mode::enforce) return std::min(goal, kFirstMaxAge);
    if (context.policy.at_once) return goal;
    const DomainState& state = context.state;
    if (const PolicyBody* another = state.serving ? nullptr : enforced_by_another(state)) return std::min(goal, another->max_age);
    if (!state.serving || state.serving->body.mode != Mode::enforce) return std::min(goal, kFirstMaxAge);
    const seconds current = state.serving->body.max_age;
    if (current >= goal || !state.serving->complete || !state.clean_since) return std::min(current, goal);
    const seconds next = current < kFirstMaxAge ? kFirstMaxAge : current < kSecondMaxAge ? kSecondMaxAge : goal;
    const Instant since = std::max(*state.clean_since, *state.serving->complete);
    const Reason wait = wait_until("wait.max_age_step", fmt::format("max_age is raised to {} at", mxseal::to_string(Duration{std::min(next, goal)})), "without a fault since", since,
                                   {{"quiet_for", context.policy.quiet_for}});
    if (context.now >= *wait.until) return std::min(next, goal);
    context.waits(wait);
    return current;
}

void add_missing(std::vector<std::string>& patterns, const std::vector<std::string>& hosts) {
    for (const std::string& host : hosts)
        if (std::none_of(patterns.begin(), patterns.end(), [&](const std::string& pattern) { return matches(pattern, host); })) patterns.push_back(host);
}

// C-15, C-34: what is or may be held in the MX RRset and what shall be in it is covered; what was covered stays until somebody asks.
std::vector<std::string> patterns_of(const Context& context) {
    const DomainState& state = context.state;
    const Policy& policy = context.policy;
    std::vector<std::string> patterns = policy.patterns;
    const bool asked = !policy.mx_goal.empty() || !policy.patterns.empty();
    if (!asked && state.serving) patterns = state.serving->body.mx;
    if (!asked && !state.serving)
        for (const PastBody& past : state.past) patterns.insert(patterns.end(), past.body.mx.begin(), past.body.mx.end());
    add_missing(patterns, held_hosts(state, context.now, policy));
    add_missing(patterns, policy.mx_goal);
    std::sort(patterns.begin(), patterns.end());
    patterns.erase(std::unique(patterns.begin(), patterns.end()), patterns.end());
    return patterns;
}

bool mx_is_known(const DomainState& state) {
    return std::any_of(state.mx.servers.begin(), state.mx.servers.end(), [](const RrsetServer& server) { return server.values.has_value(); });
}

} // namespace

Target target_of(Context& context) {
    const DomainState& state = context.state;
    // C-36: the way out leads over `mode: none`.
    if (context.policy.mode == Mode::none) {
        if (!state.serving) return {Want::nothing, {}};
        return {Want::body, PolicyBody{Mode::none, kFirstMaxAge, {}}};
    }
    if (!mx_is_known(state) && context.policy.patterns.empty()) {
        context.waits(because("wait.mx", fmt::format("the MX RRset of {} is not known yet: {}", context.policy.domain,
                                                     state.observe_trouble.empty() ? incomplete_because(state.mx, {}) : state.observe_trouble)));
        return {};
    }
    PolicyBody body;
    body.mode = mode_of(context);
    body.max_age = max_age_of(context, body.mode);
    body.mx = patterns_of(context);
    if (body.mx.empty()) {
        context.waits(because("halt.no_mx", fmt::format("{} has no MX host that a policy could name", context.policy.domain), "add an MX record, or set `mode: none`"));
        return {};
    }
    if (body.text().size() > kBodyBytesMost) {
        context.waits(because("halt.body", fmt::format("the policy of {} would be larger than {} bytes", context.policy.domain, kBodyBytesMost), "name fewer patterns in `mta_sts.mx`"));
        return {};
    }
    return {Want::body, std::move(body)};
}

} // namespace mxseal::rotation::mta_sts
