#include "agent/runtime/time_keeper.hpp"

#include <catch2/catch.hpp>

using namespace mxseal;
using namespace mxseal::agent;
using namespace std::chrono_literals;

namespace {
struct FakeClock final : Clock {
    Instant now = *parse_rfc3339("2026-11-22T12:00:00Z");
    Duration lived{0};
    std::string id = "boot-1";
    Instant wall() const override { return now; }
    BootTime boot_time() const override { return {lived}; }
    std::string boot_id() const override { return id; }
    void pass(Duration length) {
        now += length;
        lived += length;
    }
};
} // namespace

TEST_CASE("time that passes on both clocks is no step") {
    FakeClock clock;
    TimeKeeper keeper(clock);
    CHECK_FALSE(keeper.step());
    clock.pass(24h);
    clock.now += 59s;
    CHECK_FALSE(keeper.step());
}

TEST_CASE("a wall clock that runs ahead or back by more than a minute is a step, once") {
    FakeClock clock;
    TimeKeeper keeper(clock);
    keeper.step();
    clock.now += 2h;
    CHECK(keeper.step() == Duration{2h});
    CHECK_FALSE(keeper.step());
    clock.now -= 3h;
    CHECK(keeper.step() == Duration{-3h});
}

TEST_CASE("a step while no agent ran is found from the stored anchor") {
    FakeClock clock;
    Json fact;
    {
        TimeKeeper keeper(clock);
        keeper.step();
        fact = keeper.fact();
    }
    clock.pass(1h);
    clock.now += 10min;
    TimeKeeper keeper(clock);
    keeper.restore(fact);
    CHECK(keeper.step() == Duration{10min});
}

TEST_CASE("after a reboot only a wall clock behind the last known one is a step") {
    FakeClock clock;
    TimeKeeper first(clock);
    first.step();
    const Json fact = first.fact();
    clock.id = "boot-2";
    clock.lived = 0s;
    clock.now += 48h;
    TimeKeeper second(clock);
    second.restore(fact);
    CHECK_FALSE(second.step());
    clock.now -= 72h;
    TimeKeeper third(clock);
    third.restore(fact);
    CHECK(third.step().has_value());
}
