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
std::vector<std::string> PolicyWorld::uncovered(const MailDomain& domain, const Sender& sender) {
    std::vector<std::string> hosts;
    const bool holds = sender.policy && now_ < sender.policy->fetched + sender.policy->body.max_age && sender.policy->body.mode == Mode::enforce;
    if (!holds) return hosts;
    for (const std::string& host : hosts_of(ask(sender.resolver, *domain.zone, Type::mx)))
        if (!covers(sender.policy->body, host) && !domain.foreign.contains(host)) hosts.push_back(host);
    return hosts;
}

void PolicyWorld::undeliverable(const MailDomain& domain, const Sender& sender) {
    violated("delivery", fmt::format("a sender finds {{{}}} in the MX RRset of {} and holds the policy {{{}}} of mode {}, id {}", fmt::join(ask(sender.resolver, *domain.zone, Type::mx), ", "), domain.name,
                                     sender.policy ? fmt::format("{}", fmt::join(sender.policy->body.mx, ", ")) : "", sender.policy ? mta_sts::to_string(sender.policy->body.mode) : "none",
                                     sender.policy ? sender.policy->id : ""));
}

// C-38 asks for all who share a record; who is behind for longer than senders take to look again holds the others up no more. The keeper counts from
// when it decided, which a crash may have put half a day before it asked for the body.
bool PolicyWorld::may_be_behind(const MailDomain& domain) const {
    return !domain.announced || domain.stage == MailDomain::Stage::gone || now_ >= domain.asked + config_.timing.policy_refresh - 13h;
}

// What an id announces when it is decided on: an id stands for one body for ever (C-05, C-06), and one that many share does not come back.
void PolicyWorld::note_id(const Values& target) {
    const auto id = only_id(target);
    if (!id || to_serve_.empty()) return;
    std::map<std::string, std::size_t> bodies;
    for (const MailDomain& domain : domains_)
        if (!shares() || (domain.asked_body && !may_be_behind(domain))) bodies[domain.name] = domain.generation;
    const auto [known, is_new] = announced_.emplace(*id, bodies);
    if (is_new) {
        ++counters_.ids;
        newest_id_ = *id;
    }
    if (!shares() && known->second != bodies) violated("id", fmt::format("id {} is written for another body than before", *id));
    if (*id != newest_id_ && shares()) violated("id", fmt::format("id {} is written after {}", *id, newest_id_));
}

// P2, C-28: when any name server answers with an id, every replica serves the body that it announces, or a newer one, or nothing.
void PolicyWorld::judge_id(const Values& txt) {
    const auto id = only_id(txt);
    if (!id) return;
    const auto announced = announced_.find(*id);
    if (announced == announced_.end()) return;
    for (const auto& [domain, generation] : announced->second)
        for (std::size_t each = 0; each < replicas_.size(); ++each)
            // From a name that leads nowhere any more nobody fetches.
            if (replicas_[each].generation < generation && replicas_[each].bodies.contains(domain) && domain_of(domain).leads_here)
                violated("order", fmt::format("id {} is live while replica {} serves an older policy of {}", *id, each + 1, domain));
}

// Whoever holds an enforced policy although nothing is served any more has been forgotten too early, also who is cut off. While `mode: none` is served
// the others still look again (C-30).
bool PolicyWorld::is_withdrawn(const MailDomain& domain) const { return !to_serve_.contains(domain.name) && !published_.contains(domain.name); }

Duration PolicyWorld::rest_bound() const {
    const agent::Timing& timing = config_.timing;
    const Duration hold = std::max<Duration>(ttl_, timing.resolver_min_ttl) + timing.safety_margin + timing.stale_margin;
    const Duration announce = 2h + hold + timing.policy_refresh;
    // Who was behind holds the others up; name servers that a customer has left are remembered for two days.
    const Duration others = shares() ? timing.policy_refresh + 4 * 48h : 0h;
    // A clock that was set forward makes each wait that it met longer by as much, and one that is set back makes none shorter.
    return others + 2 * Duration{std::max<std::chrono::seconds>(longest_max_age_, 24h)} + timing.testing_for + 3 * timing.quiet_for + 6 * announce + 48h + 2 * clock_stepped_;
}

void PolicyWorld::judge_rest() {
    if (!keeper_) return violated("liveness", "no agent runs");
    for (const MailDomain& domain : domains_)
        if (!violation_) judge_rest(domain);
}

void PolicyWorld::judge_rest(const MailDomain& domain) {
    const Json report = keeper_->report_of(domain.name);
    const agent::PolicySettings& settings = domain.settings;
    const auto text = [&](const char* field) { return report[field].as_string().value_or(""); };
    const auto texts = [&](const char* field) {
        std::vector<std::string> all;
        if (report[field].is_array())
            for (const Json& one : report[field].items()) all.push_back(one.as_string().value_or(""));
        return all;
    };
    const auto wrong = [&](const std::string& what) { violated("liveness", fmt::format("{}: {} at rest: {}; {}", domain.name, what, text("reason"), text("page"))); };
    const bool serves = !report["mode"].is_null();
    if (domain.stage != MailDomain::Stage::wanted) {
        if (domain.stage != MailDomain::Stage::gone || serves || published_.contains(domain.name)) wrong("its policy has not ended");
        return;
    }
    if (settings.mode == Mode::none) {
        if (serves) return wrong("a policy is still served");
        if (!shares() && only_id(domain.zone->servers[0].rrsets.at(Type::txt))) return wrong("the TXT record is still there");
    } else {
        if (text("mode") != to_string(settings.mode)) return wrong("the mode is not the one that is wanted");
        if (settings.mode == Mode::enforce && report["max_age"].as_integer() != settings.max_age.count()) return wrong("max_age is not the one that is wanted");
        if (report["txt_live"].as_bool() != true) return wrong("the id is not complete");
        if (!text("page").empty()) return wrong("a page stands");
    }
    std::vector<std::string> goal;
    for (const dns::Name& host : settings.mx_goal) goal.push_back(host.text());
    if (goal.empty()) return;
    const auto hosts = hosts_of(domain.zone->servers[0].rrsets.at(Type::mx));
    if (hosts != goal) return wrong(fmt::format("the MX RRset is {{{}}}", fmt::join(hosts, ", ")));
    if (serves && text("mode") != "none" && texts("patterns") != goal) return wrong("the policy names other hosts");
}

} // namespace mxseal::simulation
