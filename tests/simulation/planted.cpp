// mxseal_planted: plants one mistake after the other and runs seeds until a check catches it. The last line is "caught C of N";
// exit 1 unless all are caught.
#include "simulation/run.hpp"
#include "tests/simulation/planted_switch.hpp"

#include <CLI/CLI.hpp>
#include <atomic>
#include <cstdio>
#include <mutex>
#include <thread>

#include <fmt/format.h>

namespace {

using namespace mxseal;
using namespace mxseal::simulation;
using rotation::Mistake;

struct Planted {
    Mistake mistake;
    std::string_view name;
};
constexpr auto kPlanted = std::to_array<Planted>({
    {Mistake::configured_ttl, "configured_ttl"},
    {Mistake::floor_forgotten, "floor_forgotten"},
    {Mistake::stale_margin_forgotten, "stale_margin_forgotten"},
    {Mistake::unseen_forgotten, "unseen_forgotten"},
    {Mistake::one_server_not_asked, "one_server_not_asked"},
    {Mistake::silent_server_has_switched, "silent_server_has_switched"},
    {Mistake::fall_back_ignored, "fall_back_ignored"},
    {Mistake::standby_not_held, "standby_not_held"},
    {Mistake::two_at_once, "two_at_once"},
    {Mistake::unhealthy_group_ignored, "unhealthy_group_ignored"},
    {Mistake::no_look_before_a_switch, "no_look_before_a_switch"},
    {Mistake::cleanup_at_the_switch, "cleanup_at_the_switch"},
    {Mistake::removed_while_served, "removed_while_served"},
    {Mistake::grown_by_replacing, "grown_by_replacing"},
    {Mistake::rolled_back_too_late, "rolled_back_too_late"},
    {Mistake::cleanup_after_roll_back, "cleanup_after_roll_back"},
    {Mistake::foreign_pair_overwritten, "foreign_pair_overwritten"},
    {Mistake::repair_never, "repair_never"},
    {Mistake::retired_key_returns, "retired_key_returns"},
    {Mistake::wait_twice, "wait_twice"},
    {Mistake::never_rolls, "never_rolls"},
    {Mistake::halted_for_ever, "halted_for_ever"},
    {Mistake::intent_not_stored, "intent_not_stored"},
    {Mistake::clock_trusted, "clock_trusted"},
    {Mistake::foreign_pair_left, "foreign_pair_left"},
    {Mistake::renewal_window_ignored, "renewal_window_ignored"},
    {Mistake::brought_pair_deployed_at_once, "brought_pair_deployed_at_once"},
});

struct Found {
    std::string by, text;
    std::uint64_t runs = 0;
    bool caught = false;
};

// Every fourth run has no faults: some mistakes show only where nothing else disturbs. Of the others two have faults at their usual chances, so
// that few runs are needed.
Plan plan_of(std::uint64_t seed) {
    Plan plan = plan_of_seed(seed, true);
    if (seed % 4 != 3) plan.faults = FaultOptions::random_subset(seed);
    if (seed % 4 == 0) plan.faults = FaultOptions::none();
    plan.sqlite = false;
    plan.length = std::chrono::hours(24 * 40);
    return plan;
}

Outcome run_with(std::optional<Mistake> mistake, std::uint64_t seed) {
    rotation::plant(mistake);
    Outcome outcome = run(plan_of(seed));
    rotation::plant(std::nullopt);
    return outcome;
}

Found search(Mistake mistake, std::uint64_t runs_max) {
    Found found;
    while (found.by.empty() && found.runs < runs_max) {
        const Outcome outcome = run_with(mistake, ++found.runs);
        if (outcome.clean()) continue;
        // The same run without the mistake has to be clean, else it is the checker that is wrong, or mxseal.
        if (const Outcome without = run_with(std::nullopt, found.runs); !without.clean()) {
            found.by = "VIOLATED WITHOUT IT";
            found.text = without.violations.front().text;
            return found;
        }
        found.by = to_string(outcome.violations.front().check);
        found.text = outcome.violations.front().text;
        found.caught = true;
    }
    return found;
}

// How the mistake led to what caught it, for who doubts that it was the mistake.
std::string story_of(Mistake mistake, std::uint64_t seed) {
    rotation::plant(mistake);
    Story story = shortest_story(plan_of(seed), 60);
    rotation::plant(std::nullopt);
    return story.text;
}

} // namespace

int main(int argc, char** argv) {
    std::uint64_t runs_max = 200;
    unsigned jobs = std::max(1U, std::thread::hardware_concurrency());
    std::string only;
    CLI::App app{"Plants mistakes in mxseal and shows which check of the simulated internet catches each."};
    app.add_option("--runs", runs_max, "Runs at most for each (200)");
    app.add_option("--jobs", jobs, "Mistakes at a time (all cores)")->check(CLI::Range(1, 256));
    app.add_option("--only", only, "This one alone, with the story of the run that catches it");
    CLI11_PARSE(app, argc, argv);
    std::vector<Planted> wanted;
    for (const Planted& each : kPlanted)
        if (only.empty() || each.name == only) wanted.push_back(each);
    fmt::print("{:30}{:20}{:>6}  {}\n", "mistake", "caught by", "runs", "what it said");
    std::atomic<std::size_t> next{0}, caught{0};
    std::mutex printing;
    const auto work = [&] {
        for (std::size_t number = next++; number < wanted.size(); number = next++) {
            const Found found = search(wanted[number].mistake, runs_max);
            if (found.caught) ++caught;
            std::lock_guard lock(printing);
            fmt::print("{:30}{:20}{:>6}  {}\n", wanted[number].name, found.by.empty() ? "NOT CAUGHT" : found.by, found.runs, found.text.substr(0, 110));
            if (!only.empty() && found.caught) fmt::print("{}\n", story_of(wanted[number].mistake, found.runs));
            std::fflush(stdout);
        }
    };
    {
        std::vector<std::jthread> threads;
        for (unsigned job = 0; job < jobs; ++job) threads.emplace_back(work);
    }
    fmt::print("caught {} of {}\n", caught.load(), wanted.size());
    return caught == wanted.size() && !wanted.empty() ? 0 : 1;
}
