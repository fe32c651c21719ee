// The half of SiteKeeper that runs: time, arrivals, orders, storing. Which domains there are is site_settling.cpp's.
#include "agent/domains/site_entry.hpp"

#include <algorithm>

#include <fmt/format.h>

namespace mxseal::agent {

using namespace rotation::mta_sts;

namespace {

constexpr int kBatchMax = 256;                                   // domains a tick, so that arrivals are not kept waiting
constexpr Duration kDomainsEvery = std::chrono::seconds(2);      // a look at one number of the store
constexpr Duration kStoreAgain = std::chrono::seconds(5);        // after a refused write: our choice
constexpr Duration kTogether = std::chrono::seconds(1);          // changes within a second make one snapshot
constexpr int kSnapshotShare = 10;                               // writing takes a tenth of the time at most
constexpr Duration kSnapshotLongest = std::chrono::minutes(1);  // that one took; beyond it the clock was set
constexpr Duration kSnapshotAgain = std::chrono::seconds(30);    // after one that failed
constexpr Duration kCaPause = std::chrono::minutes(1);           // a CA that limits one name's rate may mean the account's: our choice

rotation::Failure failure_of(const Error& error) {
    rotation::Failure failure{error.to_string(), std::nullopt, error.retry().kind == Retry::Kind::never};
    if (error.retry().kind == Retry::Kind::after) failure.retry_after = error.retry().delay;
    return failure;
}

} // namespace

bool SiteKeeper::Due::operator<(const Due& other) const { return at != other.at ? at < other.at : entry->name < other.entry->name; }

void SiteKeeper::set_due(Entry& entry, std::optional<Instant> due) {
    if (entry.due) due_.erase({*entry.due, &entry});
    entry.due = due;
    if (due) due_.insert({*due, &entry});
}

std::optional<Instant> SiteKeeper::next_due() const {
    std::optional<Instant> next = domains_due_;
    const auto consider = [&](std::optional<Instant> at) {
        if (at && (!next || *at < *next)) next = at;
    };
    const Instant now = clock_.wall();
    if (is_set_back(now)) return now;
    if (is_unflushed()) consider(flush_again_.value_or(now));
    if (!due_.empty()) consider(due_.begin()->at);
    if (snapshot_due_ && !snapshot_begun_) consider(std::max(*snapshot_due_, snapshot_not_before_));
    if (!placed_.empty()) consider(placed_.front().due());
    for (const auto& [name, queue] : queues_)
        if (!queue.waiting.empty()) consider(queue.rate.next(now));
    return next;
}

// No look at the list of domains is further ahead than this, so the clock that it was taken from was.
bool SiteKeeper::is_set_back(Instant now) const { return domains_due_ && *domains_due_ > now + kDomainsEvery; }

// What was due by a clock that ran ahead would wait for as long as it did.
void SiteKeeper::sleep_no_longer(Instant now) {
    domains_due_ = now;
    flush_again_.reset();
    if (snapshot_due_) snapshot_due_ = std::min(*snapshot_due_, now);
    snapshot_not_before_ = std::min(snapshot_not_before_, now);
    for (auto& [name, entry] : entries_)
        if (entry->due) set_due(*entry, now);
}

void SiteKeeper::tick() {
    const Instant now = clock_.wall();
    if (is_set_back(now)) sleep_no_longer(now);
    if (domains_due_ && now >= *domains_due_) {
        domains_due_ = now + kDomainsEvery;
        read_domains();
    }
    for (int count = 0; count < kBatchMax && !due_.empty() && due_.begin()->at <= now; ++count) {
        Entry& entry = *due_.begin()->entry;
        set_due(entry, std::nullopt);
        process(entry, SiteTimeReached{});
    }
    tell_in_place(now);
    order_what_may(now);
    write_snapshot_if_due(now);
    flush(now);
}

void SiteKeeper::arrived(SiteArrival arrival) {
    --under_way_;
    std::visit([this](auto& each) { on(each); }, arrival);
}

void SiteKeeper::process(Entry& entry, const SiteEvent& event) {
    if (entry.settings == nullptr) return set_due(entry, std::nullopt);
    SiteDecision decision = step(entry.site, event, clock_.wall(), SitePolicy{entry.spread});
    for (const rotation::Note& note : decision.notes) {
        // By the hundred thousand, and nobody waits for them.
        if (note.event == "site.certificate" && entry.certificate == "self-signed") continue;
        log(entry.name, note.event, Json::object(), note.sentence);
    }
    if (decision.store) keep(entry);
    if (decision.order) order(entry);
    set_due(entry, decision.wake);
}

void SiteKeeper::order(const Entry& entry) {
    const std::string& authority = entry.settings->certificate;
    const SiteRate::Limits limits = authority == "self-signed" ? SiteRate::Limits{64, 0, Duration{0}} : SiteRate::Limits{};
    queues_.try_emplace(authority, limits).first->second.waiting.push_back(entry.name);
}

void SiteKeeper::order_what_may(Instant now) {
    for (auto& [authority, queue] : queues_)
        while (!queue.waiting.empty() && queue.rate.begin(now)) {
            const std::string domain = std::move(queue.waiting.front());
            queue.waiting.pop_front();
            auto found = entries_.find(domain);
            const bool wanted = found != entries_.end() && found->second->settings != nullptr && found->second->site.ordering;
            if (!wanted) {
                queue.rate.end();
                continue;
            }
            ++under_way_;
            starts_.push_back([this, domain, authority = authority] { outside_.order(domain, authority); });
        }
}

void SiteKeeper::on(OrderArrival& arrival) {
    const Instant now = clock_.wall();
    if (auto queue = queues_.find(arrival.authority); queue != queues_.end()) {
        queue->second.rate.end();
        if (!arrival.issued.ok() && arrival.issued.error().code() == ErrorCode::rate_limited) queue->second.rate.pause(now + kCaPause);
    }
    auto found = entries_.find(arrival.domain);
    if (found == entries_.end() || found->second->settings == nullptr) return;
    Entry& entry = *found->second;
    if (!arrival.issued.ok()) return process(entry, OrderFailed{failure_of(arrival.issued.error()), arrival.was_asked});
    entry.certificate = arrival.authority;
    commit_.pairs.push_back(std::move(arrival.issued->pair));
    process(entry, CertificateIssued{arrival.issued->not_before, arrival.issued->not_after});
    keep(entry);
    changed_served(entry);
    if (entry.certificate != entry.settings->certificate) settle(entry); // another CA was chosen meanwhile
}

void SiteKeeper::fetched(const std::string& domain, const std::string& trouble) {
    auto found = entries_.find(domain);
    // A certificate that no sender accepts says nothing about senders.
    if (found == entries_.end() || found->second->certificate == "self-signed") return;
    if (trouble.empty())
        process(*found->second, PolicyFetched{});
    else
        process(*found->second, PolicyFetchFailed{trouble});
}

void SiteKeeper::on(SnapshotArrival& arrival) {
    const Instant now = clock_.wall();
    snapshot_not_before_ = now + std::clamp<Duration>(now - snapshot_begun_.value_or(now), Duration{0}, kSnapshotLongest) * kSnapshotShare;
    snapshot_begun_.reset();
    auto named = std::move(being_served_);
    being_served_.clear();
    if (!arrival.sites.ok()) {
        const std::string why = arrival.sites.error().to_string();
        if (snapshot_trouble_ != why) log("", "snapshot.failed", Json::object({{"generation", arrival.generation}}), fmt::format("generation {} is not in place: {}; what is there is served on, tried again each {}", arrival.generation, why, to_string(kSnapshotAgain)));
        snapshot_trouble_ = why;
        to_be_served_.insert(to_be_served_.end(), named.begin(), named.end());
        snapshot_due_ = now + kSnapshotAgain;
        return;
    }
    snapshot_trouble_.clear();
    log("", "snapshot.written", Json::object({{"generation", arrival.generation}, {"sites", *arrival.sites}}), fmt::format("generation {} with {} policies is in place", arrival.generation, *arrival.sites));
    std::set<std::string_view> left_out; // may be all of a hundred thousand
    for (const UnopenedSite& site : arrival.unopened) {
        replace_unopened(site);
        if (!site.carried_over) left_out.insert(site.domain);
    }
    std::erase_if(named, [&](const std::string& domain) { return left_out.contains(domain); });
    placed_.push_back({now, arrival.taken_within, std::move(named), arrival.generation});
    tell_in_place(now);
}

// Before they are served from no fetch can show what was written, and one that shows what was before is no trouble (C-28).
void SiteKeeper::tell_in_place(Instant now) {
    // A clock that was set back does not keep anybody waiting.
    while (!placed_.empty() && (now >= placed_.front().due() || now < placed_.front().written)) {
        Placed placed = std::move(placed_.front());
        placed_.pop_front();
        std::erase_if(placed.domains, [&](const std::string& domain) {
            auto found = entries_.find(domain);
            return found != entries_.end() && found->second->first_generation > placed.generation;
        });
        for (const auto& domain : placed.domains) {
            auto found = entries_.find(domain);
            // A certificate that no sender accepts is not fetched as a sender does.
            if (found != entries_.end() && found->second->is_served() && found->second->certificate != "self-signed") process(*found->second, SiteServed{});
        }
        if (listeners_.in_place) listeners_.in_place(placed.domains, placed.generation);
    }
}

// Its key is gone, so it gets another one with its next certificate; said once, for snapshots are written every now and then.
void SiteKeeper::replace_unopened(const UnopenedSite& unopened) {
    auto found = entries_.find(unopened.domain);
    if (found == entries_.end() || found->second->settings == nullptr) return;
    Entry& entry = *found->second;
    if (!entry.site.not_after) return; // as was said already
    log(entry.name, "site.failed", Json::object(),
        fmt::format("{}; {}, and a new certificate is ordered", unopened.why, unopened.carried_over ? "what the former snapshot had is served on" : "it is not in the snapshot"));
    entry.site.not_before.reset();
    entry.site.not_after.reset();
    keep(entry);
    process(entry, SiteTimeReached{});
}

void SiteKeeper::changed_served(Entry& entry) {
    if (entry.is_served() || !entry.body) to_be_served_.push_back(entry.name);
    if (!snapshot_due_) snapshot_due_ = clock_.wall() + kTogether;
}

void SiteKeeper::write_snapshot_if_due(Instant now) {
    if (!snapshot_due_ || snapshot_begun_ || now < std::max(*snapshot_due_, snapshot_not_before_)) return;
    snapshot_due_.reset();
    snapshot_begun_ = now;
    being_served_ = std::move(to_be_served_);
    to_be_served_.clear();
    // C-28: the number is stored before any file carries it, so that none is ever given out twice.
    commit_.facts.emplace_back("snapshot", Json::object({{"generation", ++generation_}}));
    ++under_way_;
    starts_.push_back([this, generation = generation_] { outside_.write_snapshot(generation); });
}

void SiteKeeper::keep(const Entry& entry) { dirty_.insert(entry.name); }

bool SiteKeeper::is_unflushed() const {
    return !dirty_.empty() || !starts_.empty() || !commit_.pairs.empty() || !commit_.log.empty() || !commit_.gone_sites.empty() || !commit_.facts.empty();
}

SiteRow SiteKeeper::row_of(const Entry& entry) const {
    const SiteState& site = entry.site;
    return {entry.name, entry.certificate, site.not_before, site.not_after, site.failures, site.again, site.trouble, entry.body ? *entry.body : std::string()};
}

bool SiteKeeper::store_all(Instant now) {
    commit_.sites.clear();
    for (const auto& domain : dirty_)
        if (auto found = entries_.find(domain); found != entries_.end()) commit_.sites.push_back(row_of(*found->second));
    const bool anything = !commit_.sites.empty() || !commit_.pairs.empty() || !commit_.log.empty() || !commit_.gone_sites.empty() || !commit_.facts.empty();
    if (anything)
        if (auto stored = store_.commit(token_, commit_); !stored.ok()) {
            store_trouble_ = stored.error().to_string();
            flush_again_ = now + kStoreAgain;
            return false;
        }
    store_trouble_.clear();
    flush_again_.reset();
    if (listeners_.log)
        for (const LogEntry& entry : commit_.log) listeners_.log(entry);
    commit_ = {};
    dirty_.clear();
    return true;
}

// Intent before act: nothing begins before what led to it is stored, and nothing is forgotten while the store refuses.
void SiteKeeper::flush(Instant now) {
    if (!is_unflushed() || (flush_again_ && now < *flush_again_) || !store_all(now)) return;
    auto starts = std::move(starts_);
    starts_.clear();
    for (const Start& start : starts) start();
}

void SiteKeeper::store_arrived() { store_all(clock_.wall()); }

void SiteKeeper::log(const std::string& domain, std::string event, Json fields, std::string sentence) {
    commit_.log.push_back({0, clock_.wall(), domain, std::move(event), std::move(fields), std::move(sentence)});
}

} // namespace mxseal::agent
