// Pairs that an ACME client's hook brings, through the real Runtime: never served before every cache holds their TLSA, whatever the client
// does when, and whoever is killed.
#include "tests/simulation/two_hosts.hpp"

using namespace mxseal;
using namespace mxseal::scripted;
using namespace std::chrono_literals;
using rotation::SpkiHash;

namespace {

std::unique_ptr<World> external_world(unsigned seed) { return steady_world(seed, external_config(agent::KeyMaker::client)); }

bool serves(World& world, const std::string& host, const SpkiHash& key) { return world.hosts[host].serving == std::vector{key}; }

// Served alone, its predecessor's record gone.
bool settled_on(World& world, const std::string& host, const SpkiHash& key) {
    return serves(world, host, key) && both_steady(world) && world.status_of(host)["tlsa"]["records"].items().size() == 1;
}

bool stays(World& world, Duration length, const std::string& host, const SpkiHash& key) {
    return !world.run_for(length, [&] { return !serves(world, host, key); });
}

} // namespace

TEST_CASE("a host whose client makes the keys is steady with the one key that it serves") {
    auto world = external_world(1);
    must_be_clean(*world);
    const Json status = world->status_of(kHost);
    CHECK(status["tlsa"]["records"].items().size() == 1);
    CHECK(status["keys"].items().size() == 1);
    CHECK(world->log("key.generated").empty());
}

TEST_CASE("a certificate that renews the served key is deployed at once, and no record changes") {
    auto world = external_world(2);
    const SpkiHash key = world->hosts[kHost].serving.front();
    const auto written = world->log("tlsa.written").size();
    const auto brought = world->bring(kHost, key, 1);
    CHECK(brought.stored);
    CHECK_FALSE(brought.refused);
    REQUIRE(world->run_for(30s, [&] { return world->hosts[kHost].serials[key] == 1 && both_steady(*world); }));
    CHECK(world->log("tlsa.written").size() == written);
    must_be_clean(*world);
}

TEST_CASE("a new key is served only when every cache holds its record, and the old record goes after that") {
    for (unsigned seed = 1; seed <= 20; ++seed) {
        auto world = external_world(seed);
        const SpkiHash fresh = world->make_key();
        CHECK(world->bring(kHost, fresh).stored);
        const bool ended = world->run_for(5min, [&] { return settled_on(*world, kHost, fresh); });
        INFO(story(*world));
        REQUIRE(ended);
        must_be_clean(*world);
        const auto started = world->log("switch.started");
        REQUIRE(started.size() == 1);
        // W1 observed: TTL floor 8s, margin 2s, stale 4s after the last server answered with the new record.
        CHECK(started.front().at >= *parse_rfc3339(*started.front().fields["ready_at"].as_string()));
        CHECK(started.front().at - world->log("pair.brought").front().at >= 14s);
        CHECK(world->log("roll.finished").size() == 1);
    }
}

TEST_CASE("a certificate that several hosts share is taken by each, and they switch a stagger apart") {
    auto world = external_world(4);
    const SpkiHash fresh = world->make_key();
    world->bring(kHosts[0], fresh);
    world->bring(kHosts[1], fresh);
    const bool ended = world->run_for(5min, [&] { return settled_on(*world, kHosts[0], fresh) && settled_on(*world, kHosts[1], fresh); });
    INFO(story(*world));
    REQUIRE(ended);
    must_be_clean(*world);
    const auto started = world->log("switch.started");
    REQUIRE(started.size() == 2);
    CHECK(started[0].host == kHosts[1]); // the sole best preference last
    CHECK(started[1].at - world->log("switch.verified")[0].at >= 3s);
}

TEST_CASE("killed at any event between the hook and the end, the new key is served once and without a gap") {
    std::size_t from = 0, to = 0;
    {
        auto world = external_world(5);
        from = world->events;
        const SpkiHash fresh = world->make_key();
        world->bring(kHost, fresh);
        REQUIRE(world->run_for(5min, [&] { return settled_on(*world, kHost, fresh); }));
        to = world->events;
    }
    REQUIRE(to > from + 20);
    for (std::size_t victim = from; victim < to; ++victim) {
        auto world = external_world(5);
        const SpkiHash fresh = world->make_key();
        world->bring(kHost, fresh);
        world->kill_here = [&](std::size_t event) { return event == victim; };
        const bool ended = world->run_for(5min, [&] { return settled_on(*world, kHost, fresh); });
        INFO("killed at event " << victim << "\n" << story(*world));
        REQUIRE(ended);
        must_be_clean(*world);
        CHECK(world->log("switch.started").size() == 1);
    }
}

TEST_CASE("whichever write of the store fails or is the last of its process, the pair is not lost and ends in service") {
    std::size_t writes = 0;
    {
        auto world = external_world(6);
        const auto before = world->database->writes();
        const SpkiHash fresh = world->make_key();
        world->bring(kHost, fresh);
        REQUIRE(world->run_for(5min, [&] { return settled_on(*world, kHost, fresh); }));
        writes = world->database->writes() - before;
    }
    REQUIRE(writes > 5);
    for (const auto fate : {agent::WriteFate::fails, agent::WriteFate::written_but_fails})
        for (std::size_t victim = 0; victim < writes; ++victim) {
            auto world = external_world(6);
            std::size_t number = 0;
            bool die = false;
            world->database->on_write([&](std::string_view) {
                if (number++ != victim) return agent::WriteFate::carried_out;
                die = true;
                return fate;
            });
            world->kill_here = [&](std::size_t) { return std::exchange(die, false); };
            const SpkiHash fresh = world->make_key();
            world->bring(kHost, fresh);
            const bool ended = world->run_for(5min, [&] { return settled_on(*world, kHost, fresh); });
            INFO("write " << victim << "\n" << story(*world));
            REQUIRE(ended);
            must_be_clean(*world);
        }
}

TEST_CASE("what comes while no agent runs is taken by the next one") {
    auto world = external_world(7);
    world->kill_agent();
    const SpkiHash fresh = world->make_key();
    CHECK_FALSE(world->bring(kHost, fresh).stored);
    world->run_for(20s, [] { return false; });
    world->start_agent();
    REQUIRE(world->run_for(5min, [&] { return settled_on(*world, kHost, fresh); }));
    must_be_clean(*world);
}

TEST_CASE("the same certificate once more, and an older one, change nothing and are no error") {
    auto world = external_world(8);
    const SpkiHash key = world->hosts[kHost].serving.front();
    world->bring(kHost, key, 2);
    REQUIRE(world->run_for(30s, [&] { return world->hosts[kHost].serials[key] == 2 && both_steady(*world); }));
    const auto again = world->bring(kHost, key, 2);
    CHECK_FALSE(again.refused);
    CHECK(again.text.find("is here already") != std::string::npos);
    const auto older = world->bring(kHost, key, 1, 20h);
    CHECK_FALSE(older.refused);
    CHECK(older.text.find("is older than") != std::string::npos);
    world->run_for(30s, [] { return false; });
    CHECK(world->hosts[kHost].serials[key] == 2);
    CHECK(world->log("pair.brought").size() == 1);
}

TEST_CASE("a newer key that comes before the first one is published takes its place, and no record stays behind") {
    auto world = external_world(9);
    const SpkiHash old = world->hosts[kHost].serving.front(), first = world->make_key(), second = world->make_key();
    world->bring(kHost, first);
    world->run_for(2s, [] { return false; });
    world->bring(kHost, second);
    CHECK(serves(*world, kHost, old));
    const bool ended = world->run_for(5min, [&] { return settled_on(*world, kHost, second); });
    INFO(story(*world));
    REQUIRE(ended);
    must_be_clean(*world);
    CHECK(world->log("switch.started").size() == 1);
    CHECK(world->log("pair.superseded").size() == 1);
}

TEST_CASE("a client that renews faster than caches forget still gets its keys into service, one after the other") {
    auto world = external_world(10);
    std::set<SpkiHash> served;
    SpkiHash last;
    for (int renewal = 0; renewal < 12; ++renewal) {
        last = world->make_key();
        world->bring(kHost, last);
        world->run_for(7s, [] { return false; });
        served.insert(world->hosts[kHost].serving.front());
    }
    CHECK(served.size() >= 3);
    const bool ended = world->run_for(5min, [&] { return settled_on(*world, kHost, last); });
    INFO(story(*world));
    REQUIRE(ended);
    must_be_clean(*world);
}

TEST_CASE("a key that was retired, or given up before it was served, never comes back") {
    auto world = external_world(11);
    const SpkiHash old = world->hosts[kHost].serving.front(), skipped = world->make_key(), fresh = world->make_key();
    world->bring(kHost, skipped);
    world->bring(kHost, fresh);
    REQUIRE(world->run_for(5min, [&] { return settled_on(*world, kHost, fresh); }));
    for (const SpkiHash& key : {old, skipped}) {
        const auto refused = world->bring(kHost, key, 5);
        CHECK(refused.refused);
        CHECK(refused.text.find("never comes back") != std::string::npos);
    }
    CHECK(stays(*world, 1min, kHost, fresh));
    must_be_clean(*world);
}

TEST_CASE("an expired pair, one for another name and one for another key are refused with the reason") {
    auto world = external_world(12);
    rotation::tlsa::Key pair;
    pair.spki = world->make_key();
    const auto refusal = [&](auto change) {
        pair.chain = world->chain_of(pair.spki, 1);
        change(*pair.chain);
        const auto brought = world->agent().bring(kHost, pair, [] { return done(); });
        CHECK(brought.refused);
        return brought.text;
    };
    CHECK(refusal([&](auto& chain) { chain.not_after = world->clock.wall(); }).find("has expired") != std::string::npos);
    CHECK(refusal([](auto& chain) { chain.names_host = false; }).find("does not name " + kHost) != std::string::npos);
    CHECK(refusal([&](auto& chain) { chain.key = world->make_key(); }).find("is not for the key") != std::string::npos);
    CHECK(world->status_of(kHost)["keys"].items().size() == 1);
}

TEST_CASE("a roll that an operator takes back stays back until the client renews that key or brings another") {
    auto world = external_world(13);
    const SpkiHash old = world->hosts[kHost].serving.front(), fresh = world->make_key();
    world->bring(kHost, fresh);
    REQUIRE(world->run_for(3min, [&] { return world->log_has("switch.verified"); }));
    world->ask("roll_back", {kHost});
    REQUIRE(world->run_for(1min, [&] { return world->log_has("roll.backed") && serves(*world, kHost, old); }));
    CHECK(stays(*world, 1min, kHost, old));
    world->bring(kHost, fresh, 2);
    REQUIRE(world->run_for(5min, [&] { return settled_on(*world, kHost, fresh); }));
    must_be_clean(*world);
}

TEST_CASE("a halted host takes renewals of its key, and a new key when it may move again") {
    auto world = external_world(14);
    const SpkiHash old = world->hosts[kHost].serving.front(), fresh = world->make_key();
    world->ask("halt", {kHost});
    world->bring(kHost, old, 1);
    REQUIRE(world->run_for(30s, [&] { return world->hosts[kHost].serials[old] == 1; }));
    world->bring(kHost, fresh);
    CHECK(stays(*world, 1min, kHost, old));
    world->ask("resume", {kHost});
    REQUIRE(world->run_for(5min, [&] { return settled_on(*world, kHost, fresh); }));
    must_be_clean(*world);
}

TEST_CASE("a certificate that nobody renews is called overdue once, and once more when it has expired") {
    auto world = external_world(15);
    const SpkiHash old = world->hosts[kHost].serving.front();
    rotation::tlsa::Key pair;
    pair.spki = old;
    pair.chain = world->chain_of(old, 1);
    pair.chain->not_after = world->clock.wall() + 10min;
    pair.chain->not_before = world->clock.wall() - 10min;
    REQUIRE(world->agent().bring(kHost, pair, [] { return done(); }).stored);
    world->faults.deploy_fails = true; // what the simulated deployment would make of the chain is a longer one
    const auto of_host = [&](const char* event) {
        std::size_t count = 0;
        for (const auto& entry : world->log(event)) count += entry.host == kHost ? 1 : 0;
        return count;
    };
    REQUIRE(world->run_for(8min, [&] { return of_host("certificate.overdue") == 1; }));
    CHECK(world->clock.wall() >= pair.chain->not_after - 5min);
    REQUIRE(world->run_for(8min, [&] { return of_host("certificate.expired") == 1; }));
    world->run_for(2min, [] { return false; });
    CHECK(of_host("certificate.overdue") == 1);
    CHECK(of_host("certificate.expired") == 1);
}

TEST_CASE("a host served from the client's own folder is adopted with the pair that the hook brings, and its file is written") {
    auto world = std::make_unique<World>(external_config(agent::KeyMaker::client), kHosts, 16u);
    const SpkiHash served = world->hosts[kHost].serving.front();
    world->hosts[kHost].file.clear(); // the MTA reads elsewhere
    world->edit_zone(kHost, dns::TlsaSet({rotation::record_of(served)}), Ttl{5}); // what the operator had published before
    world->start_agent();
    world->run_for(20s, [] { return false; });
    CHECK_FALSE(world->status_of(kHost)["tlsa"].is_null());
    CHECK(world->log("key.adopted").size() == 1);
    CHECK(world->bring(kHost, served, 0).stored);
    REQUIRE(world->run_for(3min, [&] { return both_steady(*world); }));
    CHECK(world->hosts[kHost].file == std::vector{served});
    must_be_clean(*world);
}
