// How what the agent begins ends: looks, fetches and writes, and the ways in which each goes wrong.
#include "tests/simulation/policy_world.hpp"

#include <algorithm>

#include <fmt/format.h>

namespace mxseal::simulation {

using namespace agent;
using namespace rotation::mta_sts;
using namespace std::chrono_literals;

RrsetObservation PolicyWorld::look_at(const Zone& zone, Type type) {
    RrsetObservation seen;
    for (std::size_t number = 0; number < zone.servers.size(); ++number) {
        RrsetAnswer answer{fmt::format("ns{}.{}", number + 1, zone.name), fmt::format("192.0.{}.{}", 2 + zone.number, number + 1), false, {}, Ttl{0}, "no answer"};
        if (now_ >= zone.servers[number].hidden_until && !fault(0.005)) {
            answer.answered = true;
            if (const auto rrset = zone.servers[number].rrsets.find(type); rrset != zone.servers[number].rrsets.end()) answer.values = rrset->second;
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
        const MailDomain& model = domain_of(domain);
        if (shares())
            look_through_alias(model, seen);
        else
            seen.txt = look_at(*model.zone, Type::txt);
        seen.mx = look_at(*model.zone, Type::mx);
        if (shares()) seen.mx.primary.reset();
        seen.finished = clock_.wall();
        after(between(1ms, 500ms), [this, domain, seen, life] { deliver(life, DnsLook{domain, seen}); });
    });
}

PolicyFetch PolicyWorld::fetch_from(std::size_t number, const std::string& domain) {
    const Replica& replica = replicas_[number];
    PolicyFetch one{fmt::format("198.51.100.{}", number + 1), std::nullopt, std::nullopt, "connection refused"};
    if (now_ >= replica.away_until && !fault(0.005)) {
        if (const auto served = replica.bodies.find(domain); served != replica.bodies.end()) one.body = served->second;
        one.generation = replica.generation;
    }
    if (!one.body && now_ >= replica.away_until) one.detail = "unrecognized name";
    return one;
}

void PolicyWorld::fetch(const std::string& domain, bool, const std::vector<std::string>& departed) {
    if (dies_) return;
    FetchRound seen;
    seen.started = clock_.wall();
    after(between(10ms, 500ms), [this, domain, departed, seen, life = life_]() mutable {
        seen.nowhere = !domain_of(domain).leads_here;
        if (seen.nowhere) seen.error = "mta-sts." + domain + " has no address";
        for (std::size_t number = 0; number < replicas_.size(); ++number) {
            PolicyFetch one = fetch_from(number, domain);
            one.departed = seen.nowhere;
            if (!one.departed || std::find(departed.begin(), departed.end(), one.address) != departed.end()) seen.fetches.push_back(std::move(one));
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
    if (shares()) return violated("start", "writes into the zone of " + domain);
    const Type type = record == dns::Type::txt ? Type::txt : Type::mx;
    if (type == Type::txt) note_id(target);
    if (type == Type::mx) ++counters_.mx_changes;
    write_rrset(*domain_of(domain).zone, type, base, target,
                [this, domain, record, life = life_](std::optional<rotation::Failure> failure) { deliver(life, RrsetWritten{domain, record, std::move(failure)}); });
}

void PolicyWorld::write_record(const std::string& name, const Values& base, const Values& target, Ttl) {
    if (dies_) return;
    if (!shares()) return violated("start", "writes a shared record " + name);
    note_id(target);
    write_rrset(zones_.front(), Type::txt, base, target, [this, name, life = life_](std::optional<rotation::Failure> failure) { deliver(life, RecordWritten{name, std::move(failure)}); });
}

void PolicyWorld::write_rrset(Zone& zone, Type type, const Values& base, const Values& target, std::function<void(std::optional<rotation::Failure>)> ended) {
    const bool lost = fault(0.05), never = !lost && fault(0.05), late = !lost && !never && fault(0.05);
    const rotation::Failure timeout{"no answer from the provider", std::nullopt, false};
    const Duration takes = between(50ms, 3s);
    if (never) return after(30s, [ended, timeout] { ended(timeout); });
    after(late ? between(1min, 3h) : takes, [this, &zone, type, base, target, ended, lost, late] {
        if (zone.servers[0].rrsets[type] != base) {
            if (!lost && !late) ended(rotation::Failure{"another hand changed the RRset", std::nullopt, false});
            return;
        }
        set_primary(zone, type, target);
        if (!lost && !late) ended(std::nullopt);
    });
    if (lost || late) after(30s, [ended, timeout] { ended(timeout); });
}

void PolicyWorld::observe_record(const std::string& name) {
    if (dies_) return;
    if (!shares()) return violated("start", "looks at a shared record " + name);
    RrsetRound seen;
    seen.started = clock_.wall();
    after(between(10ms, 500ms), [this, name, seen, life = life_]() mutable {
        seen.rrset = look_at(zones_.front(), Type::txt);
        seen.finished = clock_.wall();
        after(between(1ms, 500ms), [this, name, seen, life] { deliver(life, RecordLook{name, seen}); });
    });
}

void PolicyWorld::look_at_former(const std::string& name) {
    if (dies_) return;
    after(between(10ms, 2s), [this, name, life = life_] {
        const MailDomain& domain = domain_of(name);
        FormerLook seen{name, fault(0.05) ? "no answer" : "", {}, std::nullopt};
        for (std::size_t number = 0; domain.leads_here && number < replicas_.size(); ++number) seen.addresses.push_back(fmt::format("198.51.100.{}", number + 1));
        if (shares() && !domain.zone->servers[0].rrsets[Type::alias].empty()) seen.alias = kSharedRecord;
        deliver(life, std::move(seen));
    });
}

// Nobody here wants reports.
void PolicyWorld::keep_report_record(const std::string& name, const std::vector<std::string>&) { violated("start", "keeps a TLS-RPT record of " + name); }

} // namespace mxseal::simulation
