#include "mta-sts-server/crowd.hpp"

#include <catch2/catch.hpp>

using namespace mxseal;
using namespace mxseal::server;

namespace {

struct World {
    Client& come(std::int64_t second, std::size_t held = 1, Door door = Door::https) { return crowd.add(FileDescriptor(), door, AddressKey{1}, held, std::chrono::seconds(second)); }
    Limits limits{.handshake = std::chrono::seconds(10), .header = std::chrono::seconds(5), .answer = std::chrono::seconds(3)};
    Crowd crowd{limits};
};

Duration at(std::int64_t second) { return std::chrono::seconds(second); }

} // namespace

TEST_CASE("an address's first connection is heard before any second one, and among equals the newest") {
    World world;
    Client &a = world.come(0), &b = world.come(1, 2), &c = world.come(2), &d = world.come(3, 2), &many = world.come(4, 64), &third = world.come(5, 3);
    for (Client* client : {&a, &b, &c, &d, &many, &third, &a}) world.crowd.let_wait(*client); // twice is once
    CHECK(world.crowd.somebody_waits());
    for (Client* client : {&c, &a, &d, &b, &third, &many}) CHECK(world.crowd.next_newcomer() == client);
    CHECK(world.crowd.next_newcomer() == nullptr);
    CHECK_FALSE(world.crowd.somebody_waits());
    world.crowd.let_wait(b); // it has said a little more
    CHECK(world.crowd.next_newcomer() == &b);
}

TEST_CASE("who has gone is not heard any more, and is there until it is buried") {
    World world;
    Client &a = world.come(0), &b = world.come(1);
    world.crowd.let_wait(a);
    world.crowd.let_wait(b);
    b.connection.close();
    world.crowd.remove(b);
    CHECK(b.connection.phase() == Connection::Phase::closed);
    CHECK(world.crowd.next_newcomer() == &a);
    CHECK(world.crowd.next_newcomer() == nullptr);
    CHECK(world.crowd.first() == &a);
    world.crowd.bury();
}

TEST_CASE("each phase has its own time, and the first to run out is known") {
    World world;
    CHECK_FALSE(world.crowd.next_end().has_value());
    CHECK(world.crowd.first() == nullptr);
    Client& a = world.come(0);
    Client& plain = world.come(1, 1, Door::http);
    Client& b = world.come(2);
    CHECK(world.crowd.next_end() == at(6)); // the plain one's header
    CHECK(world.crowd.first() == &a);
    CHECK(world.crowd.late(at(5)) == nullptr);
    CHECK(world.crowd.late(at(6)) == &plain);
    plain.connection.close();
    world.crowd.remove(plain);
    CHECK(world.crowd.next_end() == at(10));
    a.connection.close(); // as an answer that was sent: the last phase
    world.crowd.note_phase(a, at(9));
    world.crowd.note_phase(a, at(11)); // the same phase: its time began before
    CHECK(world.crowd.next_end() == at(12));
    CHECK(world.crowd.first() == &a);
    CHECK(world.crowd.late(at(12)) != nullptr);
    world.crowd.remove(a);
    CHECK(world.crowd.first() == &b);
    CHECK(world.crowd.late(at(12)) == &b);
}
