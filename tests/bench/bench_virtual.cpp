// How late the core switches, in virtual time and with actions that take none: nothing but a rule of its own may keep it.
//
// Bound: each switch begins in the millisecond of its `earliest_safe`: none before it, none after it.
#include "tests/simulation/scripted_world.hpp"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <exception>
#include <stdexcept>
#include <vector>

#include <fmt/format.h>

namespace {

using namespace mxseal;
using namespace mxseal::scripted;
using namespace std::chrono_literals;

constexpr unsigned kSeeds = 200;
const std::vector<std::string> kHosts{"mx1.example.org", "mx2.example.org"};

struct Lateness {
    std::string what;
    std::vector<Duration> values{};
};

struct Sums {
    Lateness planned{"planned, standby ready"}, queued{"queued, waits for W1"};
    std::size_t rolls = 0, events = 0;
};

bool steady(World& world) { return world.phase(kHosts[0]) == "steady" && world.phase(kHosts[1]) == "steady"; }

bool rolled(World& world, std::size_t wanted) { return world.log("roll.finished").size() >= wanted; }

Instant field(const agent::LogEntry& entry, const char* name) {
    auto at = parse_rfc3339(entry.fields[name].as_string().value_or(""));
    if (!at.ok()) throw std::runtime_error(fmt::format("switch.started has no instant in its field {}", name));
    return *at;
}

void must_run(World& world, const std::function<bool()>& until, const char* what) {
    if (!world.run_for(10min, until)) throw std::runtime_error(fmt::format("{}: not within 10 minutes of virtual time", what));
}

// Both hosts are rolled; as soon as both are done, and long before their new standby is ready, they are rolled again.
void run_seed(unsigned seed, Sums& sums) {
    World world(small_config(kHosts), kHosts, seed);
    world.faults.latency = Duration{0};
    world.start_agent();
    must_run(world, [&] { return steady(world); }, "both hosts steady");
    const std::size_t from = world.events;
    world.ask("roll", kHosts);
    must_run(world, [&] { return rolled(world, 2); }, "two planned rolls");
    world.ask("roll", kHosts);
    must_run(world, [&] { return rolled(world, 4) && steady(world); }, "two queued rolls");
    if (!world.violations.empty()) throw std::runtime_error(world.violations.front());
    sums.events += world.events - from;
    sums.rolls += 4;
    const auto started = world.log("switch.started");
    if (started.size() != 4) throw std::runtime_error(fmt::format("{} switches of 4 rolls", started.size()));
    for (std::size_t number = 0; number < started.size(); ++number) {
        Lateness& lateness = number < 2 ? sums.planned : sums.queued;
        lateness.values.push_back(started[number].at - field(started[number], "earliest_safe"));
    }
}

void print_row(Lateness& lateness) {
    auto& values = lateness.values;
    std::sort(values.begin(), values.end());
    fmt::print("  {:24}{:9}{:11}{:11}{:11}\n", lateness.what, values.size(), values.front().count(), values[values.size() / 2].count(), values.back().count());
}

int run() {
    Sums sums;
    const auto begin = std::chrono::steady_clock::now();
    for (unsigned seed = 1; seed <= kSeeds; ++seed) run_seed(seed, sums);
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    fmt::print("switch after its earliest safe instant, virtual time, actions take 0 ms, {} seeds\n", kSeeds);
    fmt::print("  {:24}{:>9}{:>11}{:>11}{:>11}\n", "", "switches", "min ms", "median ms", "max ms");
    print_row(sums.planned);
    print_row(sums.queued);
    const auto exact = [](const Lateness& lateness) { return lateness.values.front() == 0ms && lateness.values.back() == 0ms; };
    const bool kept = exact(sums.planned) && exact(sums.queued);
    fmt::print("  bound: 0 ms  {}\n", kept ? "kept" : "BROKEN");
    fmt::print("  {} rolls, {:.0f} a second of real time, {} events each (adoption not counted)\n", sums.rolls, static_cast<double>(sums.rolls) / seconds, sums.events / sums.rolls);
    return kept ? 0 : 1;
}

} // namespace

int main() {
    try {
        return run();
    } catch (const std::exception& why) {
        fmt::print(stderr, "bench_virtual: {}\n", why.what());
        return 1;
    }
}
