// Setting: the peaceful part of a world: configuration, servers, addresses, caches. What goes wrong in it is drawn apart (fault.hpp).
#pragma once

#include "agent/config/config.hpp"
#include "simulation/cache.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace mxseal::simulation {

struct Setting {
    agent::Config config;
    unsigned servers = 2;                 // of each zone that has hosts
    unsigned addresses = 2;               // of each host
    Duration transfer_lag = std::chrono::seconds(3);
    Ttl soa_expire{7200};
    Ttl negative_ttl{3600};
    std::vector<CacheHabits> caches;
    bool published_before = false;        // the served keys have TLSA records already
    bool recently_published = false;      // ... or had, with unseen_ttl, until right before the first look
    Duration mail_every = std::chrono::hours(6);
    Duration certificate_lifetime = std::chrono::hours(24 * 90);
    bool operator_answers = true;         // somebody reads of a halted host within a day and resumes it; false: a forecast has its own
};

// The stated world of the numbers: rotate_every 2d, two hosts, two servers, two addresses each, waits of an hour.
Setting stated_setting();
// One to three hosts in one zone or in zones of their own, TTLs, margins, servers, addresses and algorithms drawn from the seed.
Setting random_setting(std::uint64_t seed);
// The same with a CA that says nothing about renewals and no client that brings certificates: worlds from before these go on as they were.
Setting without_renewal_info(Setting setting);
// The user's own configuration.
Setting setting_of(agent::Config config);
// Resolvers as different as `timing` allows.
std::vector<CacheHabits> usual_caches(const agent::Timing& timing);

} // namespace mxseal::simulation
