// What PolicyKeeper tells operators.
#include "agent/domains/policy_document.hpp"
#include "agent/domains/policy_entry.hpp"
#include "rotation/mta_sts/cached.hpp"
#include "rotation/mta_sts/forecast.hpp"

#include <algorithm>

#include <fmt/format.h>

namespace mxseal::agent {

using namespace rotation::mta_sts;

namespace {

Json at(const std::optional<Instant>& instant) { return instant ? Json(to_rfc3339(*instant)) : Json(); }

Json next_of(const rotation::Reason& reason) {
    if (reason.empty()) return Json();
    return Json::object({{"what", reason.text}, {"at", at(reason.until)}, {"reason", reason.sentence()}});
}

// Hosts that left the MX RRset, and until when some resolver may still send mail to them (W8).
Json leaving_of(const DomainState& state, const Policy& policy, Instant now) {
    Json leaving = Json::array();
    if (!state.mx.complete) return leaving;
    const auto current = hosts_of(state.mx.complete->values);
    const Duration hold = hold_of(state.mx, now, policy);
    for (const std::string& host : held_hosts(state, now, policy)) {
        if (std::find(current.begin(), current.end(), host) != current.end()) continue;
        std::optional<Instant> until;
        for (const RrsetVersion& version : held(state.mx, now, policy)) {
            const auto hosts = hosts_of(version.values);
            if (version.closed_at && std::find(hosts.begin(), hosts.end(), host) != hosts.end()) until = std::max(until.value_or(*version.closed_at + hold), *version.closed_at + hold);
        }
        leaving.push(Json::object({{"host", host}, {"needed_until", at(until)}}));
    }
    return leaving;
}

Json texts(const std::vector<std::string>& all) {
    Json out = Json::array();
    for (const std::string& one : all) out.push(one);
    return out;
}

} // namespace

bool PolicyKeeper::is_at_rest(const std::string& domain) const {
    const Entry* entry = find(domain);
    return entry == nullptr || (entry->at_rest && !entry->closed);
}

Json PolicyKeeper::report_of(const std::string& domain) {
    Entry* entry = find(domain);
    const Instant now = time_.now();
    if (entry == nullptr || !load(*entry, now)) return entry == nullptr ? Json() : Json::object({{"reason", entry->reason.sentence()}, {"next", Json()}});
    touched_.insert(domain);
    const DomainState& state = *entry->state;
    const Policy policy = terms_of(*entry);
    const auto& serving = state.serving;
    Json report = Json::object();
    report.set("mode", serving ? Json(to_string(serving->body.mode)) : Json());
    report.set("wanted", to_string(policy.mode));
    report.set("max_age", serving ? Json(static_cast<std::int64_t>(serving->body.max_age.count())) : Json());
    report.set("patterns", serving ? texts(serving->body.mx) : Json());
    report.set("id", serving ? Json(serving->id) : Json());
    report.set("body_live", serving ? Json(serving->live.has_value()) : Json());
    report.set("txt_live", serving ? Json(serving->complete.has_value()) : Json());
    report.set("mx", state.mx.complete ? texts(hosts_of(state.mx.complete->values)) : Json());
    report.set("mx_goal", policy.mx_goal.empty() ? Json() : texts(policy.mx_goal));
    report.set("leaving", leaving_of(state, policy, now));
    report.set("next", next_of(entry->reason));
    report.set("reason", entry->reason.sentence());
    report.set("page", entry->page.empty() ? Json() : Json(entry->page));
    // What is asked for the record that it shares is asked for it too.
    const auto group = groups_.find(entry->shares);
    const Party& asks = entry->ask.empty() && group != groups_.end() ? static_cast<const Party&>(*group->second) : *entry;
    report.set("ask", asks.ask.empty() ? Json() : Json(asks.ask));
    report.set("ask_records", asks.ask.empty() ? Json() : Json::object({{"add", texts(asks.asked.add)}, {"remove", texts(asks.asked.remove)}}));
    if (auto record = reports_.find(domain); record != reports_.end())
        report.set("reports", Json::object({{"in_place", record->second->known && record->second->trouble.empty()}, {"trouble", record->second->trouble}, {"advice", record->second->advice}, {"record", record->second->record}}));
    return report;
}

Json PolicyKeeper::plan_of(const std::string& domain) {
    Entry* entry = find(domain);
    const Instant now = time_.now();
    if (entry == nullptr || !load(*entry, now)) return Json();
    touched_.insert(domain);
    const Policy policy = terms_of(*entry);
    const Forecast ahead = forecast(*entry->state, now, policy, around(*entry, policy, now));
    Json steps = Json::array();
    for (const ForecastStep& step : ahead.steps)
        steps.push(Json::object({{"what", step.by_operator ? "operator" : step.event}, {"earliest", to_rfc3339(step.at)}, {"reason", step.sentence}}));
    if (!ahead.stuck.empty()) steps.push(Json::object({{"what", "waits"}, {"earliest", Json()}, {"reason", ahead.stuck.sentence()}}));
    return Json::object({{"domain", domain}, {"state", entry->at_rest ? "steady" : "changing"}, {"reason", entry->reason.sentence()}, {"steps", std::move(steps)}});
}

} // namespace mxseal::agent
