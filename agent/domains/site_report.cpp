// What SiteKeeper tells operators.
#include "agent/domains/site_entry.hpp"

namespace mxseal::agent {

using namespace rotation::mta_sts;

namespace {

Json at(const std::optional<Instant>& instant) { return instant ? Json(to_rfc3339(*instant)) : Json(); }

} // namespace

bool SiteKeeper::is_at_rest(const Entry& entry, Instant now) const {
    if (entry.settings == nullptr) return true;
    return entry.is_served() && entry.why_no_policy.empty() && !entry.leaving && entry.site.failures == 0 && entry.site.fetch_trouble.empty() && alarm_of(entry.site, now) == SiteAlarm::none;
}

Json SiteKeeper::report_of(const std::string& domain) const {
    auto found = entries_.find(domain);
    if (found == entries_.end()) return Json();
    const Entry& entry = *found->second;
    if (entry.settings == nullptr) return entry.why_no_policy.empty() ? Json() : Json::object({{"served", entry.is_served()}, {"reason", entry.why_no_policy}});
    const Instant now = clock_.wall();
    const SiteState& site = entry.site;
    const SiteAlarm alarm = alarm_of(site, now);
    const std::string reason = entry.leaving ? "nobody wants it any more: it is served until no sender holds its policy" : entry.why_no_policy.empty() ? reason_of(site, now, SitePolicy{entry.spread}).sentence() : entry.why_no_policy;
    return Json::object({{"served", entry.is_served()}, {"body", entry.body ? Json(*entry.body) : Json()}, {"certificate", entry.settings->certificate}, {"certificate_until", at(site.not_after)},
                         {"renewed_from", at(renewal_of(site, SitePolicy{entry.spread}))}, {"fetched_at", at(site.fetched_at)}, {"alarm", alarm == SiteAlarm::none ? Json() : Json(to_string(alarm))},
                         {"trouble", site.fetch_trouble.empty() ? Json() : Json(site.fetch_trouble)}, {"reason", reason}});
}

std::vector<SiteKeeper::Named> SiteKeeper::domains() const {
    const Instant now = clock_.wall();
    std::vector<Named> named;
    for (const auto& [name, entry] : entries_)
        if (entry->settings != nullptr || entry->in_store) named.push_back({name, entry->profile, entry->in_file, is_at_rest(*entry, now)});
    return named;
}

Json SiteKeeper::totals() const {
    const Instant now = clock_.wall();
    std::size_t wanted = 0, served = 0, warnings = 0, criticals = 0, troubled = 0;
    for (const auto& [name, entry] : entries_) {
        if (entry->settings == nullptr && !entry->in_store) continue;
        ++wanted;
        served += entry->is_served();
        const SiteAlarm alarm = alarm_of(entry->site, now);
        warnings += alarm == SiteAlarm::warning;
        criticals += alarm == SiteAlarm::critical;
        troubled += !is_at_rest(*entry, now);
    }
    return Json::object({{"counts", Json::object({{"domains", wanted}, {"served", served}, {"not_at_rest", troubled}, {"warnings", warnings}, {"criticals", criticals}})},
                         {"generation", generation_}, {"snapshot", snapshot_trouble_.empty() ? Json() : Json(snapshot_trouble_)},
                         {"store", store_trouble().empty() ? Json() : Json(store_trouble())}});
}

} // namespace mxseal::agent
