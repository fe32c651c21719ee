#include "agent/runtime/control_thread.hpp"
#include "agent/runtime/runtime.hpp"
#include "agent/store/memory_store.hpp"
#include "tests/simulation/scripted_world.hpp"

#include <catch2/catch.hpp>

namespace mxseal::agent {

namespace {

// Takes every action and answers none.
struct Silence final : Outside {
    void start(const std::string&, const rotation::tlsa::Action&) override {}
    void observe_mx(const dns::Name&) override {}
};

struct Rig {
    Rig() : config(scripted::small_config({"mx1.example.org"})) {
        token = *store->acquire_lease("test");
        runtime = std::make_unique<Runtime>(config, clock, *store, token, silence);
        REQUIRE(runtime->start().ok());
    }

    MxObservation mx(std::uint16_t preference) const {
        MxObservation seen;
        seen.domain = *dns::Name::parse("example.org");
        seen.hosts = {{preference, *dns::Name::parse("mx1.example.org")}};
        return seen;
    }

    scripted::VirtualClock clock;
    Config config;
    Silence silence;
    std::shared_ptr<MemoryDatabase> database = std::make_shared<MemoryDatabase>();
    std::unique_ptr<Store> store = make_memory_store(database);
    FencingToken token;
    std::unique_ptr<Runtime> runtime;
};

} // namespace

TEST_CASE("an MX RRset is written when it is new or changed, not each time that it is seen") {
    Rig rig;
    rig.runtime->arrived(rig.mx(10));
    const auto once = rig.database->writes();
    rig.runtime->arrived(rig.mx(10));
    CHECK(rig.database->writes() == once);
    rig.runtime->arrived(rig.mx(20));
    CHECK(rig.database->writes() == once + 1);
    const auto kept = *rig.store->get_document("mx", "example.org");
    REQUIRE(kept);
    CHECK((*kept)["hosts"].items().front()["preference"].as_integer() == 20);
}

TEST_CASE("waiting for actions under way ends when the agent is to stop") {
    Rig rig;
    rig.runtime->tick();
    REQUIRE(rig.runtime->under_way() > 0);
    ControlThread loop;
    int asked = 0;
    loop.drain(*rig.runtime, rig.clock, std::chrono::hours(1), [&] { return ++asked > 1; }); // the clock stands: nothing else ends it
    CHECK(asked == 2);
}

} // namespace mxseal::agent
