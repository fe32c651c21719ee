#include "agent/acme/back_off.hpp"

#include "tests/unit/acme/worlds.hpp"

#include <catch2/catch.hpp>

namespace mxseal::agent::testing {

TEST_CASE("a clock that was set back lengthens a rest to its whole length at most") {
    MemoryJournal journal;
    BackOff back_off(journal, "a");
    FakeClock clock;
    REQUIRE(back_off.failed(clock.now, std::nullopt, "no").value() == std::chrono::minutes(15));
    auto earlier = back_off.check(clock.now - std::chrono::hours(24 * 365));
    REQUIRE_FALSE(earlier);
    CHECK(earlier.error().retry().delay == std::chrono::minutes(15));
    CHECK(back_off.check(clock.now + std::chrono::minutes(15)));
}

TEST_CASE("another set of names does not rest with it") {
    MemoryJournal journal;
    FakeClock clock;
    REQUIRE(BackOff(journal, "a").failed(clock.now, std::nullopt, "no"));
    CHECK_FALSE(BackOff(journal, "a").check(clock.now));
    CHECK(BackOff(journal, "b").check(clock.now));
}

} // namespace mxseal::agent::testing
