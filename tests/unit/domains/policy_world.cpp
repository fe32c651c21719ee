#include "tests/unit/domains/policy_world.hpp"

#include "rotation/mta_sts/body.hpp"

#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace mxseal::agent::tests {

using namespace rotation::mta_sts;

void PolicyScene::start() {
    keeper.reset();
    pending_.clear();
    store = make_memory_store(database);
    auto token = store->acquire_lease("agent");
    REQUIRE(token);
    keeper = std::make_unique<PolicyKeeper>(config, clock, *store, *token, *this);
    PolicyKeeper::Listeners listeners;
    listeners.serve = [this](const std::string& domain, const std::optional<std::string>& body) { serve(domain, body); };
    listeners.fetched = [](const std::string&, const std::string&) {};
    listeners.ended = [this](const std::string& domain) { ended.push_back(domain); };
    listeners.mx = [this](const std::string& hosts) { told_mx.push_back(hosts); };
    listeners.log = [this](const LogEntry& entry) { events.push_back(entry.host + " " + entry.event); };
    keeper->listen(std::move(listeners));
    REQUIRE(keeper->start());
    for (const auto& [domain, settings] : wanted) keeper->want(domain, *settings, 0.5);
}

void PolicyScene::run(Duration length) {
    const Instant end = clock.now + length;
    for (int turns = 0; turns < 1'000'000; ++turns) {
        if (!pending_.empty()) {
            auto next = std::move(pending_.front());
            pending_.pop_front();
            clock.now += Duration{10};
            next();
            continue;
        }
        auto due = keeper->next_due();
        if (!due || *due > end) break;
        clock.now = std::max(clock.now, *due);
        keeper->tick();
    }
    clock.now = std::max(clock.now, end);
}

bool PolicyScene::has(const std::string& event) const { return std::find(events.begin(), events.end(), event) != events.end(); }

RrsetObservation PolicyScene::seen(const std::vector<Values>& servers, Ttl ttl) const {
    RrsetObservation out;
    for (std::size_t i = 0; i < servers.size(); ++i) out.servers.push_back({fmt::format("ns{}", i), fmt::format("192.0.2.{}", i), true, servers[i], ttl, {}});
    out.primary = servers.front();
    return out;
}

void PolicyScene::observe(const std::string& domain) {
    ++looks;
    later([this, domain, started = clock.now] {
        const Domain& model = domains[domain];
        DnsObservation round;
        round.started = started;
        round.finished = clock.now;
        round.txt = seen(model.alias ? records.try_emplace(*model.alias, 2).first->second : model.txt, model.txt_ttl);
        if (model.alias) {
            round.txt_alias = model.alias;
            round.txt.primary.reset();
            for (auto& each : round.txt.servers) each.by_alias = true;
            round.txt.following = {"192.0.2.100"};
        }
        round.mx = seen(model.mx);
        keeper->arrived(DnsLook{domain, std::move(round)});
    });
}

void PolicyScene::fetch(const std::string& domain, bool, const std::vector<std::string>& departed) {
    ++fetches;
    later([this, domain, departed, started = clock.now] {
        const Domain& model = domains[domain];
        FetchRound round{started, clock.now, model.nowhere ? "it has no address" : "", {}, model.nowhere};
        for (std::size_t i = 0; i < model.bodies.size(); ++i) {
            const std::string address = fmt::format("198.51.100.{}", i);
            const bool left = model.nowhere || model.departed.contains(i);
            if (left && std::find(departed.begin(), departed.end(), address) == departed.end()) continue;
            round.fetches.push_back({address, model.bodies[i], model.generation, model.bodies[i] ? "" : "unrecognized name", left});
        }
        keeper->arrived(EndpointLook{domain, std::move(round)});
    });
}

void PolicyScene::serve(const std::string& domain, const std::optional<std::string>& body) {
    later([this, domain, body] {
        Domain& model = domains[domain];
        model.generation = ++generation_;
        model.bodies[0] = body;
        if (second_replica_follows) model.bodies[1] = body;
        auto parsed = body ? parse_body(*body) : Result<PolicyBody>(Error(ErrorCode::invalid, "none"));
        model.story.push_back("serve " + (parsed.ok() ? std::string(to_string(parsed->mode)) : "nothing"));
        keeper->in_place(domain, generation_);
        keeper->tick();
    });
}

void PolicyScene::write(const std::string& domain, dns::Type type, const Values& base, const Values& target, Ttl ttl) {
    if (type == dns::Type::mx && on_mx_write) on_mx_write();
    later([this, domain, type, base, target, ttl] {
        Domain& model = domains[domain];
        if (type == dns::Type::txt) model.txt_ttls_written.push_back(ttl);
        auto& servers = type == dns::Type::txt ? model.txt : model.mx;
        std::optional<rotation::Failure> failure;
        if (write_fails) {
            failure = rotation::Failure{"no answer from the provider", std::nullopt, false};
        } else if (servers.front() != base) {
            failure = rotation::Failure{"another hand changed it", std::nullopt, false};
        } else {
            servers.front() = target;
            if (second_server_follows) servers.back() = target;
            model.story.push_back(type == dns::Type::txt ? (target.empty() ? "txt none" : "txt id") : fmt::format("mx {}", fmt::join(target, ", ")));
        }
        keeper->arrived(RrsetWritten{domain, type, std::move(failure)});
    });
}

void PolicyScene::observe_record(const std::string& name) {
    ++record_looks;
    later([this, name, started = clock.now] { keeper->arrived(RecordLook{name, {started, clock.now, {}, seen(records.try_emplace(name, 2).first->second), {}}}); });
}

void PolicyScene::write_record(const std::string& name, const Values& base, const Values& target, Ttl) {
    ++record_writes;
    later([this, name, base, target] {
        auto& servers = records.try_emplace(name, 2).first->second;
        const bool same = servers.front() == base;
        if (same) servers = {target, second_server_follows ? target : servers.back()};
        keeper->arrived(RecordWritten{name, same ? std::nullopt : std::optional(rotation::Failure{"another hand changed it", std::nullopt, false})});
    });
}

void PolicyScene::look_at_mx_host(const std::string& host) {
    later([this, host] { keeper->arrived(MxHostLook{host, host_troubles[host]}); });
}

void PolicyScene::keep_report_record(const std::string& name, const std::vector<std::string>&) {
    later([this, name] { keeper->arrived(ReportRecordLook{name, report_troubles[name], false, {}}); });
}

// mta-sts.<domain> has the addresses that did not depart; whoever serves there now is not asked.
void PolicyScene::look_at_former(const std::string& domain) {
    ++former_looks;
    later([this, domain] {
        const Domain& model = domains[domain];
        FormerLook look{domain, former_trouble, {}, model.alias};
        for (std::size_t i = 0; i < model.bodies.size(); ++i)
            if (!model.departed.contains(i)) look.addresses.push_back(fmt::format("198.51.100.{}", i));
        keeper->arrived(std::move(look));
    });
}

} // namespace mxseal::agent::tests
