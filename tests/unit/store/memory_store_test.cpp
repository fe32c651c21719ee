#include "tests/unit/store/worlds.hpp"

using namespace mxseal;
using namespace mxseal::agent;

TEST_CASE("every n-th write fails and leaves nothing", "[store][memory]") {
    MemoryWorld world;
    auto store = world.open();
    auto token = store->acquire_lease("agent");
    world.database->fail_every(3);
    CHECK(store->commit(*token, commit_of("mx1", 1)).ok());
    CHECK(store->commit(*token, commit_of("mx1", 2)).ok());
    CHECK(store->commit(*token, commit_of("mx1", 3)).error().code() == ErrorCode::io);
    CHECK(version_of(*store, "mx1") == 2);
    CHECK(store->read_log({})->size() == 2);
    CHECK(store->commit(*token, commit_of("mx1", 3)).ok());
}

TEST_CASE("a write can be carried out and still be reported as failed", "[store][memory]") {
    MemoryWorld world;
    auto store = world.open();
    auto token = store->acquire_lease("agent");
    world.database->on_write([](std::string_view call) { return call == "commit" ? WriteFate::written_but_fails : WriteFate::carried_out; });
    CHECK_FALSE(store->commit(*token, commit_of("mx1", 1)).ok());
    CHECK(version_of(*store, "mx1") == 1);
    CHECK(store->put_document("acme", "a", Json(1)).ok());
    CHECK(world.database->writes() == 3);
}

TEST_CASE("a crash takes what was not synced, and the lease with it", "[store][memory]") {
    MemoryWorld world;
    auto store = world.open();
    auto token = store->acquire_lease("agent");
    REQUIRE(store->commit(*token, commit_of("mx1", 1)));
    world.database->hold_back_syncs();
    REQUIRE(store->commit(*token, commit_of("mx1", 2)));
    CHECK(version_of(*store, "mx1") == 2);
    world.database->crash();
    CHECK(store->load_hosts().error().code() == ErrorCode::io);
    CHECK(store->commit(*token, commit_of("mx1", 3)).error().code() == ErrorCode::io);
    auto after = world.open();
    CHECK(version_of(*after, "mx1") == 1);
    CHECK(after->acquire_lease("agent").ok());
}

TEST_CASE("what was synced outlives a crash", "[store][memory]") {
    MemoryWorld world;
    auto store = world.open();
    auto token = store->acquire_lease("agent");
    world.database->hold_back_syncs();
    REQUIRE(store->commit(*token, commit_of("mx1", 2)));
    world.database->sync();
    world.database->crash();
    CHECK(version_of(*world.open(), "mx1") == 2);
}
