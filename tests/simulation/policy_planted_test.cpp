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

std::optional<PolicyViolation> violation_of(std::optional<Mistake> mistake, std::uint64_t seed, bool shares) {
    rotation::plant(mistake);
    PolicyWorld world({seed, seed % 3 != 0, std::chrono::hours(24 * (shares ? 12 : 60)), shares ? std::size_t{3} : 0});
    world.run();
    rotation::plant(std::nullopt);
    return world.violation();
}

} // namespace

TEST_CASE("planted mistakes in the order of policies are caught", "[mta-sts]") {
    // The search begins a little before the first seed that catches it today; elsewhere when the world changes.
    const auto [mistake, name, first] = GENERATE(table<Mistake, const char*, std::uint64_t>({{Mistake::id_before_body, "id_before_body", 1},
                                                                                             {Mistake::one_replica_enough, "one_replica_enough", 1},
                                                                                             {Mistake::id_used_again, "id_used_again", 1},
                                                                                             {Mistake::mx_added_at_once, "mx_added_at_once", 1},
                                                                                             {Mistake::narrowed_at_once, "narrowed_at_once", 1},
                                                                                             {Mistake::old_hosts_leave_early, "old_hosts_leave_early", 1},
                                                                                             {Mistake::withdrawn_early, "withdrawn_early", 1},
                                                                                             {Mistake::id_fall_back_ignored, "id_fall_back_ignored", 125},
                                                                                             {Mistake::shared_id_before_last_body, "shared_id_before_last_body", 1}}));
    const bool shares = mistake == Mistake::shared_id_before_last_body;
    std::optional<PolicyViolation> caught;
    std::uint64_t seed = first - 1;
    while (!caught && seed < first + 200) caught = violation_of(mistake, ++seed, shares);
    INFO(name);
    REQUIRE(caught.has_value());
    WARN(fmt::format("{}: {} in run {}, {}", name, caught->check, seed, caught->text));
    CHECK_FALSE(violation_of(std::nullopt, seed, shares).has_value());
}
