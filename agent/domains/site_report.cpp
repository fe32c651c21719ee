// What SiteKeeper tells operators.
#include "agent/domains/site_entry.hpp"

namespace mxseal::agent {

using namespace rotation::mta_sts;

namespace {

Json at(const std::optional<Instant>& instant) { return instant ? Json(to_rfc3339(*instant)) : Json(); }

} // namespace

bool SiteKeeper::is_at_rest(const Entry& entry, Instant now) const {
    if (entry.settings == nullptr) return true;
    return entry.is_served() && entry.why_no_body.empty() && entry.mx_trouble.empty() && entry.site.failures == 0 && entry.site.fetch_trouble.empty() && alarm_of(entry.site, now) == SiteAlarm::none;
}

Json SiteKeeper::describe(const Entry& entry, Instant now) const {
    if (entry.settings == nullptr) return Json();
    const SiteState& site = entry.site;
    const SiteAlarm alarm = alarm_of(site, now);
    std::string reason = reason_of(site, now, policy_of(entry)).sentence();
    if (!entry.mx_trouble.empty()) reason = "its MX RRset cannot be seen: " + entry.mx_trouble;
    if (!entry.why_no_body.empty() && entry.mx_trouble.empty()) reason = entry.why_no_body;
    // Whether senders get it: known where the probe fetches, which it does not with a certificate that no sender takes.
    const Json live = site.fetched_at && site.fetch_trouble.empty() ? Json(true) : site.failing_since ? Json(false) : Json();
    return Json::object({{"mode", to_string(entry.settings->mode)}, {"id", Json()}, {"served", entry.is_served()}, {"body", entry.body ? Json(*entry.body) : Json()},
                         {"body_live", live}, {"txt_live", Json()}, {"certificate", entry.settings->certificate}, {"certificate_until", at(site.not_after)},
                         {"renewed_from", at(renewal_of(site, policy_of(entry)))}, {"fetched_at", at(site.fetched_at)}, {"alarm", alarm == SiteAlarm::none ? Json() : Json(to_string(alarm))},
                         {"reason", reason}, {"next", Json()}});
}

Json SiteKeeper::report_of(const std::string& domain) const {
    auto found = entries_.find(domain);
    return found == entries_.end() ? Json() : describe(*found->second, clock_.wall());
}

Json SiteKeeper::report(std::size_t limit) const {
    const Instant now = clock_.wall();
    std::size_t wanted = 0, served = 0, warnings = 0, criticals = 0, troubled = 0;
    Json domains = Json::array();
    for (const auto& [name, entry] : entries_) {
        if (entry->settings == nullptr && !entry->in_store) continue;
        ++wanted;
        served += entry->is_served();
        const SiteAlarm alarm = alarm_of(entry->site, now);
        warnings += alarm == SiteAlarm::warning;
        criticals += alarm == SiteAlarm::critical;
        const bool at_rest = is_at_rest(*entry, now);
        troubled += !at_rest;
        if (entry->in_file || (at_rest && entries_.size() > limit) || domains.items().size() >= limit) continue;
        domains.push(Json::object({{"domain", name}, {"profile", entry->profile}, {"mta_sts", describe(*entry, now)}}));
    }
    return Json::object({{"counts", Json::object({{"domains", wanted}, {"served", served}, {"not_at_rest", troubled}, {"warnings", warnings}, {"criticals", criticals}})},
                         {"generation", generation_}, {"snapshot", snapshot_trouble_.empty() ? Json() : Json(snapshot_trouble_)},
                         {"store", store_trouble().empty() ? Json() : Json(store_trouble())}, {"domains", std::move(domains)}});
}

void SiteKeeper::add_to(Json& status) const {
    constexpr std::size_t kListedMax = 200; // our choice: more than anybody reads; `counts` has them all
    Json ours = report(kListedMax);
    Json all = Json::array();
    for (Json domain : status["domains"].items()) {
        domain.set("mta_sts", report_of(domain["domain"].as_string().value_or("")));
        all.push(std::move(domain));
    }
    for (const Json& domain : ours["domains"].items()) all.push(domain);
    status.set("domains", std::move(all));
    ours.set("domains", Json());
    status.set("mta_sts", std::move(ours));
}

} // namespace mxseal::agent
