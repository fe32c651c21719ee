// Caches: validating resolvers of the senders' side, each with habits of its own, all within what the configuration promises
// to bear (resolver_min_ttl, stale_margin).
#pragma once

#include "simulation/owner.hpp"

#include <map>
#include <string>
#include <vector>

namespace mxseal::simulation {

struct CacheHabits {
    std::string name;
    Duration floor{0};             // cache-min-ttl
    Duration cap{0};               // cache-max-ttl; 0: none
    Duration stale{0};             // serve-expired for so long (RFC 8767)
    Duration prefetch{0};          // asks again so long before the end
    int forwards_to = -1;          // index of the cache that it asks; -1: the name servers
};

struct CacheEntry {
    Content content;
    Hand hand = Hand::ours;
    bool known = true;             // mxseal was shown it, or has to know it
    Instant until{};
};

// What a cache holds, by host.
struct Cache {
    CacheHabits habits;
    std::vector<std::optional<CacheEntry>> held;

    const CacheEntry* fresh(std::size_t host, Instant now) const {
        return held[host] && now < held[host]->until ? &*held[host] : nullptr;
    }
    const CacheEntry* stale(std::size_t host, Instant now) const {
        return held[host] && now < held[host]->until + habits.stale ? &*held[host] : nullptr;
    }
};

} // namespace mxseal::simulation
