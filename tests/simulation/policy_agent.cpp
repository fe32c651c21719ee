// The agent's life: PolicyKeeper on its store and its clock, how what it begins ends, and the ways in which both go wrong.
#include "tests/simulation/policy_world.hpp"

#include "rotation/mta_sts/body.hpp"

#include <algorithm>

#include <fmt/format.h>

namespace mxseal::simulation {

using namespace agent;
using namespace rotation::mta_sts;
using namespace std::chrono_literals;

void PolicyWorld::listen() {
    PolicyKeeper::Listeners listeners;
    listeners.serve = [this](const std::string&, const std::optional<std::string>& body) { serve(body); };
    listeners.fetched = [](const std::string&, const std::string&) {};
    listeners.ended = [](const std::string&) {};
    listeners.mx = [](const std::string&) {};
    listeners.log = [this](const LogEntry& entry) { note(entry); };
    keeper_->listen(std::move(listeners));
}

void PolicyWorld::start_agent() {
    if (keeper_) return;
    ++life_;
    store_ = make_memory_store(database_);
    auto token = store_->acquire_lease("agent");
    if (!token.ok()) return violated("start", token.error().to_string());
    keeper_ = std::make_unique<PolicyKeeper>(config_, clock_, *store_, *token, *this);
    listen();
    if (auto started = keeper_->start(); !started.ok()) return violated("start", started.error().to_string());
    // The endpoint's half of the agent writes its snapshot from what it has stored.
    if (generation_ > 0) publish(to_serve_);
    keeper_->want(settings_.profile, settings_, 0.5);
    arm();
}

// The process is gone, and what it had not stored; what it had begun ends in the world all the same.
void PolicyWorld::kill_agent() {
    if (!keeper_) return;
    ++life_;
    ++counters_.kills;
    tell("FAULT mxseal is killed");
    keeper_.reset();
    store_.reset();
    database_->crash();
    dies_ = false;
    after(draw(0.2) ? between(1h, 12h) : between(1s, 5min), [this] { start_agent(); });
}

// Nothing of the keeper is on the stack here.
void PolicyWorld::settled() {
    if (dies_) return kill_agent();
    arm();
}

void PolicyWorld::arm() {
    const auto due = keeper_ ? keeper_->next_due() : std::nullopt;
    if (!due) return;
    at(std::max(*due - skew_, now_), [this, life = life_, alarm = ++alarm_] {
        if (alarm != alarm_) return;
        in_life(life, [this] { keeper_->tick(); });
    });
}

void PolicyWorld::in_life(std::size_t life, const std::function<void()>& what) {
    if (life != life_ || !keeper_) return;
    what();
    settled();
}

void PolicyWorld::deliver(std::size_t life, PolicyArrival arrival) {
    in_life(life, [&] { keeper_->arrived(std::move(arrival)); });
}

// A process may die before a write, or after it and before it heard; a store may refuse for hours, or once.
WriteFate PolicyWorld::fate_of_write() {
    if (fault(0.0005)) {
        dies_ = true;
        return draw(0.5) ? WriteFate::fails : WriteFate::written_but_fails;
    }
    if (now_ < store_refuses_until_ || fault(0.002)) {
        ++counters_.refused_writes;
        return draw(0.7) ? WriteFate::fails : WriteFate::written_but_fails;
    }
    dies_ = fault(0.0005); // stored, and nothing was begun
    return WriteFate::carried_out;
}

void PolicyWorld::step_clock(Duration by) {
    ++counters_.clock_steps;
    skew_ += by;
    clock_stepped_ += std::chrono::abs(by);
    tell("FAULT the clock is set by " + mxseal::to_string(by));
    settled();
}

void PolicyWorld::note(const LogEntry& entry) {
    tell(entry.event + " " + entry.sentence);
    // The former id comes back when senders are about to be sent elsewhere.
    if (entry.event == "policy.announced" && fault(0.3))
        after(config_.timing.policy_refresh - between(10min, 3h), [this] { fall_back(1 + below(servers_.size() - 1), Type::txt, 1, between(1h, 12h)); });
}

void PolicyWorld::serve(const std::optional<std::string>& body) {
    if (dies_) return;
    // As the endpoint's half does: durable first, then a snapshot with what is newest when it is written; one that cannot be written is tried again.
    after(between(1ms, 100ms), [this, life = life_, body] {
        if (life != life_ || !keeper_) return;
        to_serve_ = body;
        after(fault(0.02) ? between(10s, 30min) : between(100ms, 3s), [this, life] {
            if (life != life_ || !keeper_) return;
            publish(to_serve_);
            in_life(life, [this] { keeper_->in_place(settings_.profile, generation_); });
        });
    });
}

void PolicyWorld::publish(std::optional<std::string> body) {
    if (published_ != body || generation_ == 0) {
        ++generation_;
        ++counters_.bodies;
    }
    published_ = body;
    for (std::size_t each = 0; each < replicas_.size(); ++each) {
        const Duration takes = fault(0.1) ? between(1min, 12h) : between(10ms, 5s);
        after(takes, [this, each, generation = generation_, body] { take_snapshot(each, generation, body); });
    }
}

void PolicyWorld::take_snapshot(std::size_t replica, std::size_t generation, const std::optional<std::string>& body) {
    Replica& model = replicas_[replica];
    if (generation <= model.generation) return;
    if (now_ < model.late_until) return at(model.late_until, [this, replica, generation, body] { take_snapshot(replica, generation, body); });
    before_change();
    model.generation = generation;
    model.body = body;
}

RrsetObservation PolicyWorld::look_at(Type type) {
    RrsetObservation seen;
    for (std::size_t number = 0; number < servers_.size(); ++number) {
        RrsetAnswer answer{fmt::format("ns{}.example.net", number + 1), fmt::format("192.0.2.{}", number + 1), false, {}, Ttl{0}, "no answer"};
        if (now_ >= servers_[number].hidden_until && !fault(0.005)) {
            answer.answered = true;
            answer.values = servers_[number].rrsets[type];
            answer.ttl = ttl_;
        }
        seen.servers.push_back(std::move(answer));
    }
    if (seen.servers.front().answered) seen.primary = seen.servers.front().values;
    return seen;
}

void PolicyWorld::observe(const std::string& domain) {
    if (dies_) return;
    DnsObservation seen;
    seen.started = clock_.wall();
    after(between(10ms, 500ms), [this, domain, seen, life = life_]() mutable {
        seen.txt = look_at(Type::txt);
        seen.mx = look_at(Type::mx);
        seen.finished = clock_.wall();
        after(between(1ms, 500ms), [this, domain, seen, life] { deliver(life, DnsLook{domain, seen}); });
    });
}

void PolicyWorld::fetch(const std::string& domain, bool, const std::vector<std::string>&) {
    if (dies_) return;
    FetchRound seen;
    seen.started = clock_.wall();
    after(between(10ms, 500ms), [this, domain, seen, life = life_]() mutable {
        for (std::size_t number = 0; number < replicas_.size(); ++number) {
            PolicyFetch one{fmt::format("198.51.100.{}", number + 1), std::nullopt, std::nullopt, "connection refused"};
            if (now_ >= replicas_[number].away_until && !fault(0.005)) {
                one.body = replicas_[number].body;
                one.generation = replicas_[number].generation;
            }
            if (!one.body && now_ >= replicas_[number].away_until) one.detail = "unrecognized name";
            seen.fetches.push_back(std::move(one));
        }
        seen.finished = clock_.wall();
        after(between(1ms, 500ms), [this, domain, seen, life] { deliver(life, EndpointLook{domain, seen}); });
    });
}

void PolicyWorld::look_at_mx_host(const std::string& host) {
    if (dies_) return;
    after(between(10ms, 2s), [this, host, life = life_] {
        const auto exists = ready_from_.find(host);
        const bool ready = exists != ready_from_.end() && now_ >= exists->second;
        after(between(1ms, 500ms), [this, host, ready, life] { deliver(life, MxHostLook{host, ready ? "" : "its TLSA records are being published"}); });
    });
}

void PolicyWorld::write(const std::string& domain, dns::Type record, const Values& base, const Values& target, Ttl) {
    if (dies_) return;
    const Type type = record == dns::Type::txt ? Type::txt : Type::mx;
    if (type == Type::txt)
        if (const auto id = only_id(target); id && to_serve_) {
            // An id stands for one body for ever (C-05, C-06).
            const auto known = id_generation_.emplace(*id, generation_);
            if (known.second) ++counters_.ids;
            if (!known.second && known.first->second != generation_) violated("id", fmt::format("id {} is written for another body than before", *id));
        }
    if (type == Type::mx) ++counters_.mx_changes;
    const bool lost = fault(0.05), never = !lost && fault(0.05), late = !lost && !never && fault(0.05);
    const auto ended = [this, domain, record, life = life_](std::optional<rotation::Failure> failure) { deliver(life, RrsetWritten{domain, record, std::move(failure)}); };
    const rotation::Failure timeout{"no answer from the provider", std::nullopt, false};
    const Duration takes = between(50ms, 3s);
    if (never) return after(30s, [ended, timeout] { ended(timeout); });
    after(late ? between(1min, 3h) : takes, [this, type, base, target, ended, lost, late] {
        if (servers_[0].rrsets[type] != base) {
            if (!lost && !late) ended(rotation::Failure{"another hand changed the RRset", std::nullopt, false});
            return;
        }
        set_primary(type, target);
        if (!lost && !late) ended(std::nullopt);
    });
    if (lost || late) after(30s, [ended, timeout] { ended(timeout); });
}

// This domain shares no record, wants no reports and is never removed.
void PolicyWorld::observe_record(const std::string& name) { violated("start", "looks at a shared record " + name); }
void PolicyWorld::write_record(const std::string& name, const Values&, const Values&, Ttl) { violated("start", "writes a shared record " + name); }
void PolicyWorld::keep_report_record(const std::string& name, const std::vector<std::string>&) { violated("start", "keeps a TLS-RPT record of " + name); }
void PolicyWorld::look_at_former(const std::string& domain) { violated("start", "looks where the names of " + domain + " lead"); }

} // namespace mxseal::simulation
