// Faults that come by the clock: servers, hosts, clocks and people.
#include "simulation/world.hpp"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

namespace mxseal::simulation {

using namespace rotation;
using namespace std::chrono_literals;

void World::expect(Fault fault) {
    auto coming = fate_.next(fault, now());
    if (!coming) return;
    at(coming->at, [this, coming = *coming] {
        if (fate_.happens(coming.strike, now())) strike(coming.strike);
        expect(coming.strike.fault);
    });
}

void World::disturb_all() {
    for (std::size_t host = 0; host < hosts_.size(); ++host) disturb(host);
}

// Rolls that were finished, and versions of a foreign hand that were seen, since then: the stored state knows nothing of them.
void World::forget_since(Instant then, const std::vector<HostMemory>& memory) {
    for (std::size_t each = 0; each < memory.size(); ++each) {
        memory_[each].retired = memory[each].retired;
        owners_[each].forget_shown_since(then);
    }
}

void World::ask(const Json& request) {
    if (!runtime_) return;
    // Refusals are answers too: an operator may ask for what cannot be done now.
    static_cast<void>(runtime_->request(request));
}

// Who reads of a halted host looks into it within a day and says `resume`; in a quarter of the worlds nobody reads.
void World::call_operator(std::size_t host) {
    if (!setting_.operator_answers || fate_.stopped() || options_.seed % 4 == 3) return;
    after(latency(10min, 24h), [this, host] {
        disturb(host);
        ask(Json::object({{"command", "resume"}, {"hosts", Json(Json::Array{Json(hosts_[host].name)})}, {"who", "operator"}}));
    });
}

void World::strike(const Strike& strike) {
    const std::size_t host = pick(strike, 0, hosts_.size());
    ZoneState& zone = zone_of(host);
    const std::size_t server = pick(strike, 1, zone.servers.size());
    Backend& backend = hosts_[host].backends[pick(strike, 2, hosts_[host].backends.size())];
    const auto lasts = [&](Duration least, Duration most) { return now() + fate_.between(strike, 3, least, most); };
    const auto request = [&](const char* command, bool emergency = false) {
        ask(Json::object({{"command", command}, {"hosts", Json(Json::Array{Json(hosts_[host].name)})}, {"emergency", emergency}, {"who", "operator"}}));
    };
    const auto unwell = [this, host](Instant until) {
        MailHost& model = hosts_[host];
        model.unwell_since = std::min(model.unwell_since, now());
        at(until, [this, host] {
            MailHost& mended = hosts_[host];
            if (std::all_of(mended.backends.begin(), mended.backends.end(), [this](const Backend& each) { return now() >= each.down_until && now() >= each.no_starttls_until; }))
                mended.unwell_since = Instant::max();
        });
    };
    switch (strike.fault) {
    case Fault::server_unreachable:
        zone.servers[server].hidden_until = fate_.measure(strike, 5) < 0.1 ? lasts(24h, 72h) : lasts(5min, 12h);
        expire_fallen_of(hosts_[host].zone, server);
        // Half of them are cut off from their primary as well.
        if (server > 0 && fate_.measure(strike, 4) < 0.5) block_transfers(hosts_[host].zone, server, zone.servers[server].hidden_until);
        return disturb_all();
    case Fault::server_unsigned: zone.servers[server].unsigned_until = lasts(5min, 3h); return disturb_all();
    case Fault::signer_stops:
        // Signatures have at most two weeks to live, and may be near their end when the signer stops.
        zone.signatures_end = lasts(1h, 24h * 14);
        zone.signer_back = now() + fate_.between(strike, 4, 6h, 48h);
        at(zone.signer_back, [this, host] { zone_of(host).signatures_end.reset(); });
        return disturb_all();
    case Fault::server_falls_back: {
        const std::vector<Content>& versions = memory_[host].versions;
        if (versions.empty() || server == 0) return;
        return fall_back(server, host, versions[pick(strike, 4, versions.size())], lasts(5min, 12h));
    }
    case Fault::endpoint_down:
        backend.down_until = lasts(5min, 24h);
        unwell(backend.down_until);
        return disturb_all();
    case Fault::starttls_gone:
        backend.no_starttls_until = lasts(5min, 24h);
        unwell(backend.no_starttls_until);
        return disturb_all();
    case Fault::foreign_certificate: {
        MailHost& model = hosts_[host];
        Keys foreign;
        // A pair of somebody else's, or the one from before, which a backup of the MTA or a management of configurations brings back.
        if (!model.former.empty() && fate_.measure(strike, 4) < 0.4) foreign = model.former;
        if (foreign.empty())
            for (const SpkiHash& key : model.file) foreign.push_back(new_key(algorithms_.at(key)));
        for (const SpkiHash& key : foreign)
            if (!model.certificates.contains(key)) model.certificates[key] = chain_of(key, 0);
        model.file = foreign;
        for (Backend& each : model.backends) each.serving = foreign;
        model.misplaced.clear();
        for (const BadPair& pair : bad_pairs(host, true)) model.misplaced.push_back(pair.key);
        return foreign_change(host);
    }
    case Fault::clock_steps: {
        const Duration by = fate_.between(strike, 4, -6h, 6h);
        // Somebody who was at the machine's clock may well have more to do there.
        if (fate_.measure(strike, 5) < 0.5) after(fate_.between(strike, 6, 1s, 1h), [this] {
                Json names = Json::array();
                for (const MailHost& each : hosts_) names.push(Json(each.name));
                ask(Json::object({{"command", "roll"}, {"hosts", std::move(names)}, {"who", "operator"}}));
            });
        return step_clock(by, lasts(10min, 6h));
    }
    case Fault::clock_drifts: clock_.set_drift(static_cast<int>(fate_.measure(strike, 4) * 200) - 100); return;
    case Fault::record_added:
    case Fault::record_removed:
    case Fault::ttl_edited: return edit_records(strike, host);
    case Fault::configuration_changed: return change_configuration(strike);
    case Fault::rolled_twice:
        request("roll");
        at(lasts(1s, 2h), [this, name = hosts_[host].name] {
            ask(Json::object({{"command", "roll"}, {"hosts", Json(Json::Array{Json(name)})}, {"who", "operator"}}));
        });
        return disturb(host);
    case Fault::rolled_in_emergency: request("roll", true); return disturb(host);
    case Fault::rolled_back:
        // At any time, or right when the old record begins to go.
        if (fate_.measure(strike, 4) < 0.5) memory_[host].back_at_cleanup = fate_.between(strike, 5, 1s, 3min);
        else request("roll_back");
        return disturb(host);
    case Fault::halted:
        request("halt");
        at(lasts(1min, 24h), [this, host, name = hosts_[host].name] {
            disturb(host);
            ask(Json::object({{"command", "resume"}, {"hosts", Json(Json::Array{Json(name)})}, {"who", "operator"}}));
        });
        return disturb(host);
    case Fault::store_forgets:
        // Writes are seen but not synced for a while, then the machine dies.
        if (options_.sqlite || held_back_) return;
        held_back_ = true;
        database_->hold_back_syncs();
        at(lasts(1s, 10min), [this, strike, then = now(), memory = memory_] {
            forget_since(then, memory);
            if (runtime_) return kill_agent(strike);
            database_->crash();
            held_back_ = false;
        });
        return disturb_all();
    case Fault::backup_restored:
        if (options_.sqlite) return;
        at(lasts(1h, 24h), [this, strike, backup = database_->backup(), then = now(), memory = memory_] {
            kill_agent(strike);
            database_->restore(backup);
            held_back_ = false;
            forget_since(then, memory);
        });
        return;
    case Fault::certificate_revoked: return revoke(strike, host);
    case Fault::second_agent: {
        auto beside = options_.sqlite ? nullptr : agent::make_memory_store(database_);
        if (!beside || !runtime_) return;
        judge_.checked(Check::single_agent);
        if (beside->acquire_lease("second").ok()) judge_.violated(Check::single_agent, hosts_[host].name, now(), "a second agent was given the lease while the first one lives");
        return;
    }
    default: return;
    }
}

void World::fall_back(std::size_t server, std::size_t host, Content old, Instant until) {
    zone_of(host).servers[server].fallen_until[host] = until;
    owners_[host].set(server, std::move(old), Hand::foreign, now());
    at(until, [this, server, host] { transfer(server, host); });
    after(Duration{setting_.soa_expire}, [this, server, host] { expire_fallen(server, host); });
    foreign_change(host);
    disturb_by_held(host, until);
}

// RFC 1035 section 3.3.13: nothing older than EXPIRE is handed out. Where mxseal sees the server, one that goes on all the same is told by its answers.
void World::expire_fallen(std::size_t server, std::size_t host) {
    const ServerState& state = zone_of(host).servers[server];
    const Copy& copy = owners_[host].copy(server);
    if (now() < state.fallen_until[host] && now() < state.hidden_until && now() - copy.since >= Duration{setting_.soa_expire}) owners_[host].silence(server, now());
}

void World::expire_fallen_of(std::size_t zone, std::size_t server) {
    for (std::size_t host = 0; host < hosts_.size(); ++host)
        if (hosts_[host].zone == zone) expire_fallen(server, host);
}

void World::step_clock(Duration by, Instant back) {
    clock_.step_wall(by);
    clock_stepped_ += std::chrono::abs(by);
    at(back, [this, by] {
        if (fate_.stopped()) return; // it was set right when calm came
        clock_.step_wall(-by);
        disturb_all();
    });
    disturb_all();
}

// A host's switch was proven: the others of its group wait for their turn, and its own next standby is not held everywhere yet.
void World::strike_after_switch(std::size_t host) {
    if (const auto strike = fate_.draw(Fault::old_process_returns, now())) {
        // Before the looks that follow are over, so that whoever makes them finds it.
        after(fate_.between(*strike, 0, 1s, 50s), [this, strike = *strike, host] {
            MailHost& model = hosts_[host];
            if (fate_.stopped() || model.former.empty()) return;
            Backend& backend = model.backends[pick(strike, 1, model.backends.size())];
            const Backend before = backend;
            backend.lingering = model.former;
            backend.lingers_until = now() + fate_.between(strike, 2, 10min, 8h);
            // Only where its records still stand: else it would be the foreign hand that breaks.
            if (!bad_pairs(host, false).empty())
                backend = before;
            else
                disturb(host);
        });
    }
    if (const auto strike = fate_.draw(Fault::falls_back_before_switch, now())) {
        const std::size_t server = pick(*strike, 1, zone_of(host).servers.size());
        // Between two looks of a long wait, and before the turn comes.
        const Instant turn = now() + setting_.config.timing.stagger - fate_.between(*strike, 2, 1s, 20min);
        for (std::size_t each = 0; server > 0 && each < hosts_.size(); ++each) {
            if (hosts_[each].zone != hosts_[host].zone) continue;
            at(turn, [this, strike = *strike, server, each] {
                const std::vector<Content>& versions = memory_[each].versions;
                if (fate_.stopped() || versions.empty()) return;
                fall_back(server, each, versions[pick(strike, 4, versions.size())], now() + fate_.between(strike, 3, 30min, 12h));
            });
        }
    }
    if (const auto strike = fate_.draw(Fault::clock_steps_at_switch, now()))
        after(fate_.between(*strike, 1, 1s, 10min), [this, strike = *strike] {
            if (fate_.stopped()) return;
            step_clock(fate_.between(strike, 2, 2h, 11h), now() + fate_.between(strike, 3, 10min, 6h));
            Json names = Json::array();
            for (const MailHost& each : hosts_) names.push(Json(each.name));
            const bool emergency = fate_.measure(strike, 4) < 0.5;
            ask(Json::object({{"command", "roll"}, {"hosts", std::move(names)}, {"emergency", emergency}, {"who", "operator"}}));
        });
}

void World::edit_records(const Strike& strike, std::size_t host) {
    before_change(host);
    Content content = owners_[host].copy(0).content;
    std::vector<dns::TlsaRecord> records = content.records.records();
    const Ttl usual = setting_.config.hosts.begin()->second.tlsa_ttl;
    if (strike.fault == Fault::ttl_edited) {
        if (records.empty()) return;
        content.ttl = Ttl{static_cast<std::int64_t>(static_cast<double>(usual.count()) * std::exp2(7 * fate_.measure(strike, 5) - 2))}; // a quarter up to 32 times
        disturb_by_ttl(host, content.ttl);
    } else if (strike.fault == Fault::record_removed) {
        if (records.empty()) return;
        records.erase(records.begin() + static_cast<std::ptrdiff_t>(pick(strike, 5, records.size())));
    } else {
        // A key of somebody else's; its owner takes it out again days later.
        const dns::TlsaRecord added = record_of(new_key(Algorithm::ecdsa_p256));
        records.push_back(added);
        if (content.records.empty()) content.ttl = usual;
        after(fate_.between(strike, 6, 1h, 72h), [this, host, added] {
            Content later = owners_[host].copy(0).content;
            if (!later.records.contains(added)) return;
            before_change(host);
            later.records = later.records.without(dns::TlsaSet({added}));
            set_primary(host, std::move(later), Hand::foreign);
            foreign_change(host);
        });
    }
    content.records = dns::TlsaSet(std::move(records));
    set_primary(host, std::move(content), Hand::foreign);
    foreign_change(host);
}

// As after SIGHUP: the agent is made anew with the changed configuration.
void World::change_configuration(const Strike& strike) {
    for (auto& [unused, host] : setting_.config.hosts) {
        if (fate_.measure(strike, 4) < 0.5) host.rotate_every = fate_.measure(strike, 5) < 0.5 ? 36h : 72h;
        if (fate_.measure(strike, 6) < 0.5) host.tlsa_ttl = Ttl{300 + static_cast<std::int64_t>(7200 * fate_.measure(strike, 7))};
    }
    if (fate_.measure(strike, 8) < 0.5) setting_.config.timing.stagger = fate_.between(strike, 9, 10min, 6h);
    disturb_all();
    if (!runtime_) return;
    stop_agent(false);
    start_agent();
}

void World::calm_zone(std::size_t zone) {
    zones_[zone].signatures_end.reset();
    for (std::size_t server = 0; server < zones_[zone].servers.size(); ++server) {
        ServerState& state = zones_[zone].servers[server];
        state.hidden_until = state.unsigned_until = state.blocked_until = now();
        for (std::size_t host = 0; host < hosts_.size(); ++host) {
            if (hosts_[host].zone != zone) continue;
            state.fallen_until[host] = now();
            if (server > 0) transfer(server, host);
        }
    }
}

void World::calm_down() {
    fate_.stop();
    database_->on_write(nullptr);
    if (held_back_) database_->sync();
    held_back_ = false;
    for (std::size_t zone = 0; zone < zones_.size(); ++zone) calm_zone(zone);
    for (std::size_t host = 0; host < hosts_.size(); ++host) {
        for (Backend& backend : hosts_[host].backends) {
            backend.down_until = backend.no_starttls_until = backend.lingers_until = now();
            backend.serving = hosts_[host].file;
        }
        hosts_[host].unwell_since = Instant::max();
    }
    clock_.step_wall(-clock_.skew());
    start_agent();
    // What only an operator can mend: halted hosts are resumed once the reason is gone.
    for (Duration later : {Duration{1h}, Duration{12h}, Duration{36h}})
        after(later, [this] { ask(Json::object({{"command", "resume"}, {"hosts", Json::array()}, {"who", "operator"}})); });
}

} // namespace mxseal::simulation
