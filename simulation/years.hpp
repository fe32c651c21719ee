// Years: a configuration lives in the simulated internet for some time; what an operator would find in its log and status.
#pragma once

#include "simulation/glance.hpp"
#include "simulation/setting.hpp"

#include <functional>
#include <string>
#include <vector>

namespace mxseal::simulation {

struct HostYears {
    std::string host;
    Duration rotate_every{0};
    std::size_t rolls = 0, emergency_rolls = 0; // finished; rolls counts both kinds
    std::string phase;                          // at the end
};

// What timeline_of() wants of a desk, taken from one host right after a roll (the second one, where there were two), else at the end.
struct Picture {
    std::string host;
    Instant at{};
    Json status, plan, log;
};

struct Years {
    Duration length{0};
    std::vector<HostYears> hosts;
    std::vector<Wait> waits;                    // the longest of each kind, longest first
    Counters counters;
    std::array<std::size_t, kFaults> struck{};
    std::vector<std::string> violations;        // of what mxseal promises, in words
    std::size_t failed = 0;                     // deliveries that met a pair that does not match, by mxseal's fault
    Picture picture;
};

// `faults`: FaultOptions::none() for peaceful years. `on_progress` hears of each of `kYearParts` parts.
constexpr std::size_t kYearParts = 100;
Years live(const Setting& setting, Duration length, std::uint64_t seed, const FaultOptions& faults, const std::string& drawn_host,
           const std::function<void(std::size_t part)>& on_progress);

// How often a forecast looks at its world: often enough for the shortest rotate_every, at most once an hour.
Duration look_every(const agent::Config& config);
// "no_gap mx1.example.org at 2026-12-01T00:00:00Z: .."
std::vector<std::string> in_words(const std::vector<Violation>& violations);

} // namespace mxseal::simulation
