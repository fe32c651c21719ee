// One run: a world, some time with faults, then peace, and what came of it. Replayed by its Plan alone.
#pragma once

#include "simulation/world.hpp"

#include <string>
#include <vector>

namespace mxseal::simulation {

struct Plan {
    std::uint64_t seed = 1;
    Setting setting;
    FaultOptions faults{};
    std::optional<std::set<Strike>> only;
    Duration length = std::chrono::hours(24 * 40);
    bool sqlite = false;
};
// What `scripts/soak` and the tests run for a seed: a world and faults drawn from it, one in ten on SQLite.
Plan plan_of_seed(std::uint64_t seed, bool faults);
// How thick faults come in the run of a seed: 1, 1/2, 1/4 .. 1/16 of their usual chances. Where they come thick, few rolls are finished;
// where they are rare, a single one meets every step of a roll.
double intensity_of_seed(std::uint64_t seed);

struct Outcome {
    Counters counters;
    std::array<std::size_t, kChecks> checks{};
    std::vector<Violation> violations;
    std::vector<Struck> struck;
    Instant began{};
    bool clean() const { return violations.empty(); }
};
// `on_log` hears every line of the agent's log.
Outcome run(const Plan& plan, const std::function<void(const agent::LogEntry&)>& on_log = nullptr);

// The same violation with as few strikes as can be found in at most `runs_max` runs: what is left is the story.
struct Story {
    Plan plan;
    Outcome outcome;
    std::size_t runs = 0;
    std::string text;       // the strikes and the last lines of the log before the violation, in order, with times since the start
};
Story shortest_story(const Plan& plan, std::size_t runs_max);

} // namespace mxseal::simulation
