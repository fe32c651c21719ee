#include "agent/control/local_sockets.hpp"

#include <catch2/catch.hpp>

using namespace mxseal::agent;

namespace {

// proc(5), as a kernel 6.1 prints it: 127.0.0.1:4711 of uid 1000, 0.0.0.0:25 of root, a connection to port 4711 of uid 1001.
const std::string kTable =
    "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
    "   0: 0100007F:1267 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 48211 1 0000000000000000 100 0 0 10 0\n"
    "   1: 00000000:0019 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 20133 1 0000000000000000 100 0 0 10 0\n"
    "   2: 0100007F:1268 0100007F:1267 01 00000000:00000000 00:00000000 00000000  1001        0 51002 1 0000000000000000 20 4 30 10 -1\n";

} // namespace

TEST_CASE("the owner of a listening socket is told from the kernel's table") {
    CHECK(owner_of_listener(kTable, 4711) == 1000u);
    CHECK(owner_of_listener(kTable, 25) == 0u); // on all addresses
}

TEST_CASE("a connection is no listener, and an empty table has none") {
    CHECK_FALSE(owner_of_listener(kTable, 4712));
    CHECK_FALSE(owner_of_listener(std::string(), 4711));
    CHECK_FALSE(owner_of_listener("garbage\n0: x", 4711));
}

TEST_CASE("the owner of a connection is the one of its client's end") {
    CHECK(owner_of_client(kTable, 4712, 4711) == 1001u);
    CHECK_FALSE(owner_of_client(kTable, 4711, 4712));
    CHECK_FALSE(owner_of_client(kTable, 4712, 25));
}
