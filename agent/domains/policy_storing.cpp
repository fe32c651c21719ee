// The half of PolicyKeeper that keeps: what the store has, what is read back from it, and what becomes of decisions that it refused.
#include "agent/domains/policy_document.hpp"
#include "agent/domains/policy_entry.hpp"

#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace mxseal::agent {

using namespace rotation::mta_sts;

namespace {

constexpr Duration kStoreAgain = std::chrono::seconds(5); // after a refused write: our choice
constexpr Duration kReadAgain = std::chrono::minutes(1);  // after a state that could not be read
constexpr std::size_t kKeptLoaded = 64;                   // states that stay in memory at rest, a few KiB each: our choice
constexpr std::int64_t kCoarse = 6 * 3600 * 1000;         // ms

// What a write would be for: a later look that saw the same is not worth one. Sightings of a TTL count for a week, so hours do not matter.
std::size_t fingerprint_of(DomainState state, const std::vector<std::string>& goal, bool at_rest, const std::string& decided_for) {
    for (RrsetLedger* ledger : {&state.txt, &state.mx}) {
        ledger->last_round.reset();
        for (auto& sighting : ledger->ttls) sighting.at = from_unix_ms(to_unix_ms(sighting.at) / kCoarse * kCoarse);
    }
    return std::hash<std::string>{}(fmt::format("{}{}{}{}", to_policy_document(state), fmt::join(goal, " "), at_rest, decided_for));
}

constexpr const char* kFormerFact = "former_domains";

std::string fact_of(const std::string& record) { return "shared_record/" + record; }

} // namespace

Status PolicyKeeper::start() {
    auto rows = store_.load_policies();
    if (!rows.ok()) return std::move(rows).error();
    for (PolicyRow& row : *rows) {
        Entry& entry = entry_of(row.domain);
        entry.stored = true;
        entry.at_rest = row.at_rest;
        entry.mx_goal = entry.stored_goal = std::move(row.mx_goal);
        entry.decided_for = std::move(row.wanted);
    }
    auto former = store_.get_document("agent", kFormerFact);
    if (!former.ok()) return std::move(former).error();
    if (*former) former_.restore(**former, time_.now());
    return done();
}

bool PolicyKeeper::load(Entry& entry, Instant now) {
    if (entry.state) return true;
    auto state = std::make_unique<DomainState>();
    begin_time(entry, Json());
    if (entry.stored || entry.is_unsure) {
        auto read = read_state(entry);
        if (!read.ok()) {
            entry.reason = rotation::because("halt.state", read.error().to_string());
            entry.closed = true;
            count_in_group(entry, false, false); // others do not wait for somebody to mend it
            set_due(entry, now + kReadAgain);
            return false;
        }
        *state = std::move(*read);
        state->observed_at = entry.observed_at;
        state->fetched_at = entry.fetched_at;
        state->txt_alias = entry.txt_alias;
    }
    entry.closed = false;
    entry.state = std::move(state);
    if (entry.settings == nullptr) join_group(entry);
    entry.written = entry.stored && !entry.is_unsure ? fingerprint_of(*entry.state, entry.mx_goal, entry.at_rest, entry.decided_for) : 0;
    return true;
}

// Its own anchor: whoever was told of a step, and stored, before the process ended is not told again by the next one, and nobody is left out.
void PolicyKeeper::begin_time(Party& party, const Json& document) const {
    party.time.emplace(clock_);
    party.time->step(); // from now on
    party.time->restore(document["clock"]);
}

Result<DomainState> PolicyKeeper::read_state(Entry& entry) const {
    auto document = store_.load_policy(entry.name);
    if (!document.ok()) return std::move(document).error();
    if (*document) entry.stored = true; // a write of which nobody heard that it was carried out
    if (!*document && entry.stored) return Error(ErrorCode::io, "its row has no document");
    if (*document) begin_time(entry, **document);
    return *document ? from_policy_document(**document) : Result<DomainState>(DomainState{});
}

// What is at rest is let go, once the store has it, where there are many.
void PolicyKeeper::unload(Entry& entry) {
    if (entries_.size() <= kKeptLoaded || !entry.state || !entry.at_rest || entry.under_way > 0 || dirty_.contains(&entry) || !entry.stored) return;
    if (!entry.state->observe_trouble.empty() || !entry.state->fetch_trouble.empty() || !entry.state->retries.empty()) return;
    entry.observed_at = entry.state->observed_at;
    entry.fetched_at = entry.state->fetched_at;
    entry.txt_alias = entry.state->txt_alias;
    entry.state.reset();
}

bool PolicyKeeper::load(Group& group, Instant now) {
    if (group.loaded) return true;
    auto stored = store_.get_document("agent", fact_of(group.name));
    auto state = stored.ok() && *stored ? from_shared_document(**stored) : Result<SharedState>(SharedState{});
    group.loaded = stored.ok() && state.ok();
    begin_time(group, stored.ok() && *stored ? **stored : Json());
    if (group.loaded) {
        group.state = std::move(*state);
        group.written = to_shared_document(group.state).dump();
        return true;
    }
    // Without what was written down no id may be changed: nobody knows which were used.
    group.reason = rotation::because("halt.state", stored.ok() ? state.error().to_string() : stored.error().to_string());
    group.due = now + kReadAgain;
    return false;
}

void PolicyKeeper::keep(Entry& entry) {
    const bool anything = entry.stored || entry.state->serving || !entry.state->ids.empty() || !entry.state->mx.versions.empty() || !entry.mx_goal.empty();
    if (!anything) return;
    const std::size_t digest = fingerprint_of(*entry.state, entry.mx_goal, entry.at_rest, entry.decided_for);
    if (entry.stored && digest == entry.written) return;
    entry.written = digest;
    dirty_.insert(&entry);
}

bool PolicyKeeper::is_unflushed() const {
    return wake_loaded_ || !touched_.empty() || !touched_groups_.empty() || !dirty_.empty() || !starts_.empty() || former_.is_dirty() || !commit_.log.empty() || !commit_.gone_policies.empty();
}

bool PolicyKeeper::store_all(Instant now) {
    for (Entry* entry : dirty_) commit_.policies.push_back({{entry->name, entry->at_rest, entry->mx_goal, entry->decided_for}, to_policy_document(*entry->state, entry->time->fact())});
    for (Group* group : touched_groups_)
        if (to_shared_document(group->state).dump() != group->written) commit_.facts.emplace_back(fact_of(group->name), to_shared_document(group->state, group->time->fact()));
    if (former_.is_dirty()) commit_.facts.emplace_back(kFormerFact, former_.document());
    if (!commit_.policies.empty() || !commit_.log.empty() || !commit_.gone_policies.empty() || !commit_.facts.empty())
        if (auto stored = store_.commit(token_, commit_); !stored.ok()) {
            give_up(now, stored.error());
            return false;
        }
    note_stored();
    return true;
}

void PolicyKeeper::note_stored() {
    store_trouble_.clear();
    flush_again_.reset();
    former_.stored();
    if (listeners_.log)
        for (const LogEntry& entry : commit_.log) listeners_.log(entry);
    commit_ = {};
    for (Entry* entry : std::exchange(dirty_, {})) {
        entry->stored = true;
        entry->is_unsure = false;
    }
    for (const std::string& domain : touched_) {
        Entry* entry = find(domain);
        if (entry == nullptr) continue;
        entry->stored_goal = entry->mx_goal;
        entry->stored_page = entry->page;
    }
    for (Group* group : std::exchange(touched_groups_, {})) {
        group->written = to_shared_document(group->state).dump();
    }
}

// Intent before act: what could not be stored is not done, also not later, when the looks by which it was decided are old (P2). The states are
// the stored ones again; what the acts under way bring is looked up in the world afterwards, as after a crash.
void PolicyKeeper::give_up(Instant now, const Error& error) {
    store_trouble_ = error.to_string();
    flush_again_ = now + kStoreAgain;
    drop_starts();
    dirty_.clear();
    for (const std::string& domain : std::exchange(touched_, {}))
        if (Entry* entry = find(domain)) give_up(*entry, now);
    for (Group* group : std::exchange(touched_groups_, {})) give_up(*group, now);
    // Domains that are over stay so: nothing of them is served or held.
    Commit kept;
    kept.gone_policies = std::move(commit_.gone_policies);
    commit_ = std::move(kept);
}

void PolicyKeeper::take_back(Party& party) {
    party.given_up = true;
    party.reason = rotation::because("wait.store", "the store cannot be written, so nothing is begun: " + store_trouble_);
    party.ask.clear();
    party.told_ask.clear();
    party.asked = {};
}

void PolicyKeeper::give_up(Entry& entry, Instant now) {
    take_back(entry);
    overtake_serve(entry); // Started asks for it again
    entry.state.reset();
    entry.is_unsure = true;
    entry.at_rest = false;
    entry.mx_goal = entry.settings != nullptr ? entry.stored_goal : std::vector<std::string>{};
    pages_ -= !entry.page.empty();
    entry.page = entry.stored_page;
    pages_ += !entry.page.empty();
    count_in_group(entry, false, true);
    set_due(entry, now + kStoreAgain);
}

void PolicyKeeper::give_up(Group& group, Instant now) {
    take_back(group);
    group.loaded = false;
    group.due = now + kStoreAgain;
}

// Until everything that was begun is back, and the store may be tried again, nothing is decided.
bool PolicyKeeper::is_given_up(Party& party) {
    if (!party.given_up) return false;
    if (party.under_way > 0 || (flush_again_ && time_.now() < *flush_again_)) return true;
    party.given_up = false;
    party.started = false;
    return false;
}

// The acts of decisions that were not stored; those that nobody decided stay.
void PolicyKeeper::drop_starts() {
    std::erase_if(starts_, [this](const Start& start) {
        if (start.of == nullptr || start.serves) return start.serves;
        --start.of->under_way;
        --under_way_;
        return true;
    });
}

void PolicyKeeper::flush(Instant now) {
    if (!is_unflushed() || (flush_again_ && now < *flush_again_)) return;
    for (const std::string& domain : touched_) end_if_over(domain);
    if (!store_all(now)) return;
    for (const Start& start : std::exchange(starts_, {})) start.act();
    for (const std::string& domain : std::exchange(touched_, {}))
        if (Entry* entry = find(domain)) unload(*entry);
}

void PolicyKeeper::store_arrived() { store_all(time_.now()); }

} // namespace mxseal::agent
