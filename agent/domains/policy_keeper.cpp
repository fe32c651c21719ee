// The half of PolicyKeeper that runs: time, arrivals, deciding. What is kept of it is policy_storing.cpp's, what is wanted of each domain
// policy_wishes.cpp's, what people are told policy_report.cpp's.
#include "agent/domains/policy_entry.hpp"
#include "rotation/mta_sts/cached.hpp"

#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace mxseal::agent {

using namespace rotation::mta_sts;

namespace {

constexpr int kBatchMax = 256; // domains a tick, so that arrivals are not kept waiting
constexpr int kFormerLooks = 6; // times monitor_every: our choice, nothing changes by itself there

Json fields_of(const rotation::Note& note) {
    Json fields = Json::object();
    for (const auto& [name, value] : note.fields) fields.set(name, value);
    return fields;
}

Json texts(const std::vector<std::string>& all) {
    Json out = Json::array();
    for (const std::string& one : all) out.push(one);
    return out;
}

std::optional<AskedRecords> records_asked(const std::string& domain, const Decision& decision, const Policy& policy) {
    if (decision.ask) return asked_records(domain, dns::Type::mx, decision.ask->base, decision.ask->target, decision.ask->ttl);
    if (!decision.ask_txt) return std::nullopt;
    const std::string owner = "_mta-sts." + domain;
    // What is taken away is the alias; the record at its end is that of others too.
    if (!policy.txt_target.empty()) return AskedRecords{{}, {fmt::format("{}. IN CNAME {}.", owner, policy.txt_target)}};
    return asked_records(owner, dns::Type::txt, decision.ask_txt->base, decision.ask_txt->target, decision.ask_txt->ttl);
}

} // namespace

PolicyKeeper::PolicyKeeper(const Config& config, Clock& clock, Store& store, FencingToken token, PolicyOutside& outside)
    : config_(config), clock_(clock), time_(clock), store_(store), token_(token), outside_(outside), board_({config.timing.monitor_every, std::min<Duration>(config.timing.monitor_every, std::chrono::minutes(5))}), former_(kFormerLooks * config.timing.monitor_every) {}

PolicyKeeper::~PolicyKeeper() = default;

bool PolicyKeeper::Due::operator<(const Due& other) const { return at != other.at ? at < other.at : entry->name < other.entry->name; }

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
    // A step of the clock is to be heard of now, not when what was due by the clock of before comes.
    if (time_.ahead() != Duration{0}) return time_.now();
    std::optional<Instant> next = board_.next_due();
    const auto consider = [&](std::optional<Instant> at) {
        if (at && (!next || *at < *next)) next = at;
    };
    if (is_unflushed()) consider(flush_again_.value_or(time_.now()));
    if (!due_.empty()) consider(due_.begin()->at);
    if (!reports_due_.empty()) consider(reports_due_.begin()->first);
    consider(former_.next_due());
    for (const auto& [name, group] : groups_) consider(group->due);
    return next;
}

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
        begin(nullptr, [this, host] { outside_.look_at_mx_host(host); });
    }
    look_at_report_records(now);
    for (const std::string& domain : former_.take_due(now)) begin(nullptr, [this, domain] { outside_.look_at_former(domain); });
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

// An act came back. What it brought counts only beside the decision that began it.
bool PolicyKeeper::is_heard(Entry& entry) {
    --entry.under_way;
    if (entry.given_up) set_due(entry, time_.now());
    return !entry.given_up;
}

void PolicyKeeper::on(DnsLook& look) {
    Entry* entry = find(look.domain);
    if (entry == nullptr || !is_heard(*entry)) return;
    void_if_before_step(look.seen);
    process(*entry, Observed{std::move(look.seen)});
}

void PolicyKeeper::on(EndpointLook& look) {
    Entry* entry = find(look.domain);
    if (entry == nullptr || !is_heard(*entry)) return;
    void_if_before_step(look.seen);
    const Instant started = look.seen.started;
    process(*entry, Fetched{std::move(look.seen)});
    // Until the snapshot is in place, another body than the one that is meant to be served is no trouble of the site's.
    if (listeners_.fetched && entry->state && entry->state->serving && entry->state->serving->intent <= started && !entry->serve_intent) listeners_.fetched(entry->name, entry->state->fetch_trouble);
}

void PolicyKeeper::on(RrsetWritten& written) {
    Entry* entry = find(written.domain);
    if (entry == nullptr || !is_heard(*entry)) return;
    if (written.type == dns::Type::txt) return process(*entry, TxtWritten{std::move(written.failure)});
    process(*entry, MxWritten{std::move(written.failure)});
}

void PolicyKeeper::on(MxHostLook& look) {
    if (board_.arrived(look, time_.now())) wake_loaded_ = true; // once for all that arrived in this turn
}

void PolicyKeeper::on(FormerLook& look) {
    if (auto news = former_.heard(look); !news.event.empty()) log(look.domain, news.event, Json::object(), news.sentence);
}

void PolicyKeeper::in_place(const std::string& domain, std::uint64_t generation) {
    Entry* entry = find(domain);
    if (entry == nullptr || !entry->serve_intent) return;
    const Instant intent = *entry->serve_intent;
    overtake_serve(*entry);
    process(*entry, Served{std::nullopt, generation, intent});
}

// Whoever waits for what is known of a host: a domain at rest waits for nothing.
void PolicyKeeper::wake_all_loaded(Instant now) {
    for (auto& [name, entry] : entries_)
        if (entry->state && !entry->at_rest) set_due(*entry, now);
}

// What was due by a clock that ran ahead would wait for as long as it did.
void PolicyKeeper::sleep_no_longer(Instant now) {
    if (flush_again_) flush_again_ = std::min(*flush_again_, now);
    board_.put_right(now);
    const Instant latest = now + config_.timing.monitor_every;
    for (auto& [name, record] : reports_)
        if (record->due && *record->due > latest) set_due(name, *record, latest);
}

// Each state hears of the step when it is read or decided on, whatever became of the process meanwhile. Here only what would sleep too long.
void PolicyKeeper::check_clock() {
    const auto stepped = time_.step();
    if (!stepped) return;
    const Instant now = time_.now();
    // Put right again, what begins from now on counts: else every look would be void for as long as the clock was ahead.
    if (*stepped > Duration{0} || set_forward_at_ > now) set_forward_at_ = now;
    if (*stepped < Duration{0}) sleep_no_longer(now);
    for (auto& [name, entry] : entries_) {
        if (entry->state || entry->given_up) set_due(*entry, now);
        if (entry->due && *entry->due > now + config_.timing.monitor_every) set_due(*entry, now + config_.timing.monitor_every);
    }
    for (auto& [name, group] : groups_) {
        group->due = now;
        // Its members may hear of this round after the step.
        for (Instant* at : {&group->last.started, &group->last.finished}) *at += std::max(*stepped, Duration{0});
    }
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
    if (const auto stepped = entry.time->step()) add(ClockStepped{*stepped});
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
    if (is_given_up(entry)) return set_due(entry, entry.under_way > 0 ? std::nullopt : flush_again_);
    if (!load(entry, now)) return;
    touched_.insert(entry.name);
    entry.decided_for = entry.wanted;
    const Policy policy = terms_of(entry);
    take(entry, decide(entry, event, policy, now), policy, now);
    settle_goal(entry, policy, now);
}

void PolicyKeeper::take(Entry& entry, const Decision& decision, const Policy& policy, Instant now) {
    for (const rotation::Note& note : decision.notes) log(entry.name, note.event, fields_of(note), note.sentence);
    entry.reason = decision.reason;
    ask(entry, decision.reason, records_asked(entry.name, decision, policy));
    page(entry, decision.page);
    for (const Action& action : decision.actions) carry_out(entry, action);
    count_in_group(entry, decision, now);
    entry.at_rest = decision.reason.empty() && decision.page.empty() && entry.mx_goal.empty();
    tell_mx(entry, policy, now);
    keep(entry);
    set_due(entry, decision.wake);
}

// `of`: null for what nobody decided.
void PolicyKeeper::begin(Party* of, std::function<void()> act, bool serves) {
    if (of != nullptr) ++of->under_way;
    ++under_way_;
    starts_.push_back({of, std::move(act), serves});
}

void PolicyKeeper::overtake_serve(Entry& entry) {
    if (!entry.serve_intent) return;
    entry.serve_intent.reset();
    --entry.under_way;
    --under_way_;
}

void PolicyKeeper::carry_out(Entry& entry, const Action& action) {
    const std::string& name = entry.name;
    const bool self_signed = entry.settings != nullptr && entry.settings->certificate == "self-signed";
    if (std::holds_alternative<Observe>(action)) return begin(&entry, [this, name] { outside_.observe(name); });
    if (const auto* fetch = std::get_if<Fetch>(&action))
        return begin(&entry, [this, name, self_signed, departed = fetch->departed] { outside_.fetch(name, self_signed, departed); });
    if (const auto* txt = std::get_if<WriteTxt>(&action))
        return begin(&entry, [this, name, write = *txt] { outside_.write(name, dns::Type::txt, write.base, write.target, write.ttl); });
    if (const auto* mx = std::get_if<WriteMx>(&action))
        return begin(&entry, [this, name, write = *mx] { outside_.write(name, dns::Type::mx, write.base, write.target, write.ttl); });
    const auto& serve = std::get<Serve>(action);
    // A Serve that was asked for before is overtaken: its snapshot brings this body or an older one, and neither ends it.
    overtake_serve(entry);
    entry.serve_intent = serve.intent;
    begin(&entry, [this, name, body = serve.body ? std::optional(serve.body->text()) : std::nullopt] { listeners_.serve(name, body); }, true);
}

// Told once, and once more where it was done and undone; a look in between does not count.
void PolicyKeeper::ask(Party& party, const rotation::Reason& reason, std::optional<AskedRecords> asked) {
    party.ask = asked ? reason.sentence() : "";
    party.asked = asked.value_or(AskedRecords{});
    if (!asked && reason.code != "wait.look") party.told_ask.clear();
    if (!asked || party.ask == party.told_ask) return;
    party.told_ask = party.ask;
    log(party.name, "operator.asked", Json::object({{"add", texts(party.asked.add)}, {"remove", texts(party.asked.remove)}}), party.ask);
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
void PolicyKeeper::tell_mx(const Entry& entry, const Policy& policy, Instant now) {
    if (!listeners_.mx) return;
    const auto hosts = held_hosts(*entry.state, now, policy);
    const std::string all = fmt::format("{}", fmt::join(hosts, " "));
    if (!all.empty() && told_mx_.insert(all).second) listeners_.mx(all);
}

void PolicyKeeper::log(const std::string& domain, std::string event, Json fields, std::string sentence) {
    commit_.log.push_back({0, time_.now(), domain, std::move(event), std::move(fields), std::move(sentence)});
}

} // namespace mxseal::agent
