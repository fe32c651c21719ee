#include "tests/simulation/policy_world.hpp"

#include <catch2/catch.hpp>

#include <fmt/format.h>
#include <fmt/ranges.h>

using namespace mxseal;
using simulation::PolicyWorld;
using namespace std::chrono_literals;

namespace {

simulation::PolicyCounters run(std::uint64_t seed, bool faults, Duration length = 24h * 60, std::size_t customers = 0) {
    PolicyWorld world({seed, faults, length, customers});
    world.run();
    INFO(fmt::format("seed {}{}\n{}", seed, faults ? "" : ", no faults", fmt::join(world.story(), "\n")));
    REQUIRE_FALSE(world.violation().has_value());
    return world.counters();
}

} // namespace

TEST_CASE("policies and MX records change in an order that no sender trips over", "[mta-sts]") {
    simulation::PolicyCounters sum;
    for (std::uint64_t seed = 1; seed <= 60; ++seed) {
        const auto counters = run(seed, seed % 5 != 0);
        sum.deliveries += counters.deliveries;
        sum.ids += counters.ids;
        sum.mx_changes += counters.mx_changes;
        sum.kills += counters.kills;
        sum.faults += counters.faults;
    }
    WARN(fmt::format("{} deliveries, {} ids, {} changes of the MX RRset, {} kills, {} faults", sum.deliveries, sum.ids, sum.mx_changes, sum.kills, sum.faults));
    CHECK(sum.ids > 200);
    CHECK(sum.mx_changes > 200);
}

TEST_CASE("domains behind one record change its id in an order that no sender trips over", "[mta-sts]") {
    simulation::PolicyCounters sum;
    for (std::uint64_t seed = 1; seed <= 45; ++seed) {
        const auto counters = run(seed, seed % 4 != 0, 24h * 12, 3);
        sum.deliveries += counters.deliveries;
        sum.ids += counters.ids;
        sum.moves += counters.moves;
    }
    WARN(fmt::format("{} deliveries, {} shared ids, {} comings and goings of customers", sum.deliveries, sum.ids, sum.moves));
    CHECK(sum.ids > 600);
    CHECK(sum.moves > 400);
}
