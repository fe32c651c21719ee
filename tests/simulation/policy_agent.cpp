// The agent's life: PolicyKeeper on its store and its clock, what it is told and what it tells, and the ways in which both go wrong.
#include "tests/simulation/policy_world.hpp"

#include <algorithm>

namespace mxseal::simulation {

using namespace agent;
using namespace std::chrono_literals;

namespace {

std::optional<std::string> body_in(const std::map<std::string, std::string>& bodies, const std::string& domain) {
    const auto found = bodies.find(domain);
    return found == bodies.end() ? std::nullopt : std::optional(found->second);
}

} // namespace

void PolicyWorld::listen() {
    PolicyKeeper::Listeners listeners;
    listeners.serve = [this](const std::string& domain, const std::optional<std::string>& body) { serve(domain_of(domain), body); };
    listeners.fetched = [](const std::string&, const std::string&) {};
    listeners.ended = [this](const std::string& domain) { ended(domain_of(domain)); };
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
    for (const MailDomain& domain : domains_) want(domain);
    arm();
}

PolicyWorld::MailDomain& PolicyWorld::domain_of(const std::string& name) {
    return *std::find_if(domains_.begin(), domains_.end(), [&](const MailDomain& domain) { return domain.name == name; });
}

void PolicyWorld::want(const MailDomain& domain) {
    if (domain.stage == MailDomain::Stage::wanted) keeper_->want(domain.name, domain.settings, 0.5);
    if (domain.stage == MailDomain::Stage::leaving) keeper_->leave(domain.name, 0.5);
}

void PolicyWorld::ended(MailDomain& domain) {
    if (dies_ || domain.stage != MailDomain::Stage::leaving) return;
    domain.stage = MailDomain::Stage::gone;
    domain.announced = false;
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
    tell(entry.host + " " + entry.event + " " + entry.sentence);
    if (entry.event != "policy.announced") return;
    for (MailDomain& domain : domains_) {
        if (domain.name != entry.host) continue;
        domain.announced = true;
        if (fault(0.3)) come_back_late(domain);
    }
}

void PolicyWorld::serve(MailDomain& domain, const std::optional<std::string>& body) {
    if (dies_) return;
    if (domain.asked_body != body) domain.asked = now_;
    domain.asked_body = body;
    // As the endpoint's half does: durable first, then a snapshot with what is newest when it is written; one that cannot be written is tried again.
    after(between(1ms, 100ms), [this, life = life_, &domain] {
        if (life != life_ || !keeper_) return;
        to_serve_.erase(domain.name);
        if (domain.asked_body) to_serve_[domain.name] = *domain.asked_body;
        after(fault(0.02) ? between(10s, 30min) : between(100ms, 3s), [this, life, &domain] {
            if (life != life_ || !keeper_) return;
            publish(to_serve_);
            in_life(life, [&] { keeper_->in_place(domain.name, generation_); });
        });
    });
}

void PolicyWorld::publish(const Bodies& bodies) {
    if (published_ != bodies || generation_ == 0) {
        ++generation_;
        ++counters_.bodies;
        for (MailDomain& domain : domains_) {
            if (body_in(published_, domain.name) != body_in(bodies, domain.name) || generation_ == 1) domain.generation = generation_;
        }
    }
    published_ = bodies;
    for (std::size_t each = 0; each < replicas_.size(); ++each) {
        const Duration takes = fault(0.1) ? between(1min, 12h) : between(10ms, 5s);
        after(takes, [this, each, generation = generation_, bodies] { take_snapshot(each, generation, bodies); });
    }
}

void PolicyWorld::take_snapshot(std::size_t replica, std::size_t generation, const Bodies& bodies) {
    Replica& model = replicas_[replica];
    if (generation <= model.generation) return;
    if (now_ < model.late_until) return at(model.late_until, [this, replica, generation, bodies] { take_snapshot(replica, generation, bodies); });
    before_change(nullptr);
    model.generation = generation;
    model.bodies = bodies;
}

} // namespace mxseal::simulation
