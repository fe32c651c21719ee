#include "simulation/run.hpp"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

namespace mxseal::simulation {

namespace {

constexpr std::uint64_t kSqliteOneIn = 10;
constexpr Duration kLengthOnDisk = std::chrono::hours(24 * 5); // each commit waits for the disk
constexpr std::size_t kLinesOfStory = 60;

std::set<Strike> strikes_of(const Outcome& outcome) { return {outcome.struck.begin(), outcome.struck.end()}; }

bool same_failure(const Outcome& outcome, Check check) {
    return std::any_of(outcome.violations.begin(), outcome.violations.end(), [check](const Violation& each) { return each.check == check; });
}

struct Line {
    Instant at{};
    std::string text;
};

std::string since(Instant began, Instant at) {
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(at - began).count();
    return fmt::format("day {:>3} {:02}:{:02}:{:02}", seconds / 86'400, seconds / 3600 % 24, seconds / 60 % 60, seconds % 60);
}

std::string told(const Plan& plan, const Outcome& outcome, std::vector<Line> lines) {
    for (const Struck& each : outcome.struck) lines.push_back({each.at, fmt::format("FAULT {} #{}: {}", facts_of(each.fault).name, each.number, facts_of(each.fault).sentence)});
    for (const Violation& each : outcome.violations) lines.push_back({each.at, fmt::format("VIOLATION {} {}: {}", to_string(each.check), each.host, each.text)});
    std::stable_sort(lines.begin(), lines.end(), [](const Line& left, const Line& right) { return left.at < right.at; });
    std::string text = fmt::format("seed {}, {} strikes\n", plan.seed, outcome.struck.size());
    if (lines.size() > kLinesOfStory) {
        text += fmt::format("({} earlier lines left out)\n", lines.size() - kLinesOfStory);
        lines.erase(lines.begin(), lines.end() - kLinesOfStory);
    }
    for (const Line& line : lines) text += fmt::format("{}  {}\n", since(outcome.began, line.at), line.text);
    return text;
}

} // namespace

double intensity_of_seed(std::uint64_t seed) { return std::exp2(-static_cast<double>(seed / 2 % 5)); }

Plan plan_of_seed(std::uint64_t seed, bool faults) {
    Plan plan;
    plan.seed = seed;
    plan.setting = faults ? random_setting(seed) : stated_setting();
    if (faults) plan.faults = FaultOptions::random_subset(seed).times(intensity_of_seed(seed));
    plan.sqlite = seed % kSqliteOneIn == 0;
    if (plan.sqlite) plan.length = kLengthOnDisk;
    return plan;
}

Outcome run(const Plan& plan, const std::function<void(const agent::LogEntry&)>& on_log) {
    World world(plan.setting, Options{plan.seed, plan.faults, plan.only, plan.sqlite});
    world.on_log = on_log;
    Outcome outcome;
    outcome.began = world.now();
    world.run_until(world.now() + plan.length);
    if (world.judge().clean()) {
        world.judge_rolls(plan.length);
        world.calm_down();
        world.settle();
    }
    outcome.counters = world.counters();
    outcome.checks = world.judge().made();
    outcome.violations = world.judge().violations();
    outcome.struck = world.fate().struck();
    return outcome;
}

// Delta debugging (Zeller's ddmin, without the complement step): leave out ever smaller parts of the strikes while it still fails.
Story shortest_story(const Plan& plan, std::size_t runs_max) {
    Story story{plan, run(plan), 1, {}};
    if (story.outcome.clean()) return story;
    const Check check = story.outcome.violations.front().check;
    const auto try_only = [&](const std::set<Strike>& only) {
        Plan smaller = story.plan;
        smaller.only = only;
        ++story.runs;
        Outcome outcome = run(smaller);
        if (!same_failure(outcome, check)) return false;
        story.plan = std::move(smaller);
        story.outcome = std::move(outcome);
        return true;
    };
    std::set<Strike> kept = strikes_of(story.outcome);
    for (std::size_t part = std::max<std::size_t>(kept.size() / 2, 1); story.runs < runs_max;) {
        bool shorter = false;
        const std::vector<Strike> all(kept.begin(), kept.end());
        for (std::size_t from = 0; from < all.size() && story.runs < runs_max; from += part) {
            std::set<Strike> fewer = kept;
            for (std::size_t each = from; each < std::min(from + part, all.size()); ++each) fewer.erase(all[each]);
            if (fewer.size() == kept.size() || !try_only(fewer)) continue;
            // Strikes that did not come about any more need not be forbidden.
            const auto struck = strikes_of(story.outcome);
            std::erase_if(fewer, [&](const Strike& each) { return !struck.contains(each); });
            kept = std::move(fewer);
            shorter = true;
        }
        if (part == 1 && !shorter) break;
        if (!shorter) part = std::max<std::size_t>(part / 2, 1);
    }
    std::vector<Line> lines;
    Outcome last = run(story.plan, [&](const agent::LogEntry& entry) { lines.push_back({entry.at, entry.host + " " + entry.event + " " + entry.sentence}); });
    story.text = told(story.plan, last, std::move(lines));
    story.outcome = std::move(last);
    return story;
}

} // namespace mxseal::simulation
