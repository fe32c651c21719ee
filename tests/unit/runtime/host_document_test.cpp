#include "agent/runtime/host_document.hpp"
#include "tests/simulation/scripted_world.hpp"

#include <catch2/catch.hpp>

using namespace mxseal;
using namespace std::chrono_literals;

TEST_CASE("a host's state survives the way to the store and back at every moment of a roll") {
    const std::string host = "mx1.example.org";
    scripted::World world(scripted::small_config({host}), {host}, 4u);
    world.start_agent();
    int compared = 0;
    for (int second = 0; second < 90; ++second) {
        if (second == 40) world.ask("roll", {host});
        world.run_for(1s, [] { return false; });
        auto stored = world.store->load_host(host);
        REQUIRE(stored.ok());
        if (!*stored) continue;
        auto state = agent::from_document(**stored);
        REQUIRE(state.ok());
        CHECK(agent::to_document(*state) == (*stored)->dump());
        ++compared;
    }
    CHECK(compared > 80);
    CHECK(world.log_has("roll.finished"));
}

TEST_CASE("a document that does not fit names the field") {
    auto missing = agent::from_document(*Json::parse(R"({"version": 1, "ledgers": []})"));
    REQUIRE_FALSE(missing.ok());
    CHECK(missing.error().message().find("'keys'") != std::string::npos);
    CHECK_FALSE(agent::from_document(*Json::parse(R"({"version": 99})")).ok());
}
