#include "tests/bench/resting_hosts.hpp"

#include "agent/runtime/host_document.hpp"

#include <stdexcept>

#include <fmt/format.h>

namespace mxseal::bench {

using namespace rotation::tlsa;

namespace {

constexpr std::size_t kCommitHosts = 500; // hosts a transaction
constexpr const char* kModel = "mx1.example.org";

void must(const Status& status) {
    if (!status.ok()) throw std::runtime_error(status.error().to_string());
}

template <class T>
T must(Result<T> result) {
    if (!result.ok()) throw std::runtime_error(result.error().to_string());
    return std::move(*result);
}

dns::Name name(const std::string& text) { return must(dns::Name::parse(text)); }

agent::MxObservation mx_of(const dns::Name& domain) {
    agent::MxObservation seen;
    seen.domain = domain;
    seen.security = Security::secure;
    seen.hosts = {{10, name("mx1." + domain.text())}, {20, name("mx2." + domain.text())}};
    return seen;
}

Json to_document(const agent::MxObservation& seen) {
    Json hosts = Json::array();
    for (const auto& mx : seen.hosts) hosts.push(Json::object({{"preference", mx.preference}, {"host", mx.host.text()}}));
    return Json::object({{"hosts", std::move(hosts)}});
}

DnsObservation dns_of(const HostState& state) {
    DnsObservation seen;
    seen.address_security = Security::secure;
    for (const Ledger& ledger : state.ledgers) {
        OwnerObservation owner;
        owner.port = ledger.port;
        for (const ServerMemory& server : ledger.servers) {
            ServerAnswer answer;
            answer.kind = ServerAnswer::Kind::records;
            answer.server = server.server;
            answer.address = server.address;
            answer.records = *server.records;
            answer.ttl = Ttl{5};
            answer.rrsig_expiration = server.signed_until;
            answer.soa_expire = server.soa_expire;
            owner.servers.push_back(answer);
        }
        owner.primary = owner.servers.front().records;
        owner.primary_ttl = owner.servers.front().ttl;
        owner.ns_ttl = Ttl{60};
        seen.owners.push_back(std::move(owner));
    }
    return seen;
}

ProbeRound wire_of(const HostState& state) {
    ProbeRound round;
    for (auto sni : {EndpointProbe::Sni::base, EndpointProbe::Sni::none, EndpointProbe::Sni::other}) {
        EndpointProbe probe;
        probe.address = "198.51.100.1";
        probe.sni = sni;
        probe.chain = find_key(state, *state.lines.front().current)->chain;
        round.endpoints.push_back(std::move(probe));
    }
    return round;
}

} // namespace

SteadyHost make_steady_host() {
    using namespace std::chrono_literals;
    scripted::World world(scripted::small_config({kModel}), {kModel}, 1);
    world.start_agent();
    // A minute more, so that nothing of the adoption is left to do.
    const bool steady = world.run_for(3min, [&] { return world.phase(kModel) == "steady"; });
    world.run_for(1min, [] { return false; });
    if (!steady || world.phase(kModel) != "steady") throw std::runtime_error("the simulated host did not become steady");
    SteadyHost host{*must(world.store->load_host(kModel)), must(world.store->load_hosts()).front().summary, world.clock.true_now()};
    return host;
}

agent::Config config_of(std::size_t hosts) {
    agent::Config config = scripted::small_config({kModel});
    const agent::HostConfig model = config.hosts.begin()->second;
    const agent::ZoneConfig model_zone = config.zones.begin()->second;
    config.hosts.clear();
    config.zones.clear();
    config.domains.clear();
    for (std::size_t number = 0; number < hosts; ++number) {
        const dns::Name zone = name(fmt::format("d{:05}.example", number / 2));
        agent::HostConfig host = model;
        host.name = name(fmt::format("mx{}.{}", number % 2 + 1, zone.text()));
        host.zone = zone;
        config.hosts.emplace(host.name, host);
        config.zones.try_emplace(zone, model_zone).first->second.name = zone;
        config.domains.emplace(zone, agent::DomainConfig{zone});
    }
    return config;
}

void fill(agent::Store& store, const agent::FencingToken& token, const agent::Config& config, const SteadyHost& host) {
    agent::Commit commit;
    for (const auto& [each, unused] : config.hosts) {
        commit.hosts.push_back({each.text(), host.document.dump(), host.summary.dump(), host.at});
        if (commit.hosts.size() < kCommitHosts) continue;
        must(store.commit(token, commit));
        commit = {};
    }
    must(store.commit(token, commit));
    for (const auto& [each, unused] : config.domains) must(store.put_document("mx", each.text(), to_document(mx_of(each))));
}

RestingWorld::RestingWorld(const SteadyHost& host, const Clock& clock) : clock_(clock) {
    const HostState state = must(agent::from_document(host.document));
    dns_.seen = dns_of(state);
    wire_.seen = wire_of(state);
}

Event RestingWorld::seen(const Action& action) {
    if (std::holds_alternative<Observe>(action)) {
        dns_.seen.started = dns_.seen.finished = clock_.wall();
        return dns_;
    }
    if (std::holds_alternative<Probe>(action)) {
        wire_.seen.started = wire_.seen.finished = clock_.wall();
        return wire_;
    }
    return TimeChecked{std::nullopt, Duration{0}};
}

void RestingWorld::start(const std::string& host, const Action& action) {
    const bool looks = std::holds_alternative<Observe>(action) || std::holds_alternative<Probe>(action) || std::holds_alternative<ValidateTime>(action);
    if (looks)
        arrivals_.emplace_back(agent::HostArrival{host, seen(action)});
    else
        ++other_actions;
}

void RestingWorld::observe_mx(const dns::Name& domain) { arrivals_.emplace_back(mx_of(domain)); }

void RestingWorld::answer(agent::Runtime& runtime) {
    // Our choice: three looks at each of 10,000 hosts and their domains, ten times over.
    for (std::size_t count = 0; !arrivals_.empty(); ++count) {
        if (count > 500'000) throw std::runtime_error("the hosts do not come to rest");
        const agent::Arrival arrival = std::move(arrivals_.front());
        arrivals_.pop_front();
        runtime.arrived(arrival);
    }
}

} // namespace mxseal::bench
