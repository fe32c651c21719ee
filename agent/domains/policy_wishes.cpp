// The half of PolicyKeeper that knows what is wanted of each domain: configuration, `mxseal mx`, TLS-RPT records before the first policy.
#include "agent/config/zones.hpp"
#include "agent/domains/policy_entry.hpp"
#include "base/bytes.hpp"
#include "rotation/mta_sts/cached.hpp"

#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace mxseal::agent {

using namespace rotation::mta_sts;

namespace {

constexpr Duration kReportRecordAgain = std::chrono::minutes(5); // while it is not in place: our choice

std::vector<std::string> texts_of(const std::vector<dns::Name>& names) {
    std::vector<std::string> texts;
    for (const dns::Name& name : names) texts.push_back(name.text());
    std::sort(texts.begin(), texts.end());
    return texts;
}

std::optional<Ttl> longest_ttl(const RrsetLedger& ledger) {
    std::optional<Ttl> longest;
    for (const auto& sighting : ledger.ttls) longest = std::max(longest.value_or(sighting.ttl), sighting.ttl);
    return longest;
}

bool is_one_of(const std::vector<std::string>& all, const std::string& one) { return std::find(all.begin(), all.end(), one) != all.end(); }

} // namespace

// What every domain and every shared record has in common.
Policy PolicyKeeper::paces() const {
    const Timing& timing = config_.timing;
    Policy policy;
    policy.safety_margin = timing.safety_margin;
    policy.resolver_min_ttl = timing.resolver_min_ttl;
    policy.stale_margin = timing.stale_margin;
    policy.unseen_ttl = timing.unseen_ttl;
    policy.anycast_margin = timing.anycast_margin;
    policy.policy_refresh = timing.policy_refresh;
    policy.proxy_margin = timing.proxy_margin;
    policy.testing_for = timing.testing_for;
    policy.quiet_for = timing.quiet_for;
    policy.observe_every = timing.observe_every;
    policy.monitor_every = timing.monitor_every;
    return policy;
}

Policy PolicyKeeper::terms_of(const Entry& entry) const {
    Policy policy = paces();
    policy.domain = entry.name;
    policy.mode = Mode::none;
    const bool writes = may_write(config_, entry.name);
    policy.manage_txt = writes;
    if (const PolicySettings* settings = entry.settings; settings != nullptr) {
        policy.mode = settings->mode;
        policy.at_once = settings->at_once;
        policy.max_age = settings->max_age;
        policy.txt_ttl = settings->txt_ttl;
        policy.patterns = settings->mx_patterns;
        policy.mx_goal = settings->mx_goal.empty() ? entry.mx_goal : texts_of(settings->mx_goal);
        // Who orders the change by `mxseal mx` wants it done.
        policy.manage_mx = writes && (settings->manage_mx || !entry.mx_goal.empty());
    } else if (const auto served = entry.state ? longest_ttl(entry.state->txt) : std::nullopt) {
        // On its way out nobody says what TTL is wanted, and a longer one than was served would only lengthen the way.
        policy.txt_ttl = *served;
    }
    policy.txt_target = entry.shares;
    return policy;
}

// Whatever changes a decision: a domain for which it is as it was can wait for its next look.
std::string PolicyKeeper::digest_of(const PolicySettings& settings) {
    const std::string all = fmt::format("{} {} {} {} {} {} {} {} {}", to_string(settings.mode), settings.max_age.count(), settings.txt_ttl.count(), settings.at_once,
                                        settings.txt_target ? settings.txt_target->text() : "", fmt::join(settings.mx_patterns, ","), fmt::join(texts_of(settings.mx_goal), ","), settings.manage_mx,
                                        fmt::join(settings.rua, ","));
    return to_hex(sha256(view_of(all))).substr(0, 16);
}

Surroundings PolicyKeeper::around(Entry& entry, const Policy& policy, Instant now) {
    Surroundings around;
    if (auto group = groups_.find(entry.shares); group != groups_.end() && group->second->loaded) {
        const auto& announced = group->second->state.announced;
        around.shared = announced ? announced->id : "";
    }
    if (policy.mode == Mode::none && policy.mx_goal.empty()) return around;
    std::vector<std::string> hosts = held_hosts(*entry.state, now, policy);
    for (const std::string& host : policy.mx_goal)
        if (!is_one_of(hosts, host)) hosts.push_back(host);
    around.hosts = board_.facts_of(hosts, now);
    around.reports_trouble = reports_trouble(entry, policy, now);
    return around;
}

void PolicyKeeper::want(const std::string& domain, const PolicySettings& settings, float spread) {
    Entry& entry = entry_of(domain);
    former_.forget(domain);
    const bool is_new = !entry.settings && !entry.started;
    entry.settings = &settings;
    entry.wanted = digest_of(settings);
    entry.spread = spread;
    join_group(entry);
    const Instant now = time_.now();
    // What was at rest is looked at within the hour, each domain at its own place in it.
    const bool may_wait = is_new && entry.at_rest && entry.stored && entry.wanted == entry.decided_for;
    set_due(entry, may_wait ? now + Duration(static_cast<std::int64_t>(static_cast<double>(config_.timing.monitor_every.count()) * static_cast<double>(spread))) : now);
}

void PolicyKeeper::leave(const std::string& domain, float spread) {
    Entry& entry = entry_of(domain);
    entry.settings = nullptr;
    entry.wanted.clear();
    entry.spread = spread;
    entry.mx_goal.clear();
    join_group(entry);
    set_due(entry, time_.now());
}

// A domain that nobody wants is forgotten once nothing of it is served or held.
void PolicyKeeper::end_if_over(const std::string& domain) {
    Entry* entry = find(domain);
    if (entry == nullptr || entry->settings != nullptr || !entry->state || entry->under_way > 0 || entry->state->serving) return;
    set_due(*entry, std::nullopt);
    std::vector<std::string> addresses;
    for (const EndpointAddress& address : entry->state->addresses)
        if (!address.gone_since) addresses.push_back(address.address);
    former_.add(domain, std::move(addresses), entry->state->shares, time_.now());
    leave_group(*entry);
    page(*entry, "");
    dirty_.erase(entry);
    if (entry->stored) commit_.gone_policies.push_back(domain);
    if (auto record = reports_.find(domain); record != reports_.end()) {
        set_due(domain, *record->second, std::nullopt);
        reports_.erase(record);
    }
    starts_.push_back({nullptr, [this, domain] { listeners_.ended(domain); }}); // nothing comes back of it
    entries_.erase(domain);
}

// A goal that `mxseal mx` was told is forgotten once it is reached and the policy names it alone: later edits of the zone are the operator's.
void PolicyKeeper::settle_goal(Entry& entry, const Policy& policy, Instant now) {
    if (entry.mx_goal.empty() || !entry.state || !entry.state->mx.complete || !entry.reason.empty()) return;
    if (hosts_of(entry.state->mx.complete->values) != entry.mx_goal) return;
    if (held_hosts(*entry.state, now, policy) != entry.mx_goal) return;
    log(entry.name, "mx.reached", Json::object({{"mx", fmt::format("{}", fmt::join(entry.mx_goal, " "))}}), fmt::format("the MX RRset of {} is as `mxseal mx` was told, and no resolver holds another", entry.name));
    entry.mx_goal.clear();
    keep(entry);
    set_due(entry, now);
}

namespace {

// The goal that a command comes to; an error names what does not fit.
Result<std::vector<std::string>> goal_of(const std::string& change, const std::vector<std::string>& current, const std::vector<std::string>& hosts, const std::string& domain) {
    std::vector<std::string> goal = change == "replace" ? hosts : current;
    for (const std::string& host : hosts) {
        if (change == "add" && is_one_of(current, host)) return Error(ErrorCode::refused, fmt::format("{} is an MX host of {} already, or is meant to be", host, domain));
        if (change == "remove" && !is_one_of(current, host))
            return Error(ErrorCode::not_found, fmt::format("{} is no MX host of {}; these are: {}", host, domain, fmt::join(current, ", ")));
        if (change == "add") goal.push_back(host);
        if (change == "remove") std::erase(goal, host);
    }
    std::sort(goal.begin(), goal.end());
    goal.erase(std::unique(goal.begin(), goal.end()), goal.end());
    if (goal.empty()) return Error(ErrorCode::refused, fmt::format("no MX host would be left for {}", domain));
    return goal;
}

} // namespace

Result<Json> PolicyKeeper::request(const Json& body) {
    const auto domain = body["domain"].as_string().value_or("");
    const auto change = body["change"].as_string().value_or("");
    const auto who = body["who"].as_string().value_or("unknown");
    std::vector<std::string> hosts;
    for (const Json& host : body["hosts"].items()) {
        auto name = dns::Name::parse(host.as_string().value_or(""));
        if (!name.ok() || name->is_root()) return Error(ErrorCode::invalid, fmt::format("'{}' is no host name", escape_untrusted(host.as_string().value_or(""), 80)));
        hosts.push_back(name->text());
    }
    if (change != "add" && change != "remove" && change != "replace") return Error(ErrorCode::invalid, fmt::format("unknown change '{}'; allowed: add, remove, replace", escape_untrusted(change, 40)));
    if (hosts.empty()) return Error(ErrorCode::invalid, "name at least one host");
    Entry* entry = find(domain);
    if (entry == nullptr || entry->settings == nullptr)
        return Error(ErrorCode::not_found, fmt::format("{} has no policy here; add it with `mxseal domain add`, or in `domains`", escape_untrusted(domain, 80)));
    if (!entry->settings->mx_goal.empty()) return Error(ErrorCode::refused, fmt::format("`domains.{}.mx` of the configuration says which hosts are wanted; change it there and reload the agent", domain));
    if (is_given_up(*entry)) return Error(ErrorCode::io, entry->reason.sentence(), Retry::transient());
    if (!load(*entry, time_.now())) return Error(ErrorCode::io, entry->reason.sentence());
    const auto& seen = entry->state->mx.complete;
    if (change != "replace" && entry->mx_goal.empty() && !seen)
        return Error(ErrorCode::transient, fmt::format("the MX RRset of {} is not known yet, or its name servers do not agree; try again when `mxseal status` shows it", domain), Retry::transient());
    auto goal = goal_of(change, entry->mx_goal.empty() && seen ? hosts_of(seen->values) : entry->mx_goal, hosts, domain);
    if (!goal.ok()) return std::move(goal).error();
    entry->mx_goal = std::move(*goal);
    entry->at_rest = false;
    const std::string text = fmt::format("{} is to have the MX hosts {}", domain, fmt::join(entry->mx_goal, ", "));
    log(domain, "mx.goal", Json::object({{"mx", fmt::format("{}", fmt::join(entry->mx_goal, " "))}, {"who", who}}), text + ", says " + who);
    process(*entry, PolicyChanged{});
    flush_again_.reset(); // somebody waits for the answer
    flush(time_.now());
    if (!store_trouble_.empty()) return Error(ErrorCode::io, "not stored, so nothing was begun: " + store_trouble_, Retry::transient());
    Json replies = Json::array();
    replies.push(Json::object({{"host", domain}, {"text", text}, {"refused", false}}));
    Json plans = Json::array();
    plans.push(plan_of(domain));
    return Json::object({{"replies", std::move(replies)}, {"plan", Json::object({{"hosts", Json::array()}, {"domains", std::move(plans)}})}});
}

// D-02: the record of the domain, and those of its MX hosts in this configuration (for DANE the policy domain is the TLSA base domain).
std::string PolicyKeeper::reports_trouble(Entry& entry, const Policy& policy, Instant now) {
    if (entry.settings == nullptr || entry.settings->rua.empty() || policy.mode == Mode::none) return {};
    std::vector<std::string> names{entry.name};
    for (const std::string& host : held_hosts(*entry.state, now, policy))
        if (auto name = dns::Name::parse(host); name.ok() && config_.hosts.contains(*name)) names.push_back(host);
    std::string trouble;
    for (const std::string& name : names) {
        auto& record = reports_[name];
        if (!record) {
            record = std::make_unique<ReportRecord>();
            set_due(name, *record, now);
        }
        if (name == entry.name || record->rua.empty()) record->rua = entry.settings->rua;
        // Where nobody but the operator can write it, it is advice: a policy without reports is better than none.
        if (name != entry.name || record->foreign || !may_write(config_, name)) continue;
        if (!record->known || !record->trouble.empty()) trouble = fmt::format("the TLS-RPT record _smtp._tls.{} comes before the first policy: {}", name, record->known ? record->trouble : "it is looked at");
    }
    return trouble;
}

void PolicyKeeper::look_at_report_records(Instant now) {
    while (!reports_due_.empty() && reports_due_.begin()->first <= now) {
        const std::string name = reports_due_.begin()->second;
        ReportRecord& record = *reports_.at(name);
        set_due(name, record, std::nullopt);
        begin(nullptr, [this, name, rua = record.rua] { outside_.keep_report_record(name, rua); });
    }
}

void PolicyKeeper::set_due(const std::string& name, ReportRecord& record, std::optional<Instant> due) {
    if (record.due) reports_due_.erase({*record.due, name});
    record.due = due;
    if (due) reports_due_.insert({*due, name});
}

void PolicyKeeper::on(ReportRecordLook& look) {
    auto found = reports_.find(look.name);
    if (found == reports_.end()) return;
    ReportRecord& record = *found->second;
    const Duration every = config_.timing.monitor_every;
    const Instant now = time_.now();
    const bool settled = look.trouble.empty() || look.foreign;
    set_due(look.name, record, now + (settled ? every : std::min({every, kReportRecordAgain, config_.timing.observe_every})));
    const bool was_known = record.known;
    const bool changed = !was_known || record.trouble != look.trouble;
    record.known = true;
    record.foreign = look.foreign;
    record.trouble = look.trouble;
    record.advice = look.advice;
    record.record = look.record;
    if (!changed) return;
    if (!look.trouble.empty()) log(look.name, "reports.trouble", Json::object(), fmt::format("_smtp._tls.{}: {}{}", look.name, look.trouble, look.advice.empty() ? "" : "; " + look.advice));
    // After a start thousands are as they were: nothing to tell.
    if (look.trouble.empty() && was_known) log(look.name, "reports.in_place", Json::object(), fmt::format("the TLS-RPT record _smtp._tls.{} stands at every name server", look.name));
    if (Entry* entry = find(look.name); entry != nullptr && entry->state && !entry->at_rest) set_due(*entry, now);
}

} // namespace mxseal::agent
