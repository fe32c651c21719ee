#include "agent/control/control_server.hpp"

#include "agent/control/control_client.hpp"
#include "agent/control/control_file.hpp"
#include "tests/temporary_folder.hpp"
#include "tests/unit/control/fake_desk.hpp"

#include <algorithm>
#include <atomic>
#include <thread>

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <catch2/catch.hpp>

using namespace mxseal;
using namespace mxseal::agent;

namespace {

class Connection {
public:
    explicit Connection(std::uint16_t port) : descriptor_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_port = htons(port);
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        connected_ = ::connect(descriptor_, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
    }
    Connection(const Connection&) = delete;
    Connection& operator=(const Connection&) = delete;
    ~Connection() { ::close(descriptor_); }

    bool connected() const { return connected_; }
    // False once the peer takes nothing more.
    bool send(std::string_view text) { return ::send(descriptor_, text.data(), text.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(text.size()); }
    // What comes until the peer closes, `until` is in it, or ten seconds have passed.
    std::string receive(std::string_view until = "}\n") {
        std::string out;
        char buffer[4096];
        for (int round = 0; round < 1000 && out.find(until) == std::string::npos; ++round) {
            pollfd entry{descriptor_, POLLIN, 0};
            if (::poll(&entry, 1, 10'000) != 1) break;
            const auto count = ::recv(descriptor_, buffer, sizeof buffer, 0);
            if (count <= 0) break;
            out.append(buffer, static_cast<std::size_t>(count));
        }
        return out;
    }

private:
    int descriptor_;
    bool connected_ = false;
};

struct World {
    World() {
        auto started = ControlServer::start(desk, folder.path());
        REQUIRE(started);
        server = std::move(started).value();
        auto file = read_control_file(folder.path());
        REQUIRE(file);
        REQUIRE(*file);
        token = to_text((*file)->token.reveal());
    }
    std::string ask(const std::string& text) {
        Connection connection(server->port());
        connection.send(text);
        return connection.receive();
    }
    std::string head(const std::string& line, const std::string& more = "") const {
        return fmt::format("{} HTTP/1.1\r\nHost: 127.0.0.1:{}\r\nAuthorization: Bearer {}\r\n{}\r\n", line, server->port(), token, more);
    }

    TemporaryFolder folder;
    FakeDesk desk;
    std::unique_ptr<ControlServer> server;
    std::string token;
};

bool has_status(const std::string& answer, int status) { return answer.starts_with(fmt::format("HTTP/1.1 {} ", status)); }

} // namespace

TEST_CASE("a request with the token is answered") {
    World world;
    auto answer = world.ask(world.head("GET /v1/status"));
    CHECK(has_status(answer, 200));
    CHECK(answer.find("\"running\": true") != std::string::npos);
    CHECK(answer.find("Access-Control") == std::string::npos);
}

TEST_CASE("the listener refuses a missing token, a wrong one and a foreign Host") {
    World world;
    CHECK(has_status(world.ask("GET /v1/status HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"), 401));
    CHECK(has_status(world.ask("GET /v1/status HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer " + std::string(64, '0') + "\r\n\r\n"), 401));
    CHECK(has_status(world.ask("GET /v1/status HTTP/1.1\r\nHost: evil.example.org\r\nAuthorization: Bearer " + world.token + "\r\n\r\n"), 403));
    CHECK(has_status(world.ask("OPTIONS /v1/status HTTP/1.1\r\nHost: 127.0.0.1\r\nOrigin: https://evil.example.org\r\n\r\n"), 401));
    CHECK(has_status(world.ask("TRACE /v1/status HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"), 401));
    CHECK(world.desk.asked().empty());
}

TEST_CASE("paths that mean nothing are answered, well formed or not") {
    World world;
    CHECK(has_status(world.ask(world.head("GET /v2/status")), 404));
    CHECK(has_status(world.ask(world.head("GET /v1/plan?host=%zz")), 400));
    CHECK(has_status(world.ask(world.head("GET /v1/plan?host=a%2eb&host=c")), 200));
    CHECK(world.desk.asked() == std::vector<std::string>{"plan a.b c"});
}

TEST_CASE("a long body is refused at its head and the connection ends") {
    World world;
    Connection connection(world.server->port());
    REQUIRE(connection.send(world.head("POST /v1/requests", "Content-Length: 10000000000\r\n")));
    auto answer = connection.receive("nothing that comes");
    CHECK(has_status(answer, 413));
    CHECK(world.desk.asked().empty());
}

TEST_CASE("a stranger's body is not read at all") {
    World world;
    for (const char* length : {"Content-Length: 60000\r\n", "Transfer-Encoding: chunked\r\n"}) {
        Connection connection(world.server->port());
        REQUIRE(connection.send(fmt::format("POST /v1/requests HTTP/1.1\r\nHost: 127.0.0.1\r\n{}\r\n", length)));
        CHECK(has_status(connection.receive("nothing that comes"), 401));
    }
    CHECK(world.desk.asked().empty());
}

TEST_CASE("a broken chunk length from a stranger does no harm") {
    World world;
    for (const char* length : {"-2", "-80000000", "7fffffff", "zz", ""}) {
        Connection connection(world.server->port());
        connection.send(fmt::format("POST /v1/requests HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\n\r\n{}\r\n", length));
        CHECK(has_status(connection.receive("nothing that comes"), 401));
    }
    CHECK(has_status(world.ask(world.head("GET /v1/status")), 200));
}

TEST_CASE("what is no HTTP, or has no end, is refused") {
    World world;
    CHECK(has_status(world.ask("EHLO mx.example.org\r\n\r\n"), 400));
    CHECK(has_status(world.ask(world.head("POST /v1/requests", "Content-Length: -5\r\n")), 400));
    CHECK(has_status(world.ask(world.head("POST /v1/requests", "Content-Length: 99999999999999999999\r\n")), 400));
    CHECK(has_status(world.ask(world.head("GET /v1/status", "X-Long: " + std::string(20'000, 'x') + "\r\n")), 431));
    CHECK(world.desk.asked().empty());
}

TEST_CASE("a request that comes octet by octet is put together") {
    World world;
    Connection connection(world.server->port());
    const std::string body = R"({"command": "halt"})";
    for (char octet : world.head("POST /v1/requests", fmt::format("Content-Length: {}\r\n", body.size())) + body) REQUIRE(connection.send(std::string(1, octet)));
    CHECK(has_status(connection.receive(), 200));
    CHECK(world.desk.asked() == std::vector<std::string>{"request " + body});
}

TEST_CASE("a body of the right size reaches the desk") {
    World world;
    const std::string body = R"({"command": "halt", "hosts": [], "who": "root"})";
    auto answer = world.ask(world.head("POST /v1/requests", fmt::format("Content-Length: {}\r\n", body.size())) + body);
    CHECK(has_status(answer, 200));
    CHECK(world.desk.asked() == std::vector<std::string>{"request " + body});
}

TEST_CASE("many clients at once all get their answers") {
    World world;
    std::atomic<int> answered{0};
    std::vector<std::thread> clients;
    for (int i = 0; i < 8; ++i)
        clients.emplace_back([&] {
            for (int round = 0; round < 10; ++round)
                if (has_status(world.ask(world.head("GET /v1/status")), 200)) ++answered;
        });
    for (auto& client : clients) client.join();
    CHECK(answered == 80);
    CHECK(world.desk.asked().size() == 80);
}

TEST_CASE("the client speaks to the server as to any desk") {
    World world;
    auto desk = find_agent(world.folder.path());
    REQUIRE(desk);
    REQUIRE(*desk);
    CHECK((**desk).status());
    CHECK((**desk).plan({"a.example.org", "b.example.org"}));
    CHECK((**desk).request(Json::object({{"command", "halt"}})));
    LogFilter filter;
    filter.host = "a.example.org";
    filter.after_id = 3;
    filter.limit = 5;
    CHECK((**desk).log(filter));
    auto unknown = (**desk).plan({"unknown.example.org"});
    REQUIRE_FALSE(unknown);
    CHECK(unknown.error().code() == ErrorCode::not_found);
    CHECK(unknown.error().message() == "no such host");
    CHECK(world.desk.asked() == std::vector<std::string>{"status", "plan a.example.org b.example.org", R"(request {"command": "halt"})", "log a.example.org 3 5", "plan unknown.example.org"});
}

TEST_CASE("a stop removes the file and closes the port") {
    World world;
    const auto port = world.server->port();
    Connection idle(port);
    REQUIRE(idle.connected());
    world.server.reset();
    CHECK_FALSE(std::filesystem::exists(control_file_path(world.folder.path())));
    CHECK_FALSE(Connection(port).connected());
}

TEST_CASE("the file of a killed agent leads to no agent") {
    World world;
    auto file = read_control_file(world.folder.path());
    world.server.reset();
    REQUIRE(write_control_file(world.folder.path(), **file));
    auto desk = find_agent(world.folder.path());
    REQUIRE(desk);
    CHECK(*desk == nullptr);
    CHECK(ControlClient(**std::move(file)).status().error().code() == ErrorCode::not_found);
}

TEST_CASE("a program that took the port and knows no token is an error, not an agent") {
    World world, other;
    auto file = read_control_file(other.folder.path());
    REQUIRE(write_control_file(world.folder.path(), **file));
    auto stale = read_control_file(world.folder.path());
    (*stale)->token = Secret(std::string_view(std::string(64, '0')));
    REQUIRE(write_control_file(world.folder.path(), **stale));
    auto desk = find_agent(world.folder.path());
    REQUIRE_FALSE(desk);
    CHECK(desk.error().code() == ErrorCode::auth_failed);
}

TEST_CASE("two agents do not share a port or a token") {
    World first, second;
    CHECK(first.server->port() != second.server->port());
    CHECK(first.token != second.token);
    CHECK(first.token.size() == 64);
}
