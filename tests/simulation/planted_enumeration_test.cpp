// That the enumeration can fail: mistakes planted in the core (rotation/planted.hpp), one at a time.
#include "tests/simulation/enumeration.hpp"
#include "tests/simulation/planted_switch.hpp"

#include <catch2/catch.hpp>
#include <fmt/format.h>

using namespace mxseal;
using namespace mxseal::small;
using rotation::Mistake;

namespace {

struct Planted {
    Mistake mistake;
    std::string_view name;
    Rule rule; // by which it is found
};

constexpr std::array kPlanted{
    Planted{Mistake::floor_forgotten, "floor_forgotten", Rule::never_early},
    Planted{Mistake::one_server_not_asked, "one_server_not_asked", Rule::never_early},
    Planted{Mistake::fall_back_ignored, "fall_back_ignored", Rule::never_early},
    Planted{Mistake::standby_not_held, "standby_not_held", Rule::never_early},
    Planted{Mistake::two_at_once, "two_at_once", Rule::one_at_a_time},
    Planted{Mistake::cleanup_at_the_switch, "cleanup_at_the_switch", Rule::one_change},
    Planted{Mistake::grown_by_replacing, "grown_by_replacing", Rule::no_gap},
    Planted{Mistake::rolled_back_too_late, "rolled_back_too_late", Rule::no_gap},
    Planted{Mistake::cleanup_after_roll_back, "cleanup_after_roll_back", Rule::no_gap},
    Planted{Mistake::retired_key_returns, "retired_key_returns", Rule::hash_retired},
};

} // namespace

TEST_CASE("the enumeration finds mistakes that are planted in the core") {
    Bounds bounds;
    bounds.depth = 2;
    bounds.every = 2; // in every build
    SmallWorld::gives_twice() = false;
    for (const Planted& each : kPlanted) {
        rotation::plant(each.mistake);
        const Enumerated result = enumerate(bounds);
        rotation::plant(std::nullopt);
        INFO(each.name);
        fmt::print("{:26}{:16}{:>8} transitions  {}\n", each.name, result.broken ? to_string(result.broken->rule) : "NOT FOUND", result.transitions, result.broken ? result.broken->text.substr(0, 100) : "");
        REQUIRE(result.broken);
        CHECK(to_string(result.broken->rule) == to_string(each.rule));
    }
    SmallWorld::gives_twice() = true;
}
