#include "simulation/run.hpp"

#include <catch2/catch.hpp>

#include <fmt/format.h>

using namespace mxseal;
using namespace mxseal::simulation;
using namespace std::chrono_literals;

namespace {

void must_be_clean(const Outcome& outcome) {
    for (const Violation& each : outcome.violations) FAIL_CHECK(to_string(each.check) << " " << each.host << " " << to_rfc3339(each.at) << ": " << each.text);
}

std::size_t made(const Outcome& outcome, Check check) { return outcome.checks[static_cast<std::size_t>(check)]; }

} // namespace

TEST_CASE("where nothing goes wrong every host rolls when it is due, and every check is made") {
    Plan plan = plan_of_seed(1, false);
    plan.sqlite = false;
    const Outcome outcome = run(plan);
    must_be_clean(outcome);
    // Forty days, two hosts, rotate_every 2d; the first roll is due after two days.
    CHECK(outcome.counters.rolls >= 36);
    CHECK(outcome.counters.deferred == 0);
    for (Check check : {Check::no_gap, Check::sender_served, Check::one_at_a_time, Check::hash_retired, Check::key_kept, Check::agreement, Check::liveness, Check::sharpness}) {
        INFO(to_string(check));
        CHECK(made(outcome, check) > 0);
    }
}

TEST_CASE("a seed is a whole run: the same events, strikes and lines of the log each time") {
    const Plan plan = plan_of_seed(13, true);
    std::vector<std::string> first, second;
    const auto into = [](std::vector<std::string>& lines) {
        return [&lines](const agent::LogEntry& entry) { lines.push_back(fmt::format("{} {} {} {}", to_rfc3339(entry.at), entry.host, entry.event, entry.sentence)); };
    };
    const Outcome one = run(plan, into(first)), two = run(plan, into(second));
    CHECK(one.counters.events == two.counters.events);
    CHECK(one.struck.size() == two.struck.size());
    CHECK(first == second);
    CHECK(first.size() > 50);
}

TEST_CASE("strikes that are forbidden do not happen, and leave the others where they are") {
    Plan plan = plan_of_seed(21, true);
    plan.sqlite = false;
    plan.length = 24h * 10;
    const Outcome all = run(plan);
    REQUIRE(all.struck.size() > 3);
    plan.only = std::set<Strike>{all.struck.front()};
    const Outcome one = run(plan);
    REQUIRE(one.struck.size() == 1);
    CHECK(one.struck.front() <=> all.struck.front() == std::strong_ordering::equal);
    plan.only = std::set<Strike>{};
    CHECK(run(plan).struck.empty());
}

TEST_CASE("every fault strikes in some of a hundred plans") {
    std::array<bool, kFaults> on{};
    for (std::uint64_t seed = 1; seed <= 100; ++seed)
        for (const FaultFacts& each : all_faults()) on[static_cast<std::size_t>(each.fault)] |= plan_of_seed(seed, true).faults[each.fault] > 0;
    for (const FaultFacts& each : all_faults()) {
        INFO(each.name);
        CHECK(on[static_cast<std::size_t>(each.fault)]);
        CHECK(parse_fault(each.name) == each.fault);
        CHECK(&facts_of(each.fault) == &each);
    }
}

TEST_CASE("the store on disk and the one in memory lead to the same rolls") {
    Plan plan = plan_of_seed(5, false);
    plan.length = 24h * 10;
    plan.sqlite = false;
    const Outcome memory = run(plan);
    plan.sqlite = true;
    const Outcome disk = run(plan);
    must_be_clean(memory);
    must_be_clean(disk);
    CHECK(memory.counters.rolls == disk.counters.rolls);
    CHECK(memory.counters.events == disk.counters.events);
}
