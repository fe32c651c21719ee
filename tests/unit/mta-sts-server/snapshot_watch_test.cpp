#include "mta-sts-server/snapshot_watch.hpp"

#include "test_sites.hpp"

#include <catch2/catch.hpp>
#include <sys/stat.h>

using namespace mxseal;
using namespace mxseal::server;
using namespace mxseal::server::testing;

TEST_CASE("a file is given out when it is new, once, and what is wrong with it is told once") {
    const TestSites sites;
    const TemporaryFolder folder;
    const auto a = sites.make("mta-sts.a.example", "A"), b = sites.make("mta-sts.b.example", "B");
    const auto file = folder / "s";
    SnapshotWatch watch(file);
    auto found = watch.look();
    REQUIRE(found.has_value());
    CHECK(found->error().code() == ErrorCode::not_found);
    CHECK_FALSE(watch.look().has_value());

    write_snapshot(file, 1, {&a});
    found = watch.look();
    REQUIRE(found.has_value());
    REQUIRE(found->ok());
    CHECK((**found)->facts().generation == 1);
    CHECK_FALSE(watch.look().has_value());

    write_snapshot(file, 1, {&a}); // another file, the same content
    CHECK_FALSE(watch.look().has_value());

    write_snapshot(file, 2, {&a, &b});
    ::chmod(file.c_str(), 0644);
    found = watch.look();
    REQUIRE(found.has_value());
    CHECK(found->error().code() == ErrorCode::refused);
    CHECK_FALSE(watch.look().has_value());
    watch.look_again();
    CHECK(watch.look().has_value());
    ::chmod(file.c_str(), 0600); // changes the file's ctime
    found = watch.look();
    REQUIRE(found.has_value());
    REQUIRE(found->ok());
    CHECK((**found)->facts().generation == 2);

    std::filesystem::remove(file);
    found = watch.look();
    REQUIRE(found.has_value());
    CHECK_FALSE(found->ok());
}
