// The senders' side: caches that ask when it hurts most, and mail that goes through them (RFC 7672 section 2.2).
#include "simulation/world.hpp"

#include "rotation/tlsa/match.hpp"

#include <fmt/format.h>

namespace mxseal::simulation {

using namespace rotation;
using namespace rotation::tlsa;

namespace {

constexpr int kForwardersMax = 4;
constexpr Duration kHandshakeLater = std::chrono::minutes(3); // of a slow sender: within every safety_margin that a setting has

} // namespace

// A resolver asks a server that answers; an answer with signatures goes into its cache.
const CacheEntry* World::look_up(std::size_t cache, std::size_t host, int depth) {
    Cache& each = caches_[cache];
    const CacheEntry* fresh = each.fresh(host, now());
    if (fresh != nullptr && now() + each.habits.prefetch < fresh->until) return fresh;
    CacheEntry entry;
    if (each.habits.forwards_to >= 0 && depth < kForwardersMax) {
        const CacheEntry* above = look_up(static_cast<std::size_t>(each.habits.forwards_to), host, depth + 1);
        if (above == nullptr) return each.stale(host, now());
        entry = *above; // the TTL is handed on decremented
    } else {
        const ZoneState& zone = zone_of(host);
        const std::size_t server = static_cast<std::size_t>(fate_.choice(zone.servers.size()));
        const Copy& copy = owners_[host].copy(server);
        const bool signed_well = now() >= zone.servers[server].unsigned_until && zone.signatures_end.value_or(Instant::max()) > now();
        if (copy.silent || !signed_well) return each.stale(host, now());
        Duration ttl = copy.content.records.empty() ? Duration{setting_.negative_ttl} : Duration{copy.content.ttl};
        if (each.habits.cap > Duration{0}) ttl = std::min(ttl, each.habits.cap);
        entry = {copy.content, copy.hand, copy.hand == Hand::ours || copy.shown, now() + std::max(ttl, each.habits.floor)};
    }
    each.held[host] = std::move(entry);
    return &*each.held[host];
}

// Always asked: right before a change, so that the old version lives on for as long as it can.
void World::before_change(std::size_t host) {
    for (std::size_t cache = 0; cache < caches_.size(); ++cache)
        if (fate_.choice(2) == 0) look_up(cache, host);
}

void World::send_mail() {
    for (std::size_t host = 0; host < hosts_.size(); ++host) {
        const auto cache = static_cast<std::size_t>(fate_.choice(caches_.size()));
        const CacheEntry* found = look_up(cache, host);
        if (found == nullptr || found->content.records.empty()) continue;
        after(latency(Duration{0}, kHandshakeLater), [this, host, cache, entry = *found] {
            const MailHost& model = hosts_[host];
            ++counters_.deliveries;
            judge_.checked(Check::sender_served);
            const Backend& backend = model.backends[fate_.choice(model.backends.size())];
            if (now() < backend.down_until || now() < backend.no_starttls_until) return; // the sender takes the next address
            if (matches(entry.content.records, model.certificates.at(backend.serving.front()))) return;
            ++counters_.deferred;
            // By a foreign hand: it edited the zone, or the host, and mxseal could not know or has not mended it yet.
            const bool foreign = !entry.known || entry.hand == Hand::foreign || memory_[host].broken_since <= now() || !memory_[host].broken_keys.empty() ||
                                 memory_[host].broken_versions.contains(entry.content.records) || memory_[host].emergency;
            if (!foreign)
                judge_.violated(Check::sender_served, model.name, now(),
                                fmt::format("through cache '{}' a sender holds {} and meets key {}", caches_[cache].habits.name, entry.content.records.to_string(),
                                            backend.serving.front().short_hex()));
        });
    }
    after(setting_.mail_every / 2 + latency(Duration{0}, setting_.mail_every), [this] { send_mail(); });
}

} // namespace mxseal::simulation
