// Two MX hosts of one domain under the real Runtime, steady to begin with, and what tests of their rolls ask of them.
#pragma once

#include "tests/simulation/scripted_world.hpp"

#include <memory>
#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include <fmt/format.h>

namespace mxseal::scripted {

inline const std::vector<std::string> kHosts{"mx1.example.org", "mx2.example.org"};
inline const std::string& kHost = kHosts[1]; // for a test of one; the other is the sole best preference

inline bool both_steady(World& world) { return world.phase(kHosts[0]) == "steady" && world.phase(kHosts[1]) == "steady"; }

inline void must_be_clean(const World& world) {
    for (const auto& violation : world.violations) FAIL_CHECK(violation);
}

// Both hosts are adopted and steady.
inline std::unique_ptr<World> steady_world(unsigned seed, agent::Config config = small_config(kHosts)) {
    auto world = std::make_unique<World>(std::move(config), kHosts, seed);
    world->start_agent();
    REQUIRE(world->run_for(std::chrono::minutes(3), [&] { return both_steady(*world); }));
    return world;
}

// An ACME client gets the certificates of both hosts, under keys that `keys` names.
inline agent::Config external_config(agent::KeyMaker keys) {
    agent::Config config = small_config(kHosts);
    for (auto& [name, host] : config.hosts) {
        host.certificate = "external";
        host.external.keys = keys;
    }
    return config;
}

// What an operator would see, for a failed check.
inline std::string story(World& world) {
    std::string out;
    for (const std::string& host : kHosts) out += fmt::format("{} {}: {}\n", host, world.phase(host), world.status_of(host)["reason"].as_string().value_or(""));
    auto log = world.store->read_log({"", 0, 40});
    for (const auto& entry : *log) out += fmt::format("{} {} {} {}\n", to_rfc3339(entry.at), entry.host, entry.event, entry.sentence);
    return out;
}

} // namespace mxseal::scripted
