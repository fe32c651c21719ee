// mxseal_soak: runs of the simulated internet with fresh seeds on all cores, until the time is over. The last line is
// "rolls R, faults F, violations V"; exit 1 unless V is 0. A failure prints its seed, the command that replays it and its story.
#include "simulation/run.hpp"

#include <CLI/CLI.hpp>
#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <mutex>
#include <thread>

#include <fmt/format.h>

namespace {

using namespace mxseal;
using namespace mxseal::simulation;

constexpr std::size_t kStoryRuns = 60;
constexpr std::size_t kStoriesMax = 3;

struct Wanted {
    double seconds = 60;
    unsigned jobs = std::max(1U, std::thread::hardware_concurrency());
    std::uint64_t first_seed = 0;
    std::uint64_t runs = 0; // at most; 0: as many as there is time for
    std::uint64_t rolls = 0; // ends with them; 0: as many as there is time for
    std::uint64_t replay = 0;
    bool no_faults = false, stated = false;
    double intensity = 0; // 0: that of the seed
    std::string commit = "unknown";
};

struct Sums {
    std::mutex mutex;
    std::size_t runs = 0, on_sqlite = 0, faults = 0, violations = 0, stories = 0;
    Counters counters;
    std::array<std::size_t, kChecks> checks{};
    std::array<std::size_t, kFaults> struck{};
};

Plan plan_for(const Wanted& wanted, std::uint64_t seed) {
    Plan plan = plan_of_seed(seed, !wanted.no_faults);
    if (wanted.stated) plan.setting = stated_setting();
    if (wanted.intensity > 0 && !wanted.no_faults) plan.faults = FaultOptions::random_subset(seed).times(wanted.intensity);
    return plan;
}

std::string flags_of(const Wanted& wanted) { return std::string(wanted.no_faults ? " --no-faults" : "") + (wanted.stated ? " --stated" : "") + (wanted.intensity > 0 ? fmt::format(" --intensity {}", wanted.intensity) : ""); }

void tell(const Wanted& wanted, const Plan& plan, const Outcome& outcome) {
    const Violation& first = outcome.violations.front();
    fmt::print("\nVIOLATION {} {}: {}\n  that {}\n  seed {}, commit {}\n  replay: scripts/soak --seed {}{}\n", to_string(first.check), first.host, first.text, sentence_of(first.check), plan.seed, wanted.commit, plan.seed,
               flags_of(wanted));
    std::fflush(stdout);
}

void add(Sums& sums, const Plan& plan, const Outcome& outcome) {
    ++sums.runs;
    sums.on_sqlite += plan.sqlite ? 1 : 0;
    sums.faults += outcome.struck.size();
    sums.violations += outcome.clean() ? 0 : 1;
    Counters& all = sums.counters;
    const Counters& one = outcome.counters;
    all.events += one.events;
    all.rolls += one.rolls;
    all.emergency_rolls += one.emergency_rolls;
    all.switches += one.switches;
    all.kills += one.kills;
    all.deliveries += one.deliveries;
    all.deferred += one.deferred;
    all.foreign_breakages += one.foreign_breakages;
    for (std::size_t each = 0; each < kChecks; ++each) sums.checks[each] += outcome.checks[each];
    for (const Struck& strike : outcome.struck) ++sums.struck[static_cast<std::size_t>(strike.fault)];
}

// SIGINT and SIGTERM end the search after the runs under way; what was found is reported.
volatile std::sig_atomic_t asked_to_end = 0;

void work(const Wanted& wanted, std::chrono::steady_clock::time_point end, std::atomic<std::uint64_t>& next, std::uint64_t last, Sums& sums) {
    while (std::chrono::steady_clock::now() < end && asked_to_end == 0) {
        const std::uint64_t seed = next++;
        if (last != 0 && seed >= last) return;
        const Plan plan = plan_for(wanted, seed);
        const Outcome outcome = run(plan);
        bool story = false;
        {
            std::lock_guard lock(sums.mutex);
            if (wanted.rolls != 0 && sums.counters.rolls >= wanted.rolls) return;
            add(sums, plan, outcome);
            if (!outcome.clean()) tell(wanted, plan, outcome);
            story = !outcome.clean() && sums.stories++ < kStoriesMax;
        }
        if (!story) continue;
        const Story shortest = shortest_story(plan, kStoryRuns);
        std::lock_guard lock(sums.mutex);
        fmt::print("{}\n", shortest.text);
    }
}

void report(const Sums& sums, double seconds) {
    const Counters& all = sums.counters;
    fmt::print("\nfaults by kind\n");
    for (const FaultFacts& each : all_faults())
        if (const auto count = sums.struck[static_cast<std::size_t>(each.fault)]) fmt::print("  {:24}{:>10}  {}\n", each.name, count, each.sentence);
    fmt::print("checks made\n");
    for (std::size_t each = 0; each < kChecks; ++each)
        if (sums.checks[each] > 0) fmt::print("  {:24}{:>10}  {}\n", to_string(static_cast<Check>(each)), sums.checks[each], sentence_of(static_cast<Check>(each)));
    fmt::print("\n{} runs ({} on SQLite) in {:.1f} s, {} events, {:.0f} events a second, {:.0f} events a roll, {:.1f} rolls a second\n", sums.runs, sums.on_sqlite, seconds, all.events,
               static_cast<double>(all.events) / seconds, static_cast<double>(all.events) / static_cast<double>(std::max<std::size_t>(all.rolls, 1)), static_cast<double>(all.rolls) / seconds);
    fmt::print("{} switches, {} emergency rolls, {} kills, {} deliveries of which {} were deferred by a foreign hand ({} breakages)\n", all.switches, all.emergency_rolls, all.kills, all.deliveries,
               all.deferred, all.foreign_breakages);
    fmt::print("rolls {}, faults {}, violations {}\n", all.rolls, sums.faults, sums.violations);
}

int replay(const Wanted& wanted) {
    const Plan plan = plan_for(wanted, wanted.replay);
    const Outcome outcome = run(plan);
    if (outcome.clean()) {
        fmt::print("rolls {}, faults {}, violations 0\n", outcome.counters.rolls, outcome.struck.size());
        return 0;
    }
    tell(wanted, plan, outcome);
    const Story story = shortest_story(plan, kStoryRuns);
    fmt::print("{}\n({} runs to make it short)\nrolls {}, faults {}, violations {}\n", story.text, story.runs, outcome.counters.rolls, outcome.struck.size(), outcome.violations.size());
    return 1;
}

int soak(const Wanted& wanted) {
    const auto begin = std::chrono::steady_clock::now();
    const auto length = std::chrono::duration_cast<std::chrono::steady_clock::duration>(std::chrono::duration<double>(wanted.seconds));
    // Fresh seeds each time; a failure names its own.
    const auto first = wanted.first_seed > 0 ? wanted.first_seed : static_cast<std::uint64_t>(std::chrono::system_clock::now().time_since_epoch().count()) / 1'000'000'000 * 1000;
    fmt::print("seeds from {}, {} at a time\n", first, wanted.jobs);
    std::fflush(stdout);
    std::signal(SIGINT, [](int) { asked_to_end = 1; });
    std::signal(SIGTERM, [](int) { asked_to_end = 1; });
    std::atomic<std::uint64_t> next{first};
    Sums sums;
    {
        std::vector<std::jthread> threads;
        for (unsigned job = 0; job < wanted.jobs; ++job) threads.emplace_back([&] { work(wanted, begin + length, next, wanted.runs > 0 ? first + wanted.runs : 0, sums); });
    }
    report(sums, std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count());
    return sums.violations == 0 ? 0 : 1;
}

} // namespace

int main(int argc, char** argv) {
    Wanted wanted;
    CLI::App app{"Searches the simulated internet for an order of events that breaks a promise."};
    app.add_option("--seconds", wanted.seconds, "How long to search (60)")->check(CLI::PositiveNumber);
    app.add_option("--jobs", wanted.jobs, "Runs at a time (all cores)")->check(CLI::Range(1, 256));
    app.add_option("--from", wanted.first_seed, "The first seed (drawn from the clock)");
    app.add_option("--runs", wanted.runs, "At most so many runs (as many as there is time for)");
    app.add_option("--rolls", wanted.rolls, "Ends with so many rolls (as many as there is time for)");
    app.add_option("--seed", wanted.replay, "Replays one seed, and shortens its story when it fails");
    app.add_flag("--no-faults", wanted.no_faults, "Nothing goes wrong, in the stated world");
    app.add_flag("--stated", wanted.stated, "The stated world: two hosts, two servers, two addresses, rotate_every 2d");
    app.add_option("--intensity", wanted.intensity, "How thick faults come: their usual chances times this (1 to 1/16, drawn from the seed)")->check(CLI::Range(0.001, 100.0));
    app.add_option("--commit", wanted.commit, "What was built: a failure names it");
    CLI11_PARSE(app, argc, argv);
    try {
        return wanted.replay > 0 ? replay(wanted) : soak(wanted);
    } catch (const std::exception& failure) {
        fmt::print(stderr, "mxseal_soak: {}\n", failure.what());
        return 2;
    }
}
