// What the store has: kills, refused writes, and the clock between two processes.
#include "tests/unit/domains/policy_scenes.hpp"

#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>

using namespace mxseal;
using namespace mxseal::agent;
using namespace mxseal::agent::tests;
using namespace std::chrono_literals;

TEST_CASE("what arrives in one turn is stored together by the tick after it", "[domains][policies]") {
    Scene scene("at_once");
    scene.world.keeper->tick();
    rotation::mta_sts::RrsetObservation mx;
    mx.servers.push_back({"ns0", "192.0.2.0", true, {"10 mx1.example.org"}, Ttl{3600}, {}});
    mx.primary = mx.servers.front().values;
    const Instant now = scene.world.clock.now;
    scene.world.keeper->arrived(DnsLook{kDomain, {now, now, {}, {}, mx, {}}});
    const auto is_stored = [&] { return scene.world.store->load_policy(kDomain)->has_value(); };
    CHECK_FALSE(is_stored());
    CHECK(scene.world.keeper->next_due() == now);
    scene.world.keeper->tick();
    CHECK(is_stored());
}

TEST_CASE("killed at any write, the next process goes on in the same order", "[domains][policies]") {
    for (int at = 1; at < 60; ++at) {
        Scene scene("at_once");
        int count = 0;
        scene.world.database->on_write([&](std::string_view call) { return call == "commit" && ++count == at ? WriteFate::fails : WriteFate::carried_out; });
        for (int restarts = 0; restarts < 2; ++restarts) {
            scene.world.run(restarts == 0 ? Duration(std::chrono::minutes(at)) : Duration(12h));
            scene.world.database->crash();
            scene.world.start();
        }
        scene.world.run(12h);
        CAPTURE(at);
        REQUIRE(scene.model().story.size() >= 2);
        // Whatever was served, an id never stood before its body, and no id was given twice to different bodies.
        CHECK(scene.model().story.front() == "serve enforce");
        CHECK(scene.model().txt[0].size() == 1);
        CHECK(scene.world.report(kDomain)["txt_live"].as_bool() == true);
        CHECK(std::count(scene.model().story.begin(), scene.model().story.end(), "txt id") <= 2);
    }
}

TEST_CASE("nothing begins that could not be stored", "[domains][policies]") {
    Scene scene("at_once");
    scene.world.database->on_write([](std::string_view call) { return call == "commit" ? WriteFate::fails : WriteFate::carried_out; });
    scene.world.run(1h);
    CHECK(scene.model().story.empty());
    CHECK_FALSE(scene.world.keeper->store_trouble().empty());
    scene.world.database->on_write({});
    scene.world.run(1h);
    CHECK(scene.model().story == Story{"serve enforce", "txt id"});
}

TEST_CASE("a clock that steps forward ends no wait", "[domains][policies]") {
    Scene scene("at_once");
    scene.world.run(5 * 24h);
    scene.command("add", {"mx2.example.org"});
    scene.world.run(2h);
    scene.world.clock.step(100h);
    scene.world.run(24h);
    CHECK(scene.model().mx.front().size() == 1);
    scene.world.run(4 * 24h);
    CHECK(scene.model().mx.front().size() == 2);
}

TEST_CASE("a profile that changed while the agent was away is taken up at once, one that did not within the hour", "[domains][policies]") {
    Scene scene("testing");
    scene.world.run(3 * 24h);
    scene.world.start();
    const auto looks = scene.world.looks;
    scene.world.run(1min);
    CHECK(scene.world.looks == looks);
    scene.world.run(1h);
    CHECK(scene.world.looks > looks);
    scene.settings.max_age = std::chrono::seconds(43'200);
    scene.world.start();
    scene.world.run(1min);
    CHECK(scene.model().story == Story{"serve testing", "txt id", "serve testing"});
}

TEST_CASE("a clock that stepped forward while no agent ran ends no wait and lets nothing be forgotten", "[domains][policies]") {
    Scene scene("at_once");
    scene.world.run(5 * 24h);
    scene.command("add", {"mx2.example.org"});
    scene.world.run(2h);
    scene.world.clock.step(400h); // longer than any wait, and than max_age
    scene.world.start();
    scene.world.run(24h);
    CHECK(scene.model().mx.front().size() == 1);
    scene.world.run(4 * 24h);
    CHECK(scene.model().mx.front().size() == 2);
}

TEST_CASE("an end of the process while domains are told of a step of the clock: those that were not hear of it from the next one", "[domains][policies]") {
    PolicyScene world(kText);
    const PolicySettings settings = *settings_of(world.config, "at_once"), none = *settings_of(world.config, "none");
    std::vector<std::string> names;
    for (int i = 0; i < 600; ++i) { // more than are told in one tick
        names.push_back(fmt::format("customer{:03}.example", i));
        world.domains[names.back()].mx = {{"10 mx1.example.org"}, {"10 mx1.example.org"}};
        world.wanted[names.back()] = &none;
    }
    for (const char* name : {"a.example.org", "z.example.org"}) {
        world.domains[name].mx = {{"10 mx1.example.org"}, {"10 mx1.example.org"}};
        world.wanted[name] = &settings;
    }
    world.start();
    world.run(3 * 24h);
    for (const char* name : {"a.example.org", "z.example.org"}) {
        Json hosts = Json::array();
        hosts.push("mx2.example.org");
        REQUIRE(world.keeper->request(Json::object({{"command", "mx"}, {"change", "add"}, {"domain", name}, {"hosts", std::move(hosts)}})).ok());
    }
    world.run(2h);
    world.clock.step(400h);
    world.keeper->tick();
    world.database->crash();
    world.start();
    world.run(24h);
    CHECK(world.domains["a.example.org"].mx.front().size() == 1);
    CHECK(world.domains["z.example.org"].mx.front().size() == 1);
    world.run(5 * 24h); // and whoever heard of it before hears it once
    CHECK(world.domains["a.example.org"].mx.front().size() == 2);
    CHECK(world.domains["z.example.org"].mx.front().size() == 2);
}

namespace {

void want_another_host(Scene& scene) {
    scene.world.run(5 * 24h);
    scene.command("add", {"mx2.example.org"});
    scene.world.run(2h);
}

// How long after that the MX RRset is written, to a second.
Duration time_of_the_write() {
    Duration passed{0};
    for (const Duration step : {Duration(1h), Duration(1s)}) {
        Scene scene("at_once");
        want_another_host(scene);
        scene.world.run(passed);
        for (int steps = 0; steps < 20 * 24 + 3600; ++steps) {
            scene.world.run(step);
            if (scene.model().mx.front().size() > 1) break;
            passed += step;
        }
    }
    return passed;
}

// Which commit after that moment has the intent to write it.
int commit_of_the_write(Duration moment) {
    Scene scene("at_once");
    want_another_host(scene);
    scene.world.run(moment);
    int commits = 0, of_the_write = 0;
    scene.world.database->on_write([&](std::string_view call) {
        commits += call == "commit";
        return WriteFate::carried_out;
    });
    scene.world.on_mx_write = [&] { of_the_write = commits; };
    scene.world.run(1min);
    REQUIRE(of_the_write > 0);
    return of_the_write;
}

} // namespace

TEST_CASE("what was decided while the store refused is decided anew by fresh looks when it takes writes again", "[domains][policies]") {
    const Duration moment = time_of_the_write();
    const int refused = commit_of_the_write(moment);
    for (const WriteFate fate : {WriteFate::fails, WriteFate::written_but_fails}) {
        Scene scene("at_once");
        want_another_host(scene);
        scene.world.run(moment);
        CAPTURE(int(fate));
        const auto newest = scene.model().txt[1];
        int commits = 0;
        scene.world.database->on_write([&](std::string_view call) { return call == "commit" && ++commits >= refused ? fate : WriteFate::carried_out; });
        scene.world.run(1h);
        CHECK(scene.model().mx.front().size() == 1);
        CHECK_FALSE(scene.world.keeper->store_trouble().empty());
        CHECK(scene.world.reason(kDomain).find("store") != std::string::npos);
        scene.model().txt[1] = {"v=STSv1; id=anolderone1;"}; // a name server fell back meanwhile
        scene.world.database->on_write({});
        scene.world.run(6h);
        CHECK(scene.model().mx.front().size() == 1);
        CHECK(scene.world.keeper->store_trouble().empty());
        scene.model().txt[1] = newest;
        scene.world.run(10 * 24h);
        CHECK(scene.model().mx.front().size() == 2);
        CHECK(scene.world.keeper->is_at_rest(kDomain));
    }
}

TEST_CASE("a command that could not be stored changes nothing, also not later", "[domains][policies]") {
    Scene scene("at_once");
    scene.world.run(5 * 24h);
    scene.world.database->on_write([](std::string_view call) { return call == "commit" ? WriteFate::fails : WriteFate::carried_out; });
    Json hosts = Json::array();
    hosts.push("mx2.example.org");
    const Json body = Json::object({{"command", "mx"}, {"change", "add"}, {"domain", kDomain}, {"hosts", std::move(hosts)}});
    for (int i = 0; i < 2; ++i) {
        auto answer = scene.world.keeper->request(body);
        REQUIRE_FALSE(answer.ok());
        CHECK(answer.error().to_string().find("nothing") != std::string::npos);
    }
    scene.world.database->on_write({});
    scene.world.run(20 * 24h);
    CHECK(scene.model().mx.front().size() == 1);
    CHECK(scene.world.report(kDomain)["mx_goal"].is_null());
    scene.command("add", {"mx2.example.org"});
    scene.world.run(20 * 24h);
    CHECK(scene.model().mx.front().size() == 2);
}

TEST_CASE("an address that left the endpoint's set keeps an id waiting until no resolver can hold it, also over the end of a process", "[domains][policies]") {
    Scene scene("at_once");
    scene.world.run(2 * 24h);
    scene.model().departed.insert(1);
    scene.world.run(2h); // a look that finds it gone
    scene.world.second_replica_follows = false;
    scene.settings.max_age = std::chrono::seconds(2 * 604'800);
    scene.world.want(kDomain, scene.settings);
    scene.world.run(1h);
    scene.world.database->crash();
    scene.world.start();
    scene.world.run(20h);
    const auto ids = [&] { return std::count(scene.model().story.begin(), scene.model().story.end(), "txt id"); };
    CHECK(ids() == 1);
    CHECK(scene.world.reason(kDomain).find("198.51.100.1, which left the address set") != std::string::npos);
    scene.world.run(3h); // unseen_ttl after it was found gone
    CHECK(ids() == 2);
}

TEST_CASE("an address that leaves its set right before a change is fetched from before the change is announced", "[domains][policies]") {
    Scene scene("at_once");
    scene.world.run(2 * 24h);
    scene.world.second_replica_follows = false;
    scene.settings.max_age = std::chrono::seconds(2 * 604'800);
    scene.model().departed.insert(1);
    scene.world.want(kDomain, scene.settings);
    scene.world.run(20h);
    CHECK(std::count(scene.model().story.begin(), scene.model().story.end(), "txt id") == 1);
    scene.world.run(8h); // unseen_ttl and the margin
    CHECK(std::count(scene.model().story.begin(), scene.model().story.end(), "txt id") == 2);
}
