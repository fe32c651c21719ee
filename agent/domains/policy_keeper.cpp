// The half of PolicyKeeper that runs: time, arrivals, deciding, storing. What is wanted of each domain is policy_wishes.cpp's, what people
// are told policy_report.cpp's.
#include "agent/domains/policy_document.hpp"
#include "agent/domains/policy_entry.hpp"
#include "rotation/mta_sts/cached.hpp"

#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace mxseal::agent {

using namespace rotation::mta_sts;

namespace {

constexpr int kBatchMax = 256;                                // domains a tick, so that arrivals are not kept waiting
constexpr Duration kStoreAgain = std::chrono::seconds(5);     // after a refused write: our choice
constexpr std::int64_t kCoarse = 6 * 3600 * 1000;             // ms

// What a write would be for: a later look that saw the same is not worth one. Sightings of a TTL count for a week, so hours do not matter.
std::size_t digest_of(DomainState state, const std::vector<std::string>& goal, bool at_rest, const std::string& wanted) {
    for (RrsetLedger* ledger : {&state.txt, &state.mx}) {
        ledger->last_round.reset();
        for (auto& sighting : ledger->ttls) sighting.at = from_unix_ms(to_unix_ms(sighting.at) / kCoarse * kCoarse);
    }
    return std::hash<std::string>{}(fmt::format("{}{}{}{}", to_policy_document(state), fmt::join(goal, " "), at_rest, wanted));
}

Json fields_of(const rotation::Note& note) {
    Json fields = Json::object();
    for (const auto& [name, value] : note.fields) fields.set(name, value);
    return fields;
}

} // namespace

PolicyKeeper::PolicyKeeper(const Config& config, Clock& clock, Store& store, FencingToken token, PolicyOutside& outside)
    : config_(config), time_(clock), store_(store), token_(token), outside_(outside), board_({config.timing.monitor_every, std::min<Duration>(config.timing.monitor_every, std::chrono::minutes(5))}) {}

PolicyKeeper::~PolicyKeeper() = default;

bool PolicyKeeper::Due::operator<(const Due& other) const { return at != other.at ? at < other.at : entry->name < other.entry->name; }

Status PolicyKeeper::start() {
    auto rows = store_.load_policies();
    if (!rows.ok()) return std::move(rows).error();
    auto clock = store_.get_document("agent", "clock");
    if (!clock.ok()) return std::move(clock).error();
    if (*clock) time_.restore(**clock);
    for (PolicyRow& row : *rows) {
        Entry& entry = entry_of(row.domain);
        entry.stored = true;
        entry.at_rest = row.at_rest;
        entry.mx_goal = std::move(row.mx_goal);
        entry.wanted = std::move(row.wanted);
    }
    return done();
}

PolicyKeeper::Entry* PolicyKeeper::find(const std::string& domain) const {
    auto found = entries_.find(domain);
    return found == entries_.end() ? nullptr : found->second.get();
}

PolicyKeeper::Entry& PolicyKeeper::entry_of(const std::string& domain) {
    auto& entry = entries_[domain];
    if (!entry) {
        entry = std::make_unique<Entry>();
        entry->name = domain;
        std::erase(commit_.gone_policies, domain);
    }
    return *entry;
}

void PolicyKeeper::set_due(Entry& entry, std::optional<Instant> due) {
    if (entry.due) due_.erase({*entry.due, &entry});
    entry.due = due;
    if (due) due_.insert({*due, &entry});
}

std::optional<Instant> PolicyKeeper::next_due() const {
    std::optional<Instant> next = board_.next_due();
    const auto consider = [&](std::optional<Instant> at) {
        if (at && (!next || *at < *next)) next = at;
    };
    if (is_unflushed()) consider(flush_again_.value_or(time_.now()));
    if (!due_.empty()) consider(due_.begin()->at);
    if (!reports_due_.empty()) consider(reports_due_.begin()->first);
    for (const auto& [name, group] : groups_) consider(group->due);
    return next;
}

bool PolicyKeeper::is_unflushed() const { return wake_loaded_ || !commit_.facts.empty() || !touched_.empty() || !dirty_.empty() || !starts_.empty() || !commit_.log.empty() || !commit_.gone_policies.empty(); }

void PolicyKeeper::tick() {
    check_clock();
    const Instant now = time_.now();
    if (std::exchange(wake_loaded_, false)) wake_all_loaded(now);
    for (int count = 0; count < kBatchMax && !due_.empty() && due_.begin()->at <= now; ++count) {
        Entry& entry = *due_.begin()->entry;
        set_due(entry, std::nullopt);
        process(entry, TimeReached{});
    }
    for (const std::string& host : board_.take_due(now)) {
        ++under_way_;
        starts_.push_back([this, host] { outside_.look_at_mx_host(host); });
    }
    look_at_report_records(now);
    for (auto& [name, group] : groups_)
        if (group->due && *group->due <= now) process(*group, TimeReached{});
    flush(now);
}

void PolicyKeeper::arrived(PolicyArrival arrival) {
    --under_way_;
    check_clock();
    // What came in one turn of the loop is stored by the next tick() as one transaction: a commit for each of thousands would be all that the thread does.
    std::visit([this](auto& each) { on(each); }, arrival);
}

void PolicyKeeper::on(DnsLook& look) {
    Entry* entry = find(look.domain);
    if (entry == nullptr) return;
    --entry->under_way;
    process(*entry, Observed{std::move(look.seen)});
}

void PolicyKeeper::on(EndpointLook& look) {
    Entry* entry = find(look.domain);
    if (entry == nullptr) return;
    --entry->under_way;
    const Instant started = look.seen.started;
    process(*entry, Fetched{std::move(look.seen)});
    // Until the snapshot is in place, another body than the one that is meant to be served is no trouble of the site's.
    if (listeners_.fetched && entry->state && entry->state->serving && entry->state->serving->intent <= started && !entry->serve_intent) listeners_.fetched(entry->name, entry->state->fetch_trouble);
}

void PolicyKeeper::on(RrsetWritten& written) {
    Entry* entry = find(written.domain);
    if (entry == nullptr) return;
    --entry->under_way;
    if (written.type == dns::Type::txt) return process(*entry, TxtWritten{std::move(written.failure)});
    process(*entry, MxWritten{std::move(written.failure)});
}

void PolicyKeeper::on(MxHostLook& look) {
    if (board_.arrived(look, time_.now())) wake_loaded_ = true; // once for all that arrived in this turn
}

void PolicyKeeper::in_place(const std::string& domain, std::uint64_t generation) {
    Entry* entry = find(domain);
    if (entry == nullptr || !entry->serve_intent) return;
    const Instant intent = *entry->serve_intent;
    entry->serve_intent.reset();
    --entry->under_way;
    --under_way_;
    process(*entry, Served{std::nullopt, generation, intent});
}

// Whoever waits for what is known of a host: a domain at rest waits for nothing.
void PolicyKeeper::wake_all_loaded(Instant now) {
    for (auto& [name, entry] : entries_)
        if (entry->state && !entry->at_rest) set_due(*entry, now);
}

void PolicyKeeper::check_clock() {
    const auto stepped = time_.step();
    if (!stepped) return;
    const Instant now = time_.now();
    for (auto& [name, entry] : entries_) {
        entry->clock_step += *stepped;
        set_due(*entry, now);
    }
    for (auto& [name, group] : groups_) process(*group, ClockStepped{*stepped});
}

bool PolicyKeeper::load(Entry& entry, Instant now) {
    if (entry.state) return true;
    auto state = std::make_unique<DomainState>();
    if (entry.stored) {
        auto document = store_.load_policy(entry.name);
        auto read = document.ok() && *document ? from_policy_document(**document) : Result<DomainState>(document.ok() ? Error(ErrorCode::io, "its row has no document") : std::move(document).error());
        if (!read.ok()) {
            entry.reason = rotation::because("halt.state", read.error().to_string());
            entry.closed = true;
            set_due(entry, now + config_.timing.monitor_every);
            return false;
        }
        *state = std::move(*read);
        state->observed_at = entry.observed_at;
        state->fetched_at = entry.fetched_at;
        state->txt_alias = entry.txt_alias;
    }
    entry.closed = false;
    entry.state = std::move(state);
    if (entry.stored) entry.written = digest_of(*entry.state, entry.mx_goal, entry.at_rest, entry.wanted);
    return true;
}

// What is at rest is let go, once the store has it.
void PolicyKeeper::unload(Entry& entry) {
    if (!entry.state || !entry.at_rest || entry.under_way > 0 || dirty_.contains(&entry) || !entry.stored) return;
    if (!entry.state->observe_trouble.empty() || !entry.state->fetch_trouble.empty() || !entry.state->retries.empty()) return;
    entry.observed_at = entry.state->observed_at;
    entry.fetched_at = entry.state->fetched_at;
    entry.txt_alias = entry.state->txt_alias;
    entry.state.reset();
}

Decision PolicyKeeper::decide(Entry& entry, const Event& event, const Policy& policy, Instant now) {
    Decision all;
    const auto add = [&](const Event& each) {
        Decision next = step(*entry.state, each, now, policy, around(entry, policy, now));
        next.actions.insert(next.actions.begin(), all.actions.begin(), all.actions.end());
        next.notes.insert(next.notes.begin(), all.notes.begin(), all.notes.end());
        all = std::move(next);
    };
    // Section 0.1: what waits count from moves before anything is decided, or forgotten, by a clock that ran ahead.
    if (entry.clock_step != Duration{0}) add(ClockStepped{std::exchange(entry.clock_step, Duration{0})});
    if (!entry.started) add(Started{});
    entry.started = true;
    if (std::exchange(entry.tell_shared, false))
        if (auto group = groups_.find(entry.shares); group != groups_.end()) add(SharedSeen{group->second->last.rrset, group->second->last.finished});
    add(event);
    return all;
}

void PolicyKeeper::process(Entry& entry, const Event& event) {
    check_clock();
    const Instant now = time_.now();
    if (!load(entry, now)) return;
    touched_.insert(entry.name);
    entry.wanted = wanted_of(entry);
    const Policy policy = terms_of(entry);
    take(entry, decide(entry, event, policy, now), now);
    settle_goal(entry);
}

void PolicyKeeper::take(Entry& entry, const Decision& decision, Instant now) {
    for (const rotation::Note& note : decision.notes) log(entry.name, note.event, fields_of(note), note.sentence);
    entry.reason = decision.reason;
    entry.ask = decision.ask || decision.ask_txt ? decision.reason.sentence() : "";
    page(entry, decision.page);
    for (const Action& action : decision.actions) carry_out(entry, action);
    count_in_group(entry, decision, now);
    entry.at_rest = decision.reason.empty() && decision.page.empty() && entry.mx_goal.empty();
    tell_mx(entry, now);
    keep(entry);
    set_due(entry, decision.wake);
}

void PolicyKeeper::carry_out(Entry& entry, const Action& action) {
    ++entry.under_way;
    ++under_way_;
    const std::string& name = entry.name;
    const bool self_signed = entry.settings != nullptr && entry.settings->certificate == "self-signed";
    if (std::holds_alternative<Observe>(action)) return starts_.push_back([this, name] { outside_.observe(name); });
    if (std::holds_alternative<Fetch>(action)) return starts_.push_back([this, name, self_signed] { outside_.fetch(name, self_signed); });
    if (const auto* txt = std::get_if<WriteTxt>(&action))
        return starts_.push_back([this, name, write = *txt] { outside_.write(name, dns::Type::txt, write.base, write.target, write.ttl); });
    if (const auto* mx = std::get_if<WriteMx>(&action)) return starts_.push_back([this, name, write = *mx] { outside_.write(name, dns::Type::mx, write.base, write.target, write.ttl); });
    const auto& serve = std::get<Serve>(action);
    // A Serve that was asked for before is overtaken: its snapshot brings this body or an older one, and neither ends it.
    if (entry.serve_intent) {
        --entry.under_way;
        --under_way_;
    }
    entry.serve_intent = serve.intent;
    starts_.push_back([this, name, body = serve.body ? std::optional(serve.body->text()) : std::nullopt] { listeners_.serve(name, body); });
}

void PolicyKeeper::page(Entry& entry, const std::string& text) {
    if (entry.page == text) return;
    if (entry.page.empty()) {
        ++pages_;
        log(entry.name, "policy.page", Json::object(), text);
    }
    if (text.empty()) {
        --pages_;
        log(entry.name, "policy.page_over", Json::object(), "no live MX host is without a policy any more");
    }
    entry.page = text;
}

// Hosts of every MX RRset that some resolver may hold: they stand in one group (P3).
void PolicyKeeper::tell_mx(const Entry& entry, Instant now) {
    if (!listeners_.mx || !entry.state) return;
    const auto hosts = held_hosts(*entry.state, now, terms_of(entry));
    const std::string all = fmt::format("{}", fmt::join(hosts, " "));
    if (!all.empty() && told_mx_.insert(all).second) listeners_.mx(all);
}

void PolicyKeeper::keep(Entry& entry) {
    const bool anything = entry.stored || entry.state->serving || !entry.state->ids.empty() || !entry.state->mx.versions.empty() || !entry.mx_goal.empty();
    if (!anything) return;
    const std::size_t digest = digest_of(*entry.state, entry.mx_goal, entry.at_rest, entry.wanted);
    if (entry.stored && digest == entry.written) return;
    entry.written = digest;
    dirty_.insert(&entry);
}

bool PolicyKeeper::store_all(Instant now) {
    commit_.policies.clear();
    for (Entry* entry : dirty_) commit_.policies.push_back({{entry->name, entry->at_rest, entry->mx_goal, entry->wanted}, to_policy_document(*entry->state)});
    if (!commit_.policies.empty() || !commit_.log.empty() || !commit_.gone_policies.empty() || !commit_.facts.empty())
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
    for (Entry* entry : std::exchange(dirty_, {})) entry->stored = true;
    return true;
}

// Intent before act: nothing begins before what led to it is stored, and nothing is forgotten while the store refuses.
void PolicyKeeper::flush(Instant now) {
    if (!is_unflushed() || (flush_again_ && now < *flush_again_)) return;
    for (const std::string& domain : touched_) end_if_over(domain);
    if (!store_all(now)) return;
    auto starts = std::exchange(starts_, {});
    for (const Start& start : starts) start();
    for (const std::string& domain : std::exchange(touched_, {}))
        if (Entry* entry = find(domain)) unload(*entry);
}

void PolicyKeeper::store_arrived() { store_all(time_.now()); }

void PolicyKeeper::log(const std::string& domain, std::string event, Json fields, std::string sentence) {
    commit_.log.push_back({0, time_.now(), domain, std::move(event), std::move(fields), std::move(sentence)});
}

} // namespace mxseal::agent
