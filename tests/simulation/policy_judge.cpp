// What must hold, and what must be reached when everything is calm.
#include "tests/simulation/policy_world.hpp"

#include "rotation/mta_sts/cached.hpp"
#include "rotation/mta_sts/record.hpp"

#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace mxseal::simulation {

using namespace rotation;
using namespace rotation::mta_sts;
using namespace std::chrono_literals;

void PolicyWorld::violated(std::string check, std::string text) {
    if (violation_) return;
    tell("VIOLATION " + check + ": " + text);
    violation_ = PolicyViolation{std::move(check), now_, std::move(text)};
}

// INV-5, the target: hosts in the MX RRset that the policy of the sender does not cover, and that no foreign hand has put there.
std::vector<std::string> PolicyWorld::uncovered(const Sender& sender) {
    std::vector<std::string> hosts;
    const bool holds = sender.policy && now_ < sender.policy->fetched + sender.policy->body.max_age && sender.policy->body.mode == Mode::enforce;
    if (!holds) return hosts;
    for (const std::string& host : hosts_of(ask(sender.resolver, Type::mx)))
        if (!covers(sender.policy->body, host) && !foreign_.contains(host)) hosts.push_back(host);
    return hosts;
}

void PolicyWorld::undeliverable(const Sender& sender) {
    violated("delivery", fmt::format("a sender finds {{{}}} in the MX RRset and holds the policy {{{}}} of mode {}, id {}", fmt::join(ask(sender.resolver, Type::mx), ", "),
                                     sender.policy ? fmt::format("{}", fmt::join(sender.policy->body.mx, ", ")) : "", sender.policy ? mta_sts::to_string(sender.policy->body.mode) : "none",
                                     sender.policy ? sender.policy->id : ""));
}

// P2, C-28: when any name server answers with an id, every replica serves the body that it announces, or a newer one, or nothing.
void PolicyWorld::judge_id(const Values& txt) {
    const auto id = only_id(txt);
    if (!id) return;
    const auto announced = id_generation_.find(*id);
    if (announced == id_generation_.end()) return;
    for (std::size_t each = 0; each < replicas_.size(); ++each)
        if (replicas_[each].generation < announced->second && replicas_[each].body)
            violated("order", fmt::format("id {} is live while replica {} serves an older policy", *id, each + 1));
}

// Whoever holds an enforced policy although nothing is served any more has been forgotten too early.
bool PolicyWorld::is_withdrawn() const {
    const auto body = to_serve_ ? parse_body(*to_serve_) : Result<PolicyBody>(Error(ErrorCode::not_found, "none"));
    return !body.ok() || body->mode == Mode::none;
}

Duration PolicyWorld::rest_bound() const {
    const agent::Timing& timing = config_.timing;
    const Duration hold = std::max<Duration>(ttl_, timing.resolver_min_ttl) + timing.safety_margin + timing.stale_margin;
    const Duration announce = 2h + hold + timing.policy_refresh;
    // A clock that was set forward makes each wait that it met longer by as much, and one that is set back makes none shorter.
    return 2 * Duration{std::max<std::chrono::seconds>(longest_max_age_, 24h)} + timing.testing_for + 3 * timing.quiet_for + 6 * announce + 48h + 2 * clock_stepped_;
}

void PolicyWorld::judge_rest() {
    if (!keeper_) return violated("liveness", "no agent runs");
    const Json report = keeper_->report_of(settings_.profile);
    const auto text = [&](const char* field) { return report[field].as_string().value_or(""); };
    const auto texts = [&](const char* field) {
        std::vector<std::string> all;
        if (report[field].is_array())
            for (const Json& one : report[field].items()) all.push_back(one.as_string().value_or(""));
        return all;
    };
    const auto wrong = [&](const std::string& what) { violated("liveness", fmt::format("{} at rest: {}; {}", what, text("reason"), text("page"))); };
    const bool serves = !report["mode"].is_null();
    if (settings_.mode == Mode::none) {
        if (serves) return wrong("a policy is still served");
        if (only_id(servers_[0].rrsets[Type::txt])) return wrong("the TXT record is still there");
    } else {
        if (text("mode") != to_string(settings_.mode)) return wrong("the mode is not the one that is wanted");
        if (settings_.mode == Mode::enforce && report["max_age"].as_integer() != settings_.max_age.count()) return wrong("max_age is not the one that is wanted");
        if (report["txt_live"].as_bool() != true) return wrong("the id is not complete");
        if (!text("page").empty()) return wrong("a page stands");
    }
    std::vector<std::string> goal;
    for (const dns::Name& host : settings_.mx_goal) goal.push_back(host.text());
    if (goal.empty()) return;
    const auto hosts = hosts_of(servers_[0].rrsets[Type::mx]);
    if (hosts != goal) return wrong(fmt::format("the MX RRset is {{{}}}", fmt::join(hosts, ", ")));
    if (serves && text("mode") != "none" && texts("patterns") != goal) return wrong("the policy names other hosts");
}

} // namespace mxseal::simulation
