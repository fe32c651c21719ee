// What is served while the snapshot changes and when the endpoint ends.
#include "served_world.hpp"

#include <atomic>
#include <fstream>
#include <optional>
#include <thread>

#include <sys/socket.h>

using namespace mxseal;
using namespace mxseal::server;
using namespace mxseal::server::testing;

TEST_CASE("the operator's address says which generation is served") {
    World world;
    const auto answer = world.ask_plain(world.status, get("localhost", "/status"));
    CHECK(answer.status == 200);
    auto report = Json::parse(answer.body);
    REQUIRE(report.ok());
    CHECK((*report)["generation"].as_integer() == 7);
    CHECK((*report)["sites"].as_integer() == 2);
    CHECK((*report)["digest"].as_string()->size() == 64);
    CHECK(world.ask_plain(world.status, get("localhost", "/")).status == 404);
}

TEST_CASE("a new snapshot is taken while connections stay open, and an older one never") {
    World world;
    const OpenClient before(world.https);

    auto changed = world.sites.make(kName, "version: STSv1\r\nmode: none\r\nmax_age: 86400\r\n");
    write_snapshot(world.folder / "snapshot", 8, {&changed});
    REQUIRE(world.server->publish(Snapshot::open(world.folder / "snapshot").value()).ok());
    REQUIRE(World::soon([&] { return world.server->generation() == 8; }));
    const auto newer = world.ask(get(kName));
    CHECK(newer.body == changed.policy);
    CHECK(newer.headers.at("mta-sts-generation") == "8");
    CHECK(world.ask(get(kOther), kOther).alert == SSL_AD_UNRECOGNIZED_NAME);

    CHECK(before.send(get(kName)));
    // The body and the generation are of one snapshot, that of the handshake (C-28).
    const auto older = parse_answer(before.receive());
    CHECK(older.body == policy_of("example.org"));
    CHECK(older.headers.at("mta-sts-generation") == "7");

    write_snapshot(world.folder / "old", 7, {&world.mine});
    const auto refused = world.server->publish(Snapshot::open(world.folder / "old").value());
    REQUIRE_FALSE(refused.ok());
    CHECK(refused.error().code() == ErrorCode::refused);
    CHECK(world.ask(get(kName)).body == changed.policy);
}

TEST_CASE("a record that was changed after the snapshot was opened gets an alert and a line in the log") {
    World world;
    std::fstream file(world.folder / "snapshot", std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(40);
    file.put('\x7f');
    file.seekp(600);
    file.put('\x7f');
    file.close();
    const auto first = world.ask(get(kName)), second = world.ask(get(kOther), kOther);
    CHECK((first.alert == SSL_AD_INTERNAL_ERROR || second.alert == SSL_AD_INTERNAL_ERROR));
    CHECK(World::soon([&] { return world.noted("site.failed"); }));
}

TEST_CASE("draining finishes what has begun and takes nothing new") {
    World world;
    Wish wish;
    wish.port = world.https;
    std::optional<OpenClient> open(std::in_place, world.https);
    std::atomic<bool> drained{false};
    std::size_t cut = 1;
    std::thread drainer([&] {
        cut = world.server->drain(std::chrono::seconds(20));
        drained = true;
    });
    CHECK(World::soon([&] {
        const int newcomer = connect_to(wish);
        if (newcomer >= 0) ::close(newcomer);
        return newcomer < 0;
    }));
    CHECK_FALSE(drained);
    CHECK(open->send(get(kName)));
    CHECK_FALSE(open->receive().empty());
    open.reset();
    drainer.join();
    CHECK(cut == 0);
}

TEST_CASE("a connection that does not end is cut when the grace is over") {
    World world;
    Wish wish;
    wish.port = world.https;
    const int socket = connect_to(wish);
    CHECK(::send(socket, "\x16", 1, MSG_NOSIGNAL) == 1);
    REQUIRE(World::soon([&] { return world.reported("connections") == 1; }));
    CHECK(world.server->drain(std::chrono::milliseconds(50)) == 1);
    ::close(socket);
}
