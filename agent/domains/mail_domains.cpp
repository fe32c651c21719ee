#include "agent/domains/mail_domains.hpp"

#include <algorithm>

namespace mxseal::agent {

namespace {

constexpr std::size_t kListedMax = 200, kPlannedMax = 50; // our choice: more than anybody reads; `counts` has them all

} // namespace

MailDomains::MailDomains(const Config& config, Clock& clock, Store& store, FencingToken token, SiteOutside& sites, PolicyOutside& policies, Neighbours neighbours)
    : sites_(config, clock, store, token, sites), policies_(config, clock, store, token, policies) {
    SiteKeeper::Listeners of_sites;
    of_sites.wanted = [this](const std::string& domain, const PolicySettings& settings, float spread) { policies_.want(domain, settings, spread); };
    of_sites.left = [this](const std::string& domain, float spread) { policies_.leave(domain, spread); };
    of_sites.in_place = [this](const std::vector<std::string>& domains, std::uint64_t generation) {
        for (const std::string& domain : domains) policies_.in_place(domain, generation);
    };
    of_sites.log = neighbours.log;
    sites_.listen(std::move(of_sites));
    PolicyKeeper::Listeners of_policies;
    of_policies.serve = [this](const std::string& domain, const std::optional<std::string>& body) { sites_.serve(domain, body); };
    of_policies.fetched = [this](const std::string& domain, const std::string& trouble) { sites_.fetched(domain, trouble); };
    of_policies.ended = [this](const std::string& domain) { sites_.dropped(domain); };
    of_policies.mx = std::move(neighbours.mx);
    of_policies.log = std::move(neighbours.log);
    policies_.listen(std::move(of_policies));
    policies_.on_readiness(std::move(neighbours.readiness));
}

Status MailDomains::start() {
    if (auto started = policies_.start(); !started.ok()) return started;
    return sites_.start();
}

void MailDomains::store_arrived() {
    policies_.store_arrived();
    sites_.store_arrived();
}

void MailDomains::tick() {
    sites_.tick();
    policies_.tick();
}

std::optional<Instant> MailDomains::next_due() const {
    const auto sites = sites_.next_due(), policies = policies_.next_due();
    if (!sites || !policies) return sites ? sites : policies;
    return std::min(*sites, *policies);
}

// Both halves of what is known of one domain; of two reasons the one that comes first: without a certificate no policy is served. Where the policy
// waits for nothing, a fetch that fails is told before it is an alarm: a customer who takes his name away leaves it dangling (C-38).
Json MailDomains::report_of(const std::string& domain) {
    Json report = sites_.report_of(domain);
    const Json policy = policies_.report_of(domain);
    if (policy.is_null()) return report;
    if (report.is_null()) report = Json::object();
    const std::string of_site = report["reason"].as_string().value_or("");
    for (const auto& [name, value] : policy.members()) report.set(name, value);
    const bool is_told = policy["reason"].as_string().value_or("").empty() && !report["trouble"].is_null();
    const bool is_sites = is_told || report["served"].as_bool() != true || !report["alarm"].is_null();
    if (is_sites && !of_site.empty()) report.set("reason", of_site);
    return report;
}

void MailDomains::add_to(Json& status) {
    Json all = Json::array();
    for (Json domain : status["domains"].items()) {
        domain.set("mta_sts", report_of(domain["domain"].as_string().value_or("")));
        all.push(std::move(domain));
    }
    const auto named = sites_.domains();
    std::size_t listed = 0, changing = 0;
    for (const auto& each : named) changing += !policies_.is_at_rest(each.domain);
    for (const bool at_rest : {false, true})
        for (const auto& each : named) {
            if (each.in_file || (each.at_rest && policies_.is_at_rest(each.domain)) != at_rest || (at_rest && named.size() > kListedMax) || listed == kListedMax) continue;
            ++listed;
            all.push(Json::object({{"domain", each.domain}, {"profile", each.profile}, {"mta_sts", report_of(each.domain)}}));
        }
    status.set("domains", std::move(all));
    Json totals = sites_.totals();
    totals.set("changing", changing);
    totals.set("pages", policies_.pages());
    totals.set("dangling", policies_.dangling());
    if (!policies_.store_trouble().empty()) totals.set("store", policies_.store_trouble());
    status.set("mta_sts", std::move(totals));
}

void MailDomains::add_plans(Json& plan) {
    Json plans = Json::array();
    for (const auto& each : sites_.domains()) {
        if (plans.items().size() == kPlannedMax) break;
        if (!each.in_file && policies_.is_at_rest(each.domain)) continue;
        if (Json one = policies_.plan_of(each.domain); !one.is_null()) plans.push(std::move(one));
    }
    plan.set("domains", std::move(plans));
}

} // namespace mxseal::agent
