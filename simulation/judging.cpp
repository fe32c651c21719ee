// What is checked after every act of mxseal, and at rest.
#include "simulation/world.hpp"

#include "rotation/tlsa/match.hpp"

#include <algorithm>

#include <fmt/format.h>

namespace mxseal::simulation {

using namespace rotation;
using namespace rotation::tlsa;
using namespace std::chrono_literals;

namespace {

// safety_margin holds a sender's time from lookup to handshake and the clock's own error (requirements 0).
constexpr Duration kClockError = 1min;
// One look right before an act: an observation, the answers of the others that are waited for, and the act itself.
constexpr Duration kRightBefore = 2min;

} // namespace

Duration World::stale_of(std::size_t host) const {
    const agent::Timing& timing = setting_.config.timing;
    return memory_[host].emergency ? timing.emergency_stale_margin : timing.stale_margin;
}

std::vector<BadPair> World::bad_pairs(std::size_t host, bool live_only) const {
    std::vector<BadPair> bad;
    const MailHost& model = hosts_[host];
    const auto look = [&](const dns::TlsaSet& records) {
        // A sender meets one chain: that of the algorithm that it and the server agree on.
        model.each_presentable(now(), [&](const SpkiHash& key) {
            if (!matches(records, model.certificates.at(key))) bad.push_back({records, key});
        });
    };
    const Duration after = stale_of(host) + setting_.config.timing.safety_margin - kClockError;
    const Duration fresh = std::max<Duration>(setting_.config.timing.observe_every, kRightBefore) + kRightBefore;
    if (live_only) {
        for (std::size_t server = 0; server < owners_[host].servers(); ++server)
            if (const Copy& copy = owners_[host].copy(server); !copy.silent && !copy.content.records.empty()) look(copy.content.records);
    } else {
        owners_[host].each_held(now(), after, fresh, [&](std::size_t server) { return visible(zone_of(host).servers[server]); }, look);
    }
    std::sort(bad.begin(), bad.end());
    bad.erase(std::unique(bad.begin(), bad.end()), bad.end());
    return bad;
}

// No act may turn a true match false.
void World::judge_change(std::size_t host, const std::vector<BadPair>& before, const char* action) {
    judge_.checked(Check::no_gap);
    for (const BadPair& pair : bad_pairs(host, false)) {
        // Nothing that was true became false where the version matched none of what was presented.
        if (std::any_of(before.begin(), before.end(), [&](const BadPair& each) { return each.records == pair.records; })) continue;
        // ... nor for a foreign key that matched nothing.
        const Keys& misplaced = hosts_[host].misplaced;
        if (!own_keys_.contains(pair.key) || std::find(misplaced.begin(), misplaced.end(), pair.key) != misplaced.end()) continue;
        judge_.violated(Check::no_gap, hosts_[host].name, now(),
                        fmt::format("{} let key {} meet {}, which a cache may hold", action, pair.key.short_hex(), pair.records.to_string()));
    }
    // The concrete caches hold no more than any cache could.
    for (const Cache& cache : caches_) {
        const CacheEntry* entry = cache.fresh(host, now());
        if (entry == nullptr) entry = memory_[host].emergency ? nullptr : cache.stale(host, now());
        if (entry == nullptr || entry->content.records.empty() || !entry->known || entry->hand == Hand::foreign) continue;
        judge_.checked(Check::no_gap);
        hosts_[host].each_presentable(now(), [&](const SpkiHash& key) {
            if (matches(entry->content.records, hosts_[host].certificates.at(key))) return;
            if (!own_keys_.contains(key)) return;
            const BadPair pair{entry->content.records, key};
            if (std::binary_search(before.begin(), before.end(), pair) || memory_[host].broken_versions.contains(pair.records) || memory_[host].broken_keys.contains(key)) return;
            judge_.violated(Check::no_gap, hosts_[host].name, now(), fmt::format("{} let key {} meet {}, which cache '{}' holds", action, key.short_hex(), pair.records.to_string(), cache.habits.name));
        });
    }
    watch_breakage(host);
    owners_[host].forget(now(), stale_of(host) + setting_.config.timing.safety_margin);
}

void World::foreign_change(std::size_t host) {
    disturb(host);
    disturb_by_held(host, now());
    for (const BadPair& pair : bad_pairs(host, true)) {
        memory_[host].broken_versions.insert(pair.records);
        memory_[host].broken_keys.insert(pair.key);
    }
    watch_breakage(host);
}

// Breakage by a foreign hand is counted apart.
void World::watch_breakage(std::size_t host) {
    HostMemory& memory = memory_[host];
    const bool broken = !bad_pairs(host, true).empty();
    if (broken && memory.broken_since == Instant::max()) {
        memory.broken_since = now();
        ++counters_.foreign_breakages;
    } else if (!broken && memory.broken_since != Instant::max()) {
        counters_.worst_foreign_breakage = std::max(counters_.worst_foreign_breakage, now() - memory.broken_since);
        memory.broken_since = Instant::max();
    }
}

void World::judge_switch(std::size_t host, const agent::LogEntry& entry) {
    ++counters_.switches;
    const bool emergency = entry.fields["kind"].as_string() == "emergency";
    memory_[host].emergency = emergency;
    const agent::Timing& timing = setting_.config.timing;
    judge_.checked(Check::one_at_a_time);
    judge_.checked(Check::healthy_group);
    for (std::size_t other = 0; other < hosts_.size(); ++other) {
        if (other == host) continue;
        const MailHost& model = hosts_[other];
        const bool mid_switch = memory_[other].switching;
        if (mid_switch) judge_.violated(Check::one_at_a_time, hosts_[host].name, now(), fmt::format("begins its switch while {} is in one", model.name));
        const Instant known = model.unwell_since == Instant::max() ? Instant::max() : model.unwell_since + timing.unreachable_grace + 2 * timing.monitor_every + kRightBefore;
        if (!emergency && known < now()) judge_.violated(Check::healthy_group, hosts_[host].name, now(), fmt::format("begins a planned switch while {} is unhealthy since {}", model.name, to_rfc3339(model.unwell_since)));
    }
    // Sharpness: possible since `earliest_safe`, and begun at the next look.
    auto earliest = parse_rfc3339(entry.fields["earliest_safe"].as_string().value_or(""));
    // One waits for the others.
    if (emergency || !earliest.ok() || last_trouble() + timing.monitor_every + 12h > *earliest) return;
    judge_.checked(Check::sharpness);
    const Duration late = entry.at - *earliest;
    if (late > 3 * timing.observe_every + kRightBefore)
        judge_.violated(Check::sharpness, hosts_[host].name, now(), fmt::format("the switch begins {} after it was safe", mxseal::to_string(late)));
}

void World::judge_rolls(Duration length) {
    if (!fate_.struck().empty()) return;
    std::size_t due = 0;
    for (const auto& [unused, host] : setting_.config.hosts) {
        if (host.certificate == "external") continue; // its client says when
        // A standby that is not ready yet delays a roll: the period is no shorter than all waits in a row.
        const Duration period = std::max(host.rotate_every, settle_bound() / 2);
        due += host.keys.size() * static_cast<std::size_t>(std::max<std::int64_t>(0, length / period - 1));
    }
    judge_.checked(Check::sharpness);
    if (counters_.rolls < due) judge_.violated(Check::sharpness, "", now(), fmt::format("{} rolls in {}, at least {} were due", counters_.rolls, mxseal::to_string(length), due));
}

Instant World::last_trouble() const {
    Instant last{};
    for (const MailHost& host : hosts_) {
        last = std::max(last, host.disturbed);
        for (const Backend& backend : host.backends) last = std::max({last, backend.down_until, backend.no_starttls_until, backend.lingers_until});
    }
    for (const ZoneState& zone : zones_) {
        last = std::max(last, zone.signer_back);
        for (const ServerState& server : zone.servers) {
            last = std::max({last, server.hidden_until, server.unsigned_until, server.blocked_until});
            for (Instant fallen : server.fallen_until) last = std::max(last, fallen);
        }
    }
    return last;
}

void World::judge_ready(std::size_t host, const agent::LogEntry& entry) {
    auto key = SpkiHash::from_hex(entry.fields["key"].as_string().value_or(""));
    auto ready = parse_rfc3339(entry.fields["ready_at"].as_string().value_or(""));
    const agent::Timing& timing = setting_.config.timing;
    if (!key || !ready.ok()) return;
    auto safe = owners_[host].held_without(record_of(*key), timing.stale_margin + timing.safety_margin);
    if (!safe) return; // a fall-back that mxseal cannot have seen; no_gap judges what is done with it
    // A wait that began while something was wrong may have begun late: with a large TTL that is long ago.
    const Duration hold = owners_[host].largest_ttl(now() - clock_stepped_) + timing.safety_margin + timing.stale_margin; // as our clock has the seven days of W5
    if (last_trouble() + std::max<Duration>(2 * timing.stale_margin, hold) + 12h > now()) return;
    judge_.checked(Check::sharpness);
    // What stood there before the first look mxseal cannot know, the world can.
    if (now() < began_ + timing.unseen_ttl + timing.stale_margin + timing.safety_margin + clock_stepped_ + 1h) return; // a step forward moves the first look with it
    // What the rounds of an observation may add to the truth.
    const Duration rounds = 4 * timing.observe_every + timing.anycast_margin + 2 * setting_.transfer_lag + kRightBefore +
                            owners_[host].largest_ttl(now() - clock_stepped_) - timing.resolver_min_ttl; // W5: the largest TTL of seven days counts, as our clock has them
    // What ended while mxseal was dead it sees at its start, and counts from there.
    const Instant known = std::max(*safe, lives_since_ > *safe - hold ? lives_since_ + hold : *safe);
    if (*safe != Instant{} && *ready - clock_.skew() > known + rounds)
        judge_.violated(Check::sharpness, hosts_[host].name, now(), fmt::format("key {} is called ready at {}, no cache can be without it from {}", key->short_hex(), to_rfc3339(*ready), to_rfc3339(*safe)));
}

Duration World::settle_bound() const {
    const agent::Timing& timing = setting_.config.timing;
    Duration ttl = timing.resolver_min_ttl;
    for (const auto& [unused, host] : setting_.config.hosts) ttl = std::max<Duration>(ttl, host.tlsa_ttl * 5); // as a provider may rewrite it
    for (const Owner& owner : owners_) ttl = std::max(ttl, owner.largest_ttl(now()));                          // as somebody may have edited it
    const Duration complete = 3 * timing.observe_every + timing.anycast_margin + 2 * setting_.transfer_lag + 2min;
    const Duration held = complete + std::max<Duration>(ttl, timing.unseen_ttl) + timing.safety_margin + timing.stale_margin;
    const Duration cleaned = timing.safety_margin + timing.rollback_hold + complete;
    const auto hosts = static_cast<std::int64_t>(hosts_.size());
    const auto lines = static_cast<std::int64_t>(setting_.config.hosts.begin()->second.keys.size());
    // W5: while a TTL counts that makes the wait longer than the period, one roll begins as soon as the last one is finished.
    Duration period = Duration::max();
    for (const auto& [unused, host] : setting_.config.hosts) period = std::min(period, host.rotate_every);
    const Duration long_ttl = held + cleaned >= period ? rotation::tlsa::kTtlLookBack + ttl : Duration{0};
    // Back-off of the last failure, then for each host and line a roll that was under way, and one that is due behind it.
    return 3 * timing.monitor_every + 2 * lines * hosts * (held + cleaned + timing.stagger + timing.monitor_every) + long_ttl + 24h;
}

void World::settle() {
    const Instant end = now() + settle_bound();
    // What a foreign hand did last is seen by the next look of a host at rest.
    run_until(now() + setting_.config.timing.monitor_every + kRightBefore);
    for (HostMemory& memory : memory_) memory.steady_since_calm = false;
    const auto all_steady = [this] {
        if (!runtime_) return false;
        const Json status = runtime_->status();
        std::size_t steady = 0;
        for (const Json& host : status["hosts"].items()) {
            HostMemory& memory = memory_[index_of(host["host"].as_string().value_or(""))];
            if (host["state"].as_string() == "steady") memory.steady_since_calm = true;
            if (memory.steady_since_calm) ++steady;
        }
        return steady == hosts_.size();
    };
    while (judge_.clean() && now() < end && !all_steady()) run_until(std::min(end, now() + 10min));
    judge_.checked(Check::liveness, hosts_.size());
    if (!judge_.clean()) return;
    for (std::size_t host = 0; host < hosts_.size(); ++host) {
        if (memory_[host].steady_since_calm) continue;
        std::string what = "the agent does not live";
        if (runtime_) {
            const Json status = runtime_->status();
            for (const Json& each : status["hosts"].items())
                if (each["host"].as_string() == hosts_[host].name) what = each["state"].as_string().value_or("") + ": " + each["reason"].as_string().value_or("");
        }
        judge_.violated(Check::liveness, hosts_[host].name, now(), fmt::format("not steady {} after the last fault: {}", mxseal::to_string(settle_bound()), what));
    }
    if (judge_.clean()) judge_rest();
    await_renewals();
}

// Store and world agree when at rest.
void World::judge_rest() {
    if (!runtime_) return;
    const Json status = runtime_->status();
    for (const Json& each : status["hosts"].items()) {
        if (each["state"].as_string() != "steady") continue;
        const std::size_t host = index_of(each["host"].as_string().value_or(""));
        const MailHost& model = hosts_[host];
        judge_.checked(Check::agreement);
        const auto wrong = [&](const std::string& text) { judge_.violated(Check::agreement, model.name, now(), "steady, and " + text); };
        for (const Json& key : each["keys"].items()) {
            const auto role = key["role"].as_string().value_or("");
            const auto key_state = key["state"].as_string().value_or("");
            if (role == "retired" || (key_state != "ready" && key_state != "active")) continue;
            auto spki = SpkiHash::from_hex(key["spki_sha256"].as_string().value_or(""));
            if (!spki) continue;
            auto kept = store().get_key(spki->hex());
            if (kept.ok() && !*kept) wrong(fmt::format("key {} is not in the store", spki->short_hex()));
            if (role == "current" && std::find(model.file.begin(), model.file.end(), *spki) == model.file.end()) wrong(fmt::format("the current key {} is not in the MTA's file", spki->short_hex()));
            for (std::size_t server = 0; server < owners_[host].servers(); ++server)
                if (!owners_[host].copy(server).content.records.contains(record_of(*spki))) wrong(fmt::format("{} does not answer with {} key {}", zone_of(host).servers[server].name, role, spki->short_hex()));
        }
        judge_.checked(Check::healing);
        if (!bad_pairs(host, true).empty()) wrong("a served key does not match a live version");
    }
}

} // namespace mxseal::simulation
