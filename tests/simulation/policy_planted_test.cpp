// Each mistake planted in the order of policies has to be caught, by a run that is clean without it.
#include "tests/simulation/planted_switch.hpp"
#include "tests/simulation/policy_world.hpp"

#include <catch2/catch.hpp>

#include <fmt/format.h>

using namespace mxseal;
using rotation::Mistake;
using simulation::PolicyViolation;
using simulation::PolicyWorld;

namespace {

std::optional<PolicyViolation> violation_of(std::optional<Mistake> mistake, std::uint64_t seed) {
    rotation::plant(mistake);
    PolicyWorld world({seed, seed % 3 != 0, std::chrono::hours(24 * 60)});
    world.run();
    rotation::plant(std::nullopt);
    return world.violation();
}

} // namespace

TEST_CASE("planted mistakes in the order of policies are caught", "[mta-sts]") {
    const auto [mistake, name] = GENERATE(table<Mistake, const char*>({{Mistake::id_before_body, "id_before_body"},
                                                                       {Mistake::one_replica_enough, "one_replica_enough"},
                                                                       {Mistake::id_used_again, "id_used_again"},
                                                                       {Mistake::mx_added_at_once, "mx_added_at_once"},
                                                                       {Mistake::narrowed_at_once, "narrowed_at_once"},
                                                                       {Mistake::old_hosts_leave_early, "old_hosts_leave_early"},
                                                                       {Mistake::withdrawn_early, "withdrawn_early"},
                                                                       {Mistake::id_fall_back_ignored, "id_fall_back_ignored"}}));
    std::optional<PolicyViolation> caught;
    std::uint64_t seed = 0;
    while (!caught && seed < 200) caught = violation_of(mistake, ++seed);
    INFO(name);
    REQUIRE(caught.has_value());
    WARN(fmt::format("{}: {} after {} runs, {}", name, caught->check, seed, caught->text));
    CHECK_FALSE(violation_of(std::nullopt, seed).has_value());
}
