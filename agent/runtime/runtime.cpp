#include "agent/runtime/runtime.hpp"

#include "agent/runtime/host_document.hpp"
#include "agent/runtime/host_entry.hpp"
#include "agent/runtime/host_policy.hpp"
#include "agent/runtime/report.hpp"
#include "rotation/planted.hpp"

#include <algorithm>

#include <fmt/format.h>

namespace mxseal::agent {

using namespace rotation::tlsa;

namespace {

constexpr int kBatchMax = 256;                                // hosts a tick, so that arrivals are not kept waiting
constexpr Duration kStoreAgain = std::chrono::seconds(5);     // after a refused write: our choice
// Requests that another process left in the store: those of a process that found no agent, right before this one came up.
constexpr Duration kRequestsEvery = std::chrono::seconds(10);
constexpr Duration kRequestsOftenFor = std::chrono::minutes(1); // afterwards each monitor_every
// At a start every host is looked at; more than a hundred are spread, so that servers are not asked all at once.
constexpr std::size_t kStartAtOnce = 100;
constexpr Duration kStartSpacing{10};

bool is_look(const Action& action) { return std::holds_alternative<Observe>(action) || std::holds_alternative<Probe>(action); }

Json fields_of(const Note& note) {
    Json fields = Json::object();
    for (const auto& [name, value] : note.fields) fields.set(name, value);
    return fields;
}

} // namespace

std::string Runtime::View::to_summary(const Reason& why) const {
    std::string text;
    JsonWriter to(text);
    to.begin_object();
    to.name("phase");
    to.string(phase);
    for (const auto& [name, flag] : {std::pair("switching", switching), std::pair("wants_switch", wants_switch), std::pair("published", published), std::pair("sound", sound)}) {
        to.name(name);
        to.boolean(flag);
    }
    to.name("unhealthy");
    to.string(unhealthy);
    to.name("last_switch");
    last_switch ? to.integer(to_unix_ms(*last_switch)) : to.null();
    to.name("reason");
    write_reason(to, why);
    to.end_object();
    return text;
}

Runtime::Runtime(const Config& config, Clock& clock, Store& store, FencingToken token, Outside& outside)
    : config_(config), time_(clock), store_(store), token_(token), outside_(outside) {}

Runtime::~Runtime() = default;

Status Runtime::start() {
    auto rows = store_.load_hosts();
    if (!rows.ok()) return std::move(rows).error();
    std::map<std::string, HostRow*> by_name;
    for (HostRow& row : *rows) by_name[row.name] = &row;

    std::vector<std::pair<std::string, std::string>> host_and_zone;
    std::size_t number = 0;
    const Instant now = time_.now();
    for (const auto& [name, host] : config_.hosts) {
        auto entry = std::make_unique<Entry>();
        entry->name = name.text();
        entry->policy = policy_of(config_, host);
        if (auto row = by_name.find(entry->name); row != by_name.end()) {
            const Json& summary = row->second->summary;
            entry->view.phase = summary["phase"].as_string().value_or("");
            entry->view.switching = summary["switching"].as_bool().value_or(false);
            entry->view.wants_switch = summary["wants_switch"].as_bool().value_or(false);
            entry->view.published = summary["published"].as_bool().value_or(false);
            entry->reason = reason_from_json(summary["reason"]);
            if (auto at = summary["last_switch"].as_integer()) entry->view.last_switch = from_unix_ms(*at);
            // Health is what this process has seen: a host of the group that was not looked at yet is not known to be healthy.
            entry->view.unhealthy = entry->view.published ? entry->name + " has not been looked at since the start" : "";
        }
        const bool at_rest = entry->view.phase == "steady" && !entry->view.wants_switch;
        const auto spread = at_rest && number >= kStartAtOnce ? kStartSpacing * static_cast<std::int64_t>(number) : Duration{0};
        host_and_zone.emplace_back(entry->name, host.zone.text());
        Entry& kept = *entry;
        entries_.emplace(kept.name, std::move(entry));
        set_due(kept, now + spread);
        ++number;
    }
    groups_.set_hosts(host_and_zone);
    for (const auto& [name, domain] : config_.domains) {
        auto known = store_.get_document("mx", name.text());
        if (!known.ok()) return std::move(known).error();
        if (!*known) continue;
        std::vector<MxHost> hosts;
        for (const Json& item : (**known)["hosts"].items())
            if (auto host = dns::Name::parse(item["host"].as_string().value_or("")); host.ok())
                hosts.push_back({static_cast<std::uint16_t>(item["preference"].as_integer().value_or(0)), *host});
        groups_.add_mx(name.text(), hosts);
    }
    mx_due_ = now;
    requests_due_ = now;
    requests_often_until_ = now + kRequestsOftenFor;
    auto fact = store_.get_document("agent", "clock");
    if (!fact.ok()) return std::move(fact).error();
    if (*fact) time_.restore(**fact);
    return done();
}

std::optional<Instant> Runtime::next_due() const {
    // A step of the clock is to be heard of now, not when what was due by the clock of before comes.
    if (time_.ahead() != Duration{0}) return time_.now();
    std::optional<Instant> due = requests_due_;
    if (mx_due_ && (!due || *mx_due_ < *due)) due = mx_due_;
    if (!queue_.empty() && (!due || queue_.begin()->at < *due)) due = queue_.begin()->at;
    return due;
}

void Runtime::tick() {
    check_clock();
    const Instant now = time_.now();
    take_stored_requests();
    watch_mx();
    for (int count = 0; count < kBatchMax && !queue_.empty() && queue_.begin()->at <= now; ++count) {
        Entry& entry = *queue_.begin()->entry;
        set_due(entry, std::nullopt);
        process(entry, TimeReached{});
    }
}

void Runtime::arrived(const Arrival& arrival) {
    if (const auto* mx = std::get_if<MxObservation>(&arrival)) {
        --under_way_;
        return mx_arrived(*mx);
    }
    const auto& host = std::get<HostArrival>(arrival);
    --under_way_;
    Entry* entry = find(host.host);
    if (entry == nullptr) return;
    --entry->under_way;
    check_clock();
    process(*entry, host.event);
}

Runtime::Entry* Runtime::find(const std::string& host) {
    auto found = entries_.find(host);
    return found == entries_.end() ? nullptr : found->second.get();
}

void Runtime::set_due(Entry& entry, std::optional<Instant> due) {
    if (entry.due) queue_.erase({*entry.due, &entry});
    entry.due = due;
    if (due) queue_.insert({*due, &entry});
}

bool Runtime::Due::operator<(const Due& other) const { return at != other.at ? at < other.at : entry->name < other.entry->name; }

Status Runtime::load(Entry& entry) {
    if (entry.state) return done();
    auto document = store_.load_host(entry.name);
    if (!document.ok()) return std::move(document).error();
    if (!*document) {
        entry.state = std::make_unique<HostState>();
        return done();
    }
    auto state = from_document(**document);
    if (!state.ok()) return std::move(state).error();
    entry.state = std::make_unique<HostState>(std::move(*state));
    return done();
}

void Runtime::process(Entry& entry, const Event& event, Decision* answer) {
    const Instant now = time_.now();
    // A host whose last step could not be stored waits for its actions to come back, then looks at the world again.
    if (entry.given_up) {
        if (entry.under_way > 0) return;
        if (entry.again && now < *entry.again) return set_due(entry, entry.again);
        entry.given_up = false;
        entry.started = false;
    }
    if (auto loaded = load(entry); !loaded.ok()) {
        entry.reason = because("halt.state", loaded.error().to_string());
        return set_due(entry, now + kStoreAgain);
    }
    Decision decision;
    if (!entry.started) decision = step(*entry.state, Started{}, now, entry.policy, group_of(entry));
    const bool only_time = entry.started && std::holds_alternative<TimeReached>(event);
    if (entry.started || !std::holds_alternative<TimeReached>(event)) {
        Decision next = step(*entry.state, event, now, entry.policy, group_of(entry));
        next.actions.insert(next.actions.begin(), decision.actions.begin(), decision.actions.end());
        next.notes.insert(next.notes.begin(), decision.notes.begin(), decision.notes.end());
        decision = std::move(next);
    }
    entry.started = true;
    entry.reason = decision.reason;
    refresh_view(entry, now);
    // Nothing but the time of the next look changed, or a look begins: not worth a write. A look lost in a crash is made again.
    const bool only_looks = std::all_of(decision.actions.begin(), decision.actions.end(), is_look);
    const bool forgotten = rotation::planted(rotation::Mistake::intent_not_stored) && !decision.actions.empty();
    if (!forgotten && (!only_time || !only_looks || !decision.notes.empty())) {
        if (auto stored = store(entry, decision, now); !stored.ok()) {
            if (answer != nullptr) {
                answer->refused = true;
                answer->reply = "not stored, nothing was done: " + stored.error().to_string();
            }
            return give_up(entry, stored.error());
        }
    }
    store_trouble_.clear();
    set_due(entry, decision.wake);
    for (const Action& action : decision.actions) {
        ++entry.under_way;
        ++under_way_;
        outside_.start(entry.name, action);
    }
    if (answer != nullptr) *answer = std::move(decision);
}

// Intent before act: what could not be stored is not done. The state is the stored one again; what the actions under way bring
// is looked up in the world afterwards, as after a crash.
void Runtime::give_up(Entry& entry, const Error& error) {
    const Instant now = time_.now();
    entry.state.reset();
    entry.given_up = true;
    entry.again = now + kStoreAgain;
    entry.reason = because("wait.store", "the store cannot be written, so nothing is begun: " + error.to_string(), "tried again at " + to_rfc3339(*entry.again));
    store_trouble_ = error.to_string();
    set_due(entry, entry.again);
}

void Runtime::refresh_view(Entry& entry, Instant) {
    View view;
    const HostState& state = *entry.state;
    view.switching = is_switching(state);
    view.wants_switch = wants_switch(state) && !state.halt;
    view.published = state.first_complete.has_value();
    view.sound = state.wire.sound;
    view.unhealthy = unhealthy_because(state, entry.policy);
    view.phase = to_string(phase_of(state, entry.policy, entry.reason));
    view.last_switch = entry.view.last_switch;
    if (state.roll && state.roll->verified) view.last_switch = std::max(view.last_switch.value_or(*state.roll->verified), *state.roll->verified);
    const bool changed = !(view == entry.view);
    entry.view = std::move(view);
    if (changed) tell_group(entry);
}

// Hosts that wait for their turn hear at once that something changed.
void Runtime::tell_group(const Entry& entry) {
    const Instant now = time_.now();
    for (const std::string& name : groups_.members_of(entry.name)) {
        Entry* other = find(name);
        if (other == nullptr || other == &entry || !other->view.wants_switch || other->given_up) continue;
        if (!other->due || *other->due > now) set_due(*other, now);
    }
}

Group Runtime::group_of(const Entry& entry) {
    Group group;
    for (const std::string& name : groups_.members_of(entry.name)) {
        const Entry* other = find(name);
        if (other == nullptr || other == &entry) continue;
        if (other->view.switching) group.switching = other->name;
        if (!other->view.unhealthy.empty() && group.unhealthy.empty()) group.unhealthy = other->view.unhealthy;
        if (other->view.last_switch) group.last_switch = std::max(group.last_switch.value_or(*other->view.last_switch), *other->view.last_switch);
        const bool goes_first = groups_.is_sole_best(entry.name) && !groups_.is_sole_best(other->name) && other->view.wants_switch && other->view.phase == "steady";
        if (goes_first) group.before_us = other->name;
    }
    return group;
}

Status Runtime::store(Entry& entry, const Decision& decision, Instant now) {
    Commit commit;
    commit.hosts.push_back({entry.name, entry.document.write(*entry.state), entry.view.to_summary(entry.reason), decision.wake});
    for (const Note& note : decision.notes) commit.log.push_back({0, now, entry.name, note.event, fields_of(note), note.sentence});
    auto stored = store_.commit(token_, commit);
    if (!stored.ok()) return stored;
    if (listener_)
        for (const LogEntry& each : commit.log) listener_(each);
    return stored;
}

void Runtime::log(LogEntry entry) {
    Commit commit;
    commit.log.push_back(std::move(entry));
    // A line of the agent's own that cannot be stored is still told.
    if (auto stored = store_.commit(token_, commit); !stored.ok()) store_trouble_ = stored.error().to_string();
    if (listener_) listener_(commit.log.front());
}

// Section 0.1: a step of the wall clock pauses transitions; one forward lengthens every wait by as much.
void Runtime::check_clock() {
    auto step_seen = time_.step();
    const Instant now = time_.now();
    if (step_seen) {
        log({0, now, "", "clock.stepped", Json::object({{"by_ms", static_cast<std::int64_t>(step_seen->count())}}),
             fmt::format("the wall clock stepped by {}: transitions pause until it is validated, waits are never shortened", mxseal::to_string(*step_seen))});
        for (auto& [name, entry] : entries_) process(*entry, ClockStepped{*step_seen});
        mx_due_ = now;
        requests_due_ = now;
    }
}

void Runtime::take_stored_requests() {
    const Instant now = time_.now();
    if (!requests_due_ || now < *requests_due_) return;
    requests_due_ = now + (now < requests_often_until_ ? kRequestsEvery : config_.timing.monitor_every);
    take_pairs();
    auto pending = store_.pending_requests();
    if (!pending.ok()) {
        store_trouble_ = pending.error().to_string();
        return;
    }
    Commit consumed;
    for (const StoredRequest& stored : *pending) {
        auto answer = request(stored.body);
        consumed.consumed_requests.push_back(stored.id);
        const auto sentence = answer.ok() ? "a stored request was taken up: " + stored.body.dump() : "a stored request was refused: " + answer.error().to_string();
        consumed.log.push_back({0, now, "", "request.taken", stored.body, sentence});
    }
    // Taken up twice after a crash in between: a repeated request does nothing.
    consumed.facts.emplace_back("clock", time_.fact());
    if (auto done_with = store_.commit(token_, consumed); !done_with.ok()) store_trouble_ = done_with.error().to_string();
}

void Runtime::watch_mx() {
    const Instant now = time_.now();
    if (!mx_due_ || now < *mx_due_) return;
    mx_due_ = now + config_.timing.monitor_every;
    for (const auto& [name, domain] : config_.domains) {
        ++under_way_;
        outside_.observe_mx(name);
    }
    if (config_.domains.empty()) mx_due_.reset();
}

void Runtime::mx_arrived(const MxObservation& seen) {
    mx_[seen.domain] = seen;
    if (!seen.error.empty()) return;
    groups_.add_mx(seen.domain.text(), seen.hosts);
    Json hosts = Json::array();
    for (const MxHost& host : seen.hosts) hosts.push(Json::object({{"preference", host.preference}, {"host", host.host.text()}}));
    const Json document = Json::object({{"hosts", std::move(hosts)}});
    // Seen again each monitor_every, changed once in a year: only a change is worth a write.
    if (auto known = store_.get_document("mx", seen.domain.text()); known.ok() && *known && (**known).dump() == document.dump()) return;
    if (auto stored = store_.put_document("mx", seen.domain.text(), document); !stored.ok()) store_trouble_ = stored.error().to_string();
}

void Runtime::know_mx(const std::string& hosts) {
    std::vector<MxHost> ours;
    for (std::size_t at = 0; at < hosts.size();) {
        const auto end = std::min(hosts.find(' ', at), hosts.size());
        auto name = dns::Name::parse(hosts.substr(at, end - at));
        if (name.ok() && find(name->text()) != nullptr) ours.push_back({0, *name});
        at = end + 1;
    }
    // Thousands of domains have the same RRset: it is kept under its own text.
    if (ours.size() > 1) groups_.add_mx("MX " + hosts, ours);
}

int Runtime::hosts_in_trouble() {
    int count = 0;
    for (const auto& [name, entry] : entries_) {
        const bool failing = entry->state && std::any_of(entry->state->retries.begin(), entry->state->retries.end(), [](const auto& retry) { return retry.second.failures > 0; });
        if (entry->view.phase == "halted" || failing || entry->given_up || entry->reason.code == "halt.state") ++count;
    }
    return count;
}

bool Runtime::in_rounds(Duration horizon) const {
    const Instant now = time_.now();
    return under_way_ > 0 || (!queue_.empty() && queue_.begin()->at <= now + horizon);
}

} // namespace mxseal::agent
