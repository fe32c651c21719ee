#include "agent/cli/notify.hpp"

#include "tests/temporary_folder.hpp"

#include <cstddef>

#include <catch2/catch.hpp>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

using namespace mxseal::cli;

TEST_CASE("systemd hears that the agent is ready") {
    const mxseal::TemporaryFolder folder;
    const auto path = (folder / "notify").string();
    const int receiver = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.copy(address.sun_path, sizeof address.sun_path - 1);
    REQUIRE(::bind(receiver, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
    CHECK(notify(path, "READY=1"));
    char buffer[64];
    const auto count = ::recv(receiver, buffer, sizeof buffer, MSG_DONTWAIT);
    CHECK(std::string(buffer, static_cast<std::size_t>(count > 0 ? count : 0)) == "READY=1");
    ::close(receiver);
}

TEST_CASE("an abstract socket is reached without its leading zero being written") {
    const std::string name = "@mxseal-notify-test-" + std::to_string(::getpid());
    const int receiver = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    name.copy(address.sun_path, sizeof address.sun_path - 1);
    address.sun_path[0] = '\0';
    REQUIRE(::bind(receiver, reinterpret_cast<const sockaddr*>(&address), static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name.size())) == 0);
    CHECK(notify(name, "READY=1"));
    ::close(receiver);
}

TEST_CASE("without a socket, with a foreign kind or nobody behind it nothing is sent") {
    CHECK_FALSE(notify("", "READY=1"));
    CHECK_FALSE(notify("vsock:2:1", "READY=1"));
    CHECK_FALSE(notify("/nonexistent/notify", "READY=1"));
    CHECK_FALSE(notify("/" + std::string(200, 'x'), "READY=1"));
}
