#include "tests/simulation/two_hosts.hpp"

#include <fmt/format.h>

using namespace mxseal;
using namespace mxseal::scripted;
using namespace std::chrono_literals;

namespace {

Instant field(const agent::LogEntry& entry, const char* name) { return *parse_rfc3339(*entry.fields[name].as_string()); }

} // namespace

TEST_CASE("a host that serves a key of its file is adopted, published with a standby and becomes steady") {
    auto world = steady_world(1);
    must_be_clean(*world);
    CHECK(world->log("key.adopted").size() == 2);
    const Json status = world->status_of(kHosts[0]);
    CHECK(status["tlsa"]["records"].items().size() == 2);
    CHECK(status["keys"].items().size() == 2);
    CHECK(status["halted"].is_null());
}

TEST_CASE("a planned roll of both hosts switches one at a time, never early, and cleans up") {
    for (unsigned seed = 1; seed <= 20; ++seed) {
        auto world = steady_world(seed);
        const auto old = world->hosts[kHosts[0]].serving;
        world->ask("roll", kHosts);
        REQUIRE(world->run_for(3min, [&] { return world->log("roll.finished").size() == 2 && both_steady(*world); }));
        must_be_clean(*world);
        CHECK(world->hosts[kHosts[0]].serving != old);
        const auto started = world->log("switch.started");
        REQUIRE(started.size() == 2);
        // the sole best-preference host goes last, a stagger after the other.
        CHECK(started[0].host == kHosts[1]);
        CHECK(started[1].at - world->log("switch.verified")[0].at >= 3s);
        for (const auto& entry : started) CHECK(entry.at >= field(entry, "earliest_safe"));
    }
}

TEST_CASE("an emergency roll with a ready standby waits for no DNS and no stagger") {
    auto world = steady_world(7);
    const Instant asked = world->clock.wall();
    world->ask("roll", kHosts, true);
    REQUIRE(world->run_for(1min, [&] { return world->log("switch.verified").size() == 2; }));
    CHECK(world->clock.wall() - asked < 3s);
    REQUIRE(world->run_for(3min, [&] { return world->log("roll.finished").size() == 2 && both_steady(*world); }));
    must_be_clean(*world);
}

TEST_CASE("a roll asked for again does nothing") {
    auto world = steady_world(3);
    world->ask("roll", {kHosts[1]});
    world->ask("roll", {kHosts[1]});
    REQUIRE(world->run_for(3min, [&] { return world->log_has("switch.verified"); }));
    const Json again = world->ask("roll", {kHosts[1]});
    CHECK(again["replies"].items()[0]["text"].as_string().value_or("").find("under way already") != std::string::npos);
    CHECK_FALSE(again["replies"].items()[0]["refused"].as_bool().value());
    REQUIRE(world->run_for(3min, [&] { return both_steady(*world) && world->log_has("roll.finished"); }));
    world->run_for(1min, [] { return false; });
    CHECK(world->log("switch.started").size() == 1);
}

TEST_CASE("killed at any event of an emergency and a planned roll, the agent ends in the same state without a gap") {
    // The number of events until the end, without a kill.
    std::size_t from = 0, to = 0;
    {
        auto world = steady_world(5);
        from = world->events;
        world->ask("roll", {kHosts[1]});
        REQUIRE(world->run_for(3min, [&] { return world->log_has("roll.finished") && both_steady(*world); }));
        to = world->events;
    }
    for (std::size_t victim = from; victim < to; ++victim) {
        auto world = steady_world(5);
        const auto old = world->hosts[kHosts[1]].serving;
        world->ask("roll", {kHosts[1]});
        world->kill_here = [&](std::size_t event) { return event == victim; };
        const bool ended = world->run_for(5min, [&] { return world->log_has("roll.finished") && both_steady(*world); });
        INFO("killed at event " << victim);
        REQUIRE(ended);
        must_be_clean(*world);
        CHECK(world->hosts[kHosts[1]].serving != old);
        CHECK(world->status_of(kHosts[1])["tlsa"]["records"].items().size() == 2);
        CHECK(world->log("switch.started").size() == 1);
    }
}

TEST_CASE("killed again and again at random, the agent still finishes both rolls without a gap") {
    for (unsigned seed = 1; seed <= 15; ++seed) {
        auto world = std::make_unique<World>(small_config(kHosts), kHosts, seed);
        std::mt19937 random(seed);
        int kills = 0;
        world->kill_here = [&](std::size_t) { return kills < 25 && random() % 40 == 0 && ++kills > 0; };
        world->start_agent();
        REQUIRE(world->run_for(10min, [&] { return both_steady(*world); }));
        world->ask("roll", kHosts);
        const bool ended = world->run_for(10min, [&] { return world->log("roll.finished").size() == 2 && both_steady(*world); });
        INFO(story(*world));
        REQUIRE(ended);
        must_be_clean(*world);
    }
}

TEST_CASE("an MTA that ignores the reload gets its former pair back and the host halts with what to do") {
    auto world = steady_world(9);
    const auto old = world->hosts[kHosts[1]].serving;
    world->faults.reload_ignored = true;
    world->ask("roll", {kHosts[1]});
    REQUIRE(world->run_for(3min, [&] { return world->phase(kHosts[1]) == "halted"; }));
    CHECK(world->hosts[kHosts[1]].file == old);
    CHECK(world->status_of(kHosts[1])["halted"]["reason"].as_string()->find("resume") != std::string::npos);
    must_be_clean(*world);
    world->faults.reload_ignored = false;
    world->ask("resume", {kHosts[1]});
    REQUIRE(world->run_for(3min, [&] { return world->log_has("roll.finished") && both_steady(*world); }));
    CHECK(world->hosts[kHosts[1]].serving != old);
    must_be_clean(*world);
}

TEST_CASE("a rollback that an operator asks for serves the old key again, until the clean-up is decided") {
    auto world = steady_world(10);
    const auto old = world->hosts[kHosts[1]].serving;
    world->ask("roll", {kHosts[1]});
    REQUIRE(world->run_for(1min, [&] { return world->log_has("switch.verified"); }));
    CHECK_FALSE(world->ask("roll_back", {kHosts[1]})["replies"].items()[0]["refused"].as_bool().value());
    REQUIRE(world->run_for(1min, [&] { return world->log_has("roll.backed") && both_steady(*world); }));
    CHECK(world->hosts[kHosts[1]].serving == old);
    world->ask("roll", {kHosts[1]});
    REQUIRE(world->run_for(3min, [&] { return world->log_has("cleanup.started"); }));
    CHECK(world->ask("roll_back", {kHosts[1]})["replies"].items()[0]["refused"].as_bool().value());
    REQUIRE(world->run_for(3min, [&] { return world->log_has("roll.finished"); }));
    must_be_clean(*world);
}

TEST_CASE("a server that falls back to a version without the standby takes its readiness away, and the roll waits again") {
    auto world = std::make_unique<World>(small_config(kHosts), kHosts, 11u);
    world->start_agent();
    REQUIRE(world->run_for(3min, [&] { return world->phase(kHosts[1]) == "publishing" && world->log_has("tlsa.complete"); }));
    REQUIRE(world->run_for(3min, [&] { return both_steady(*world); }));
    const auto current = world->hosts[kHosts[1]].serving.front();
    world->faults.secondary_frozen = true;
    world->fall_back(kHosts[1], "192.0.2.2", dns::TlsaSet({rotation::record_of(current)}));
    REQUIRE(world->run_for(1min, [&] { return world->log_has("standby.lost"); }));
    world->ask("roll", {kHosts[1]});
    world->run_for(20s, [] { return false; });
    CHECK(world->log("switch.started").empty());
    world->faults.secondary_frozen = false;
    world->fall_back(kHosts[1], "192.0.2.2", world->hosts[kHosts[1]].servers["192.0.2.1"].records);
    REQUIRE(world->run_for(3min, [&] { return world->log_has("switch.started"); }));
    // W1 anew: complete again + TTL 8 s (the resolvers' floor) + 2 s + 4 s.
    const auto entry = world->log("switch.started").front();
    CHECK(entry.at >= field(entry, "ready_at"));
    CHECK(entry.at - field(entry, "ready_at") <= 3s);
    REQUIRE(world->run_for(3min, [&] { return world->log_has("roll.finished"); }));
    must_be_clean(*world);
}

TEST_CASE("an update whose answer is lost is looked up in the world, not sent twice with harm") {
    auto world = std::make_unique<World>(small_config(kHosts), kHosts, 12u);
    world->faults.primary_drops_answers = true;
    world->start_agent();
    REQUIRE(world->run_for(5min, [&] { return both_steady(*world); }));
    world->ask("roll", kHosts);
    REQUIRE(world->run_for(5min, [&] { return world->log("roll.finished").size() == 2 && both_steady(*world); }));
    must_be_clean(*world);
}

TEST_CASE("a provider that says yes and does nothing is seen through, and tried again later") {
    auto world = std::make_unique<World>(small_config(kHosts), kHosts, 13u);
    world->faults.primary_lies = true;
    world->start_agent();
    REQUIRE(world->run_for(2min, [&] { return world->log_has("action.failed"); }));
    CHECK_FALSE(world->log_has("tlsa.repair"));
    world->faults.primary_lies = false;
    REQUIRE(world->run_for(5min, [&] { return both_steady(*world); }));
    must_be_clean(*world);
}

TEST_CASE("an unsigned or bogus zone gets no TLSA") {
    for (auto security : {rotation::tlsa::Security::insecure, rotation::tlsa::Security::bogus}) {
        auto world = std::make_unique<World>(small_config(kHosts), kHosts, 14u);
        world->faults.addresses = security;
        world->start_agent();
        REQUIRE(world->run_for(1min, [&] { return world->phase(kHosts[0]) == "halted"; }));
        world->run_for(2min, [] { return false; });
        CHECK(world->hosts[kHosts[0]].servers["192.0.2.1"].records.empty());
        world->faults.addresses = rotation::tlsa::Security::secure;
        REQUIRE(world->run_for(5min, [&] { return both_steady(*world); }));
    }
}

TEST_CASE("no switch and no first record before the clock was compared with an authenticated one") {
    auto world = std::make_unique<World>(small_config(kHosts), kHosts, 15u);
    world->faults.clock_unknown = true;
    world->start_agent();
    world->run_for(1min, [] { return false; });
    CHECK(world->hosts[kHosts[0]].servers["192.0.2.1"].records.empty());
    world->faults.clock_unknown = false;
    REQUIRE(world->run_for(5min, [&] { return both_steady(*world); }));
    must_be_clean(*world);
}

TEST_CASE("a wall clock that steps forward shortens no wait, one that steps back neither") {
    for (auto step : {Duration{10min}, Duration{-10min}}) {
        auto world = std::make_unique<World>(small_config(kHosts), kHosts, 16u);
        world->start_agent();
        REQUIRE(world->run_for(3min, [&] { return world->log("tlsa.complete").size() == 2; }));
        world->ask("roll", kHosts);
        world->clock.step_wall(step);
        world->run_for(30s, [] { return false; });
        // The clock is ten minutes off the authenticated one: nothing moves.
        CHECK(world->log("switch.started").empty());
        world->clock.step_wall(-step);
        REQUIRE(world->run_for(1h, [&] { return world->log("roll.finished").size() == 2; }));
        must_be_clean(*world);
    }
}

TEST_CASE("after a wall clock that ran ahead is put right, looks do not wait for as long as it was ahead") {
    auto world = steady_world(16);
    world->clock.step_wall(10h);
    world->run_for(1min, [] { return false; });
    world->clock.step_wall(-10h);
    world->hosts[kHosts[1]].serving = {world->make_key()};
    CHECK(world->run_for(2min, [&] { return world->log_has("wire.foreign_key"); }));
}

TEST_CASE("a foreign key on the wire is replaced by the one in the TLSA RRset") {
    auto world = steady_world(17);
    world->hosts[kHosts[1]].serving = {world->make_key()};
    const auto current = world->hosts[kHosts[1]].file;
    REQUIRE(world->run_for(1min, [&] { return world->log_has("wire.foreign_key"); }));
    REQUIRE(world->run_for(1min, [&] { return world->hosts[kHosts[1]].serving == current; }));
}

TEST_CASE("a clean-up takes no record away while the served key's own is gone") {
    auto world = steady_world(19);
    world->ask("roll", {kHosts[1]});
    REQUIRE(world->run_for(30min, [&] { return world->log_has("cleanup.started"); }));
    world->kill_agent();
    // What was sent is made or not; somebody puts the old record back and takes the served key's away. Without the time only the clean-up may write.
    auto& host = world->hosts[kHosts[1]];
    const auto served = rotation::record_of(host.file.front());
    const auto from = rotation::SpkiHash::from_hex(world->log("cleanup.started").front().fields["from"].as_string().value_or(""));
    REQUIRE(from.has_value());
    const auto kept = host.servers["192.0.2.1"].records.without(dns::TlsaSet({served})).with(dns::TlsaSet({rotation::record_of(*from)}));
    world->edit_zone(kHosts[1], kept, Ttl{60});
    world->faults.clock_unknown = true;
    world->start_agent();
    world->run_for(2min, [] { return false; });
    CHECK(host.servers["192.0.2.1"].records.contains(rotation::record_of(*from)));
    world->faults.clock_unknown = false;
    REQUIRE(world->run_for(30min, [&] { return world->log_has("roll.finished"); }));
    CHECK(host.servers["192.0.2.1"].records.contains(served));
    CHECK_FALSE(host.servers["192.0.2.1"].records.contains(rotation::record_of(*from)));
}

TEST_CASE("a state from a backup does not put the former pair back over a key of its own that is served already") {
    agent::Config config = small_config(kHosts);
    config.timing.unseen_ttl = 100s;
    auto world = steady_world(20, config);
    auto& host = world->hosts[kHosts[1]];
    const auto former = host.serving;
    REQUIRE(world->run_for(3min, [&] { return world->log_has("standby.ready"); }));
    const auto backup = world->database->backup();
    world->ask("roll", {kHosts[1]});
    REQUIRE(world->run_for(3min, [&] { return world->log_has("roll.finished") && both_steady(*world); }));
    const auto served = host.serving;
    world->kill_agent();
    // Caches hold the version that is replaced now, and not one of them tells the restored state of it.
    world->edit_zone(kHosts[1], host.servers["192.0.2.1"].records.without(dns::TlsaSet({rotation::record_of(served.front())})), Ttl{60});
    world->database->restore(backup);
    const Instant started = world->clock.wall();
    world->start_agent();
    REQUIRE(world->run_for(1h, [&] { return host.serving == former; }));
    CHECK(world->clock.wall() - started >= 100s);
    REQUIRE(world->run_for(10min, [&] { return both_steady(*world); }));
}

TEST_CASE("a full disk under the MTA's file leaves the old pair served and is said with a time to try again") {
    auto world = steady_world(18);
    world->faults.deploy_fails = true;
    world->ask("roll", {kHosts[1]});
    REQUIRE(world->run_for(1min, [&] { return world->log_has("action.failed"); }));
    CHECK(world->status_of(kHosts[1])["reason"].as_string()->find("no space left") != std::string::npos);
    world->faults.deploy_fails = false;
    REQUIRE(world->run_for(5min, [&] { return world->log_has("roll.finished") || world->phase(kHosts[1]) == "halted"; }));
    must_be_clean(*world);
}

TEST_CASE("a store that cannot be written lets nothing begin") {
    auto world = steady_world(19);
    const auto old = world->hosts[kHosts[1]].serving;
    world->database->fail_every(1);
    const Json answer = world->ask("roll", {kHosts[1]});
    CHECK(answer["replies"].items()[0]["refused"].as_bool().value());
    world->run_for(30s, [] { return false; });
    CHECK(world->hosts[kHosts[1]].serving == old);
    world->database->fail_every(0);
    world->run_for(10s, [] { return false; });
    world->ask("roll", {kHosts[1]});
    REQUIRE(world->run_for(3min, [&] { return world->log_has("roll.finished"); }));
    must_be_clean(*world);
}

TEST_CASE("one write of the store in five failing, both rolls still finish without a gap") {
    auto world = std::make_unique<World>(small_config(kHosts), kHosts, 20u);
    std::mt19937 random(20);
    world->start_agent();
    world->database->on_write([&](std::string_view) {
        const auto draw = random() % 10;
        return draw == 0 ? agent::WriteFate::fails : draw == 1 ? agent::WriteFate::written_but_fails : agent::WriteFate::carried_out;
    });
    REQUIRE(world->run_for(30min, [&] { return both_steady(*world); }));
    for (int tries = 0; tries < 10 && !world->log_has("roll.requested"); ++tries) {
        world->ask("roll", {kHosts[1]});
        world->run_for(6s, [] { return false; });
    }
    REQUIRE(world->run_for(30min, [&] { return world->log_has("roll.finished"); }));
    must_be_clean(*world);
}
