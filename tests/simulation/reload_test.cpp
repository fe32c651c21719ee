#include "tests/simulation/two_hosts.hpp"

using namespace mxseal;
using namespace mxseal::scripted;
using namespace std::chrono_literals;

TEST_CASE("while the reload fails no switch is verified, although every handshake shows the new key, and the old record stays") {
    auto world = steady_world(31);
    const auto old = world->hosts[kHosts[1]].serving;
    world->faults.reload_fails = true;
    world->ask("roll", {kHosts[1]});
    REQUIRE(world->run_for(3min, [&] { return world->phase(kHosts[1]) == "halted"; }));
    CHECK_FALSE(world->log_has("switch.verified"));
    CHECK_FALSE(world->log_has("cleanup.started"));
    CHECK(world->hosts[kHosts[1]].file == old);
    const auto reason = *world->status_of(kHosts[1])["halted"]["reason"].as_string();
    CHECK(reason.find("the MTA did not take the new key") != std::string::npos);
    CHECK(reason.find("ended with exit code 1") != std::string::npos);
    world->faults.reload_fails = false;
    world->ask("resume", {kHosts[1]});
    REQUIRE(world->run_for(3min, [&] { return world->log_has("roll.finished") && world->phase(kHosts[1]) == "steady"; }));
    CHECK(world->hosts[kHosts[1]].serving != old);
    must_be_clean(*world);
}

TEST_CASE("a reload that fails once is tried again, and the roll goes on by itself") {
    auto world = steady_world(32);
    world->faults.reload_fails = true;
    world->ask("roll", {kHosts[1]});
    REQUIRE(world->run_for(1min, [&] { return world->log_has("action.failed"); }));
    CHECK_FALSE(world->log_has("switch.verified"));
    world->faults.reload_fails = false;
    REQUIRE(world->run_for(3min, [&] { return world->log_has("roll.finished") && world->phase(kHosts[1]) == "steady"; }));
    CHECK_FALSE(world->log_has("switch.failed"));
    must_be_clean(*world);
}
