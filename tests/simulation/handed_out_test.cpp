// `external: {keys: mxseal}`: mxseal makes the keys, and the client only gets certificates for those that it is handed.
#include "tests/simulation/two_hosts.hpp"

using namespace mxseal;
using namespace mxseal::scripted;
using namespace std::chrono_literals;
using rotation::SpkiHash;

namespace {

struct Rig {
    // What `mxseal hook prepare` would lay out.
    SpkiHash handed() {
        std::vector<SpkiHash> keys;
        world->agent().on_handover([&](const std::string&, const std::vector<SpkiHash>& given) -> Result<std::string> {
            keys = given;
            return std::string("folder");
        });
        const Json answer = world->ask("handover", {kHost});
        REQUIRE(answer["replies"].items().size() == 1);
        world->agent().on_handover({});
        REQUIRE(keys.size() == 1);
        return keys.front();
    }
    explicit Rig(unsigned seed) : world(steady_world(seed, external_config(agent::KeyMaker::mxseal))) {}

    std::unique_ptr<World> world;
};

} // namespace

TEST_CASE("with keys of mxseal's a standby is published without a certificate, and the current key is handed out") {
    Rig rig(1);
    CHECK(rig.world->status_of(kHost)["tlsa"]["records"].items().size() == 2);
    CHECK(rig.handed() == rig.world->hosts[kHost].serving.front());
    must_be_clean(*rig.world);
}

TEST_CASE("when a roll is due the next key is handed out, and the switch follows its certificate") {
    for (unsigned seed = 1; seed <= 10; ++seed) {
        Rig rig(seed);
        const SpkiHash old = rig.world->hosts[kHost].serving.front();
        rig.world->ask("roll", {kHost});
        rig.world->run_for(20s, [] { return false; });
        const SpkiHash next = rig.handed();
        CHECK(next != old);
        CHECK(rig.world->hosts[kHost].serving.front() == old); // an order that fails, or never comes, changes nothing
        // The client renews the current key all the same, from an order that was begun before.
        CHECK_FALSE(rig.world->bring(kHost, old, 1).refused);
        CHECK_FALSE(rig.world->bring(kHost, next, 1).refused);
        const bool ended = rig.world->run_for(5min, [&] { return rig.world->hosts[kHost].serving.front() == next && rig.world->log_has("roll.finished") && both_steady(*rig.world); });
        INFO(story(*rig.world));
        REQUIRE(ended);
        CHECK(rig.handed() == next);
        must_be_clean(*rig.world);
    }
}

TEST_CASE("with a standby that is held an emergency roll waits for its certificate alone") {
    Rig rig(3);
    rig.world->ask("roll", {kHost}, true);
    const SpkiHash next = rig.handed();
    const Instant brought = rig.world->clock.wall();
    rig.world->bring(kHost, next, 1);
    REQUIRE(rig.world->run_for(1min, [&] { return rig.world->log_has("switch.verified"); }));
    CHECK(rig.world->clock.wall() - brought < 5s);
    must_be_clean(*rig.world);
}

TEST_CASE("a key that the client made by itself is refused where mxseal makes them") {
    Rig rig(4);
    const auto refused = rig.world->bring(kHost, rig.world->make_key());
    CHECK(refused.refused);
    CHECK(refused.text.find("mxseal hook prepare " + kHost) != std::string::npos);
}
