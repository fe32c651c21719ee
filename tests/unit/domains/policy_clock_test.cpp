// A clock that ran ahead and is put right: nothing sleeps for as long as it was ahead.
#include "tests/unit/domains/policy_scenes.hpp"

using namespace mxseal;
using namespace mxseal::agent;
using namespace mxseal::agent::tests;
using namespace std::chrono_literals;

TEST_CASE("a clock that was ahead and is set back keeps no body from being announced", "[domains][policies]") {
    Scene scene("at_once");
    scene.world.second_replica_follows = false;
    scene.world.clock.step(1000h);
    scene.world.run(1h);
    REQUIRE(scene.model().story == Story{"serve enforce"});
    scene.world.clock.step(-1000h);
    scene.world.second_replica_follows = true;
    scene.world.run(3h);
    REQUIRE(scene.model().story.size() == 3);
    CHECK(scene.model().story.back() == "txt id");
}

TEST_CASE("a store that refused while the clock was ahead is tried again when it is put right", "[domains][policies]") {
    Scene scene("at_once");
    scene.world.clock.step(1000h);
    scene.world.database->on_write([](std::string_view call) { return call == "commit" ? WriteFate::fails : WriteFate::carried_out; });
    scene.world.run(1min);
    REQUIRE_FALSE(scene.world.keeper->store_trouble().empty());
    scene.world.database->on_write({});
    scene.world.clock.step(-1000h);
    scene.world.run(1h);
    CHECK(scene.model().story == Story{"serve enforce", "txt id"});
}

TEST_CASE("an MX host is looked at again within the hour after a clock that was ahead is put right", "[domains][policies]") {
    Scene scene;
    scene.world.run(3h);
    scene.world.clock.step(1000h);
    scene.world.run(3h);
    scene.world.host_troubles["mx1.example.org"] = "its certificate has expired";
    scene.world.clock.step(-1000h);
    scene.world.run(90min);
    CHECK(scene.world.reason(kDomain).find("its certificate has expired") != std::string::npos);
}

TEST_CASE("a write that failed while the clock was ahead is tried again when it is put right", "[domains][policies]") {
    Scene scene("at_once");
    scene.world.clock.step(1000h);
    scene.world.write_fails = true;
    scene.world.run(3h);
    REQUIRE(scene.model().story == Story{"serve enforce"});
    scene.world.write_fails = false;
    scene.world.clock.step(-1000h);
    scene.world.run(3h);
    CHECK(scene.model().story.back() == "txt id");
}
