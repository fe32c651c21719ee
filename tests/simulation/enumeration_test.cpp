#include "tests/simulation/enumeration.hpp"

#include <cstdio>

#include <catch2/catch.hpp>
#include <fmt/format.h>

using namespace mxseal::small;

TEST_CASE("in every order of events of the small world every promise is kept") {
    const Bounds bounds;
    const Enumerated result = enumerate(bounds);
    const auto words = in_words(result, bounds);
    fmt::print("{}", words);
    INFO(words);
    CHECK_FALSE(result.broken);
    fmt::print("checks made:");
    for (std::size_t rule = 0; rule < kRules; ++rule) {
        fmt::print(" {} {}", to_string(static_cast<Rule>(rule)), SmallWorld::checks()[rule]);
        INFO(to_string(static_cast<Rule>(rule)));
        CHECK(SmallWorld::checks()[rule] > 0);
    }
    fmt::print("\n");
    std::fflush(stdout);
    CHECK(result.course > 60);
    CHECK(result.states > 1'000);
    CHECK(result.transitions > result.states);
}

TEST_CASE("the usual course ends with four rolls, and its worlds all differ") {
    SmallWorld world;
    std::size_t moves = 0;
    while (!world.over() && moves < 1000) {
        const auto move = world.usual();
        REQUIRE(move);
        const auto before = world.fingerprint();
        CHECK_FALSE(world.make(*move));
        CHECK(world.fingerprint() != before);
        ++moves;
    }
    CHECK(world.host(0).retired.size() == 2);
    CHECK(world.host(1).retired.size() == 2);
}
