// The half of SiteKeeper that knows which domains there are, what is wanted for each and which body that comes to.
#include "agent/domains/site_entry.hpp"

#include <fmt/format.h>

namespace mxseal::agent {

using namespace rotation::mta_sts;

namespace {

// "mode: testing; mx: mx1.example.org": what a policy says, for the log.
std::string one_line(const std::string& body) {
    std::string out;
    for (std::size_t at = body.find("mode:"), end = body.find("max_age"); at < end;) {
        const auto stop = body.find("\r\n", at);
        out += (out.empty() ? "" : "; ") + body.substr(at, stop - at);
        at = stop + 2;
    }
    return out;
}

} // namespace

SiteKeeper::SiteKeeper(const Config& config, const Clock& clock, Store& store, FencingToken token, SiteOutside& outside)
    : config_(config), clock_(clock), store_(store), token_(token), outside_(outside) {}

SiteKeeper::~SiteKeeper() = default;

Status SiteKeeper::start() {
    if (!config_.endpoint) return done(); // nothing is served, so nothing is kept
    const Instant now = clock_.wall();
    auto changes = store_.domains_since(0);
    if (!changes.ok()) return std::move(changes).error();
    auto sites = store_.load_sites();
    if (!sites.ok()) return std::move(sites).error();
    auto fact = store_.get_document("agent", "snapshot");
    if (!fact.ok()) return std::move(fact).error();
    if (*fact) generation_ = static_cast<std::uint64_t>((**fact)["generation"].as_integer().value_or(0));
    domains_version_ = changes->version;
    take_file_domains();
    for (const DomainRow& row : changes->rows)
        if (!row.removed) {
            Entry& entry = entry_of(row.name);
            entry.in_store = true;
            entry.profile = row.profile;
        }
    for (const SiteRow& row : *sites) {
        auto found = entries_.find(row.domain);
        if (found == entries_.end() && row.body.empty()) {
            commit_.gone_sites.push_back(row.domain);
            continue;
        }
        // Nobody names it any more, and senders may hold its policy.
        Entry& entry = found == entries_.end() ? entry_of(row.domain) : *found->second;
        entry.leaving = found == entries_.end();
        entry.certificate = row.certificate;
        entry.site.not_before = row.not_before;
        entry.site.not_after = row.not_after;
        entry.site.failures = row.failures;
        entry.site.again = row.again;
        entry.site.trouble = row.trouble;
        if (!row.body.empty()) entry.body = interned(row.body);
    }
    for (auto& [name, entry] : entries_) {
        settle(*entry);
        if (entry->is_served()) to_be_served_.push_back(name);
    }
    snapshot_due_ = now; // what was stored before a crash may be in no file yet
    domains_due_ = now;
    return done();
}

SiteKeeper::Entry& SiteKeeper::entry_of(const std::string& domain) {
    auto& entry = entries_[domain];
    if (!entry) {
        entry = std::make_unique<Entry>();
        entry->name = domain;
        entry->spread = static_cast<float>(spread_of(domain));
        std::erase(commit_.gone_sites, domain); // it came back before its going was stored
    }
    return *entry;
}

void SiteKeeper::take_file_domains() {
    for (const auto& [name, domain] : config_.domains) {
        Entry& entry = entry_of(name.text());
        entry.in_file = true;
        if (auto settings = settings_of(config_, domain)) entry.own = std::make_unique<PolicySettings>(std::move(*settings));
    }
}

void SiteKeeper::read_domains() {
    auto changes = store_.domains_since(domains_version_);
    if (!changes.ok()) {
        read_trouble_ = changes.error().to_string();
        return;
    }
    read_trouble_.clear();
    domains_version_ = changes->version;
    std::size_t added = 0, removed = 0;
    for (const DomainRow& row : changes->rows) {
        ++(row.removed ? removed : added);
        take(row);
    }
    if (changes->rows.empty()) return;
    const DomainRow& first = changes->rows.front();
    log("", "domains.changed", Json::object({{"added", added}, {"removed", removed}, {"who", first.who}}),
        fmt::format("{} added or changed, {} removed by {}: {}{}", added, removed, first.who.empty() ? "somebody" : first.who, first.name, changes->rows.size() > 1 ? " and others" : ""));
}

void SiteKeeper::take(const DomainRow& row) {
    Entry& entry = entry_of(row.name);
    entry.in_store = !row.removed;
    entry.profile = row.profile;
    entry.leaving = !entry.in_file && !entry.in_store;
    settle(entry);
}

void SiteKeeper::dropped(const std::string& domain) {
    auto found = entries_.find(domain);
    if (found != entries_.end() && found->second->leaving) drop(*found->second);
}

void SiteKeeper::drop(Entry& entry) {
    set_due(entry, std::nullopt);
    dirty_.erase(entry.name);
    commit_.gone_sites.push_back(entry.name);
    const bool was_served = entry.is_served();
    const std::string name = entry.name;
    entries_.erase(name);
    if (was_served && !snapshot_due_) snapshot_due_ = clock_.wall();
}

const PolicySettings* SiteKeeper::settings_for(const Entry& entry) {
    if (entry.in_file) return entry.own.get();
    auto [known, is_new] = profiles_.try_emplace(entry.profile);
    if (is_new)
        if (auto settings = settings_of(config_, entry.profile)) known->second = std::make_unique<PolicySettings>(std::move(*settings));
    return known->second.get();
}

void SiteKeeper::settle(Entry& entry) {
    const Instant now = clock_.wall();
    entry.why_no_policy.clear();
    const PolicySettings* settings = settings_for(entry);
    if (settings == nullptr && !entry.in_file && !entry.leaving && !config_.profiles.contains(entry.profile)) {
        // A slip in the file must not end the policies of thousands.
        entry.why_no_policy = fmt::format("its profile '{}' is not in the configuration: what is served stays as it is", entry.profile);
        return set_due(entry, std::nullopt);
    }
    const bool ends = entry.leaving || settings == nullptr;
    entry.settings = ends ? ending_settings(entry) : settings;
    if (ends) {
        if (!entry.leaving) entry.why_no_policy = "no policy is asked for it: its profile has no `mta_sts`";
        entry.site.served = entry.is_served();
        if (listeners_.left) listeners_.left(entry.name, entry.spread);
        return set_due(entry, entry.settings != nullptr ? std::optional(now) : std::nullopt);
    }
    // Another CA than the one that gave the certificate: what is there is served until the new one comes.
    if (!entry.certificate.empty() && entry.certificate != entry.settings->certificate) {
        entry.site.not_before.reset();
        entry.site.not_after.reset();
    }
    if (listeners_.wanted) listeners_.wanted(entry.name, *entry.settings, entry.spread);
    set_due(entry, now);
}

// C-36: its certificate is renewed until its policy has ended. Null: nothing of it is served.
const PolicySettings* SiteKeeper::ending_settings(Entry& entry) {
    if (!entry.is_served()) return nullptr;
    entry.ending = std::make_unique<PolicySettings>();
    entry.ending->mode = PolicyMode::none;
    entry.ending->certificate = entry.certificate;
    return entry.ending.get();
}

void SiteKeeper::serve(const std::string& domain, const std::optional<std::string>& body) {
    auto found = entries_.find(domain);
    if (found == entries_.end()) return;
    Entry& entry = *found->second;
    const bool same = entry.body ? body && *entry.body == *body : !body;
    if (!same && body) log(domain, "site.body", Json::object({{"bytes", body->size()}}), "another policy is served: " + one_line(*body));
    entry.body = body ? interned(*body) : nullptr;
    if (!same) keep(entry);
    entry.first_generation = generation_ + 1; // one that is being written may have been read before
    changed_served(entry);
}

// Thousands of domains have the same body and the same MX hosts.
SiteKeeper::Text SiteKeeper::interned(const std::string& text) {
    std::weak_ptr<const std::string>& kept = texts_[text];
    if (auto there = kept.lock()) return there;
    auto made = std::make_shared<const std::string>(text);
    kept = made;
    // Texts that nobody has any more are thrown out when they may be the greater part.
    if (texts_.size() > 64 && texts_.size() > 2 * texts_in_use_) {
        std::erase_if(texts_, [](const auto& each) { return each.second.expired(); });
        texts_in_use_ = texts_.size();
    }
    return made;
}

} // namespace mxseal::agent
