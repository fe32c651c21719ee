// `mxseal serve` as a process: started, asked, given a new snapshot, stopped.
#include "base/json.hpp"
#include "mta-sts-server/challenges_file.hpp"

#include "test_sites.hpp"
#include "tls_client.hpp"

#include <csignal>
#include <fstream>
#include <optional>

#include <arpa/inet.h>
#include <catch2/catch.hpp>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace mxseal;
using namespace mxseal::server;
using namespace mxseal::server::testing;

namespace {

const std::string kName = "mta-sts.example.org";

// Bound and listening, as systemd would hand it over.
int listening(std::uint16_t& port) {
    const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    REQUIRE(::bind(socket, reinterpret_cast<sockaddr*>(&address), size) == 0);
    REQUIRE(::listen(socket, 64) == 0);
    REQUIRE(::getsockname(socket, reinterpret_cast<sockaddr*>(&address), &size) == 0);
    port = ntohs(address.sin_port);
    return socket;
}

class Process {
public:
    // `sockets`: listening ones to inherit, under `names` (LISTEN_FDNAMES).
    Process(const std::filesystem::path& snapshot, const std::filesystem::path& log, std::vector<int> sockets, const char* names) {
        pid_ = ::fork();
        if (pid_ != 0) return;
        const int out = ::open(log.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
        ::dup2(out, STDERR_FILENO);
        for (int& socket : sockets) socket = ::fcntl(socket, F_DUPFD, 10); // out of the way of 3 and up
        for (std::size_t i = 0; i < sockets.size(); ++i) ::dup2(sockets[i], 3 + static_cast<int>(i));
        ::setenv("LISTEN_FDS", std::to_string(sockets.size()).c_str(), 1);
        ::setenv("LISTEN_FDNAMES", names, 1);
        ::setenv("LISTEN_PID", std::to_string(::getpid()).c_str(), 1);
        ::execl(MXSEAL_PROGRAM, "mxseal", "serve", "--snapshot", snapshot.c_str(), "--threads", "2", static_cast<char*>(nullptr));
        ::_exit(127);
    }
    Process(const Process&) = delete;
    Process& operator=(const Process&) = delete;
    ~Process() {
        if (pid_ <= 0) return;
        ::kill(pid_, SIGKILL);
        ::waitpid(pid_, nullptr, 0);
    }
    void signal(int number) const { ::kill(pid_, number); }
    std::optional<int> exit_code() { // within 20 s
        for (int i = 0; i < 2000; ++i, ::usleep(10'000)) {
            int status = 0;
            if (::waitpid(pid_, &status, WNOHANG) != pid_) continue;
            pid_ = -1;
            return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
        }
        return std::nullopt;
    }

private:
    pid_t pid_ = -1;
};

std::string text_of(const std::filesystem::path& file) {
    std::ifstream in(file);
    return {std::istreambuf_iterator<char>(in), {}};
}

template <class Holds>
bool soon(Holds holds) {
    for (int i = 0; i < 1000; ++i, ::usleep(10'000))
        if (holds()) return true;
    return false;
}

struct World {
    World() : site(sites.make(kName, policy_of("example.org"))) {
        write_snapshot(folder / "snapshot", 5, {&site});
        https_socket = listening(https);
        http_socket = listening(http);
        status_socket = listening(status);
    }
    ~World() {
        ::close(https_socket);
        ::close(http_socket);
        ::close(status_socket);
    }
    Fetched ask() const {
        Wish wish;
        wish.port = https;
        wish.sni = kName;
        wish.request = get(kName);
        wish.ca_pem = sites.ca_pem();
        return fetch(wish);
    }
    std::optional<std::int64_t> generation() const {
        Wish wish;
        wish.port = status;
        wish.tls = false;
        wish.request = get("localhost", "/status");
        auto report = Json::parse(fetch(wish).body);
        return report ? (*report)["generation"].as_integer() : std::nullopt;
    }
    Fetched ask_http(const std::string& token) const {
        Wish wish;
        wish.port = http;
        wish.tls = false;
        wish.request = get(kName, "/.well-known/acme-challenge/" + token);
        return fetch(wish);
    }
    Fetched ask_tls_alpn() const {
        Wish wish;
        wish.port = https;
        wish.sni = kName;
        wish.alpn = "\x0a" "acme-tls/1";
        return fetch(wish);
    }
    Process serve() const { return {folder / "snapshot", folder / "log", {https_socket, http_socket, status_socket}, "https:http:status"}; }
    bool logged(const std::string& word) const { return text_of(folder / "log").find(word) != std::string::npos; }

    TestSites sites;
    TestFolder folder;
    Site site;
    std::uint16_t https = 0, http = 0, status = 0;
    int https_socket = -1, http_socket = -1, status_socket = -1;
};

} // namespace

TEST_CASE("serve takes the sockets of systemd, a new snapshot by rename, refuses a worse one, and drains at SIGTERM") {
    World world;
    Process process = world.serve();
    const auto first = world.ask(); // waits in the queue of the socket until the process takes it
    REQUIRE(first.status == 200);
    CHECK(first.trusted);
    CHECK(world.generation() == 5);
    CHECK(world.logged("endpoint.started"));

    const auto changed = world.sites.make(kName, "version: STSv1\r\nmode: none\r\nmax_age: 86400\r\n");
    write_snapshot(world.folder / "snapshot", 6, {&changed});
    CHECK(soon([&] { return world.generation() == 6; }));
    CHECK(world.ask().body == changed.policy);
    CHECK(world.logged("snapshot.taken"));

    write_snapshot(world.folder / "snapshot", 4, {&world.site});
    CHECK(soon([&] { return world.logged("snapshot.refused"); }));
    CHECK(world.generation() == 6);
    std::ofstream(world.folder / "garbage") << "no snapshot";
    ::chmod((world.folder / "garbage").c_str(), 0600);
    std::filesystem::rename(world.folder / "garbage", world.folder / "snapshot");
    process.signal(SIGHUP);
    CHECK(soon([&] { return world.logged("too short"); }));
    CHECK(world.ask().body == changed.policy);

    process.signal(SIGTERM);
    CHECK(process.exit_code() == 0);
    CHECK(world.logged("endpoint.stopped"));
}

TEST_CASE("serve refuses an older snapshot than it has served before a restart, and takes the same again") {
    World world;
    write_snapshot(world.folder / "snapshot", 6, {&world.site});
    {
        Process process = world.serve();
        CHECK(world.ask().status == 200);
        process.signal(SIGTERM);
        CHECK(process.exit_code() == 0);
    }
    write_snapshot(world.folder / "snapshot", 5, {&world.site}); // as from a backup
    {
        Process process = world.serve();
        CHECK(process.exit_code() == 1);
        CHECK(world.logged("served 6 already"));
        CHECK(world.logged("remove that file"));
    }
    write_snapshot(world.folder / "snapshot", 6, {&world.site});
    Process process = world.serve();
    CHECK(world.ask().status == 200);
    CHECK(world.generation() == 6);
}

TEST_CASE("serve does not start on a snapshot that others may read, and says why") {
    World world;
    ::chmod((world.folder / "snapshot").c_str(), 0644);
    Process process = world.serve();
    CHECK(process.exit_code() == 1);
    CHECK(world.logged("chmod 0600"));
}

TEST_CASE("serve answers the challenges in the file beside its snapshot, soon after it was written, and none once it is gone") {
    World world;
    const auto file = challenges_file_of(world.folder / "snapshot");
    Challenges challenges;
    challenges.http[kName]["token"] = "token.thumbprint";
    REQUIRE(write_challenges(file, challenges).ok());
    Process process = world.serve();
    CHECK(world.ask_http("token").body == "token.thumbprint");
    CHECK(world.ask_http("other").status == 404);
    CHECK_FALSE(world.ask_tls_alpn().handshake);

    challenges.http[kName]["other"] = "other.thumbprint";
    challenges.tls_alpn.emplace(kName, make_tls_alpn(kName, "other.thumbprint").value());
    REQUIRE(write_challenges(file, challenges).ok());
    CHECK(soon([&] { return world.ask_http("other").body == "other.thumbprint"; }));
    const auto validation = world.ask_tls_alpn();
    CHECK(validation.handshake);
    CHECK(validation.alpn == "acme-tls/1");
    CHECK(world.ask().status == 200);

    std::ofstream(file, std::ios::app) << "garbage";
    CHECK(soon([&] { return world.logged("challenges.refused"); }));
    CHECK(world.ask_http("other").body == "other.thumbprint"); // what was there before is answered on

    std::filesystem::remove(file);
    CHECK(soon([&] { return world.ask_http("other").status == 404; }));
    CHECK_FALSE(world.ask_tls_alpn().handshake);
    CHECK(world.ask().status == 200);
}
