// `mxseal serve` as a process with the sockets that systemd would hand over, and what asks it.
#pragma once

#include "base/json.hpp"
#include "test_sites.hpp"
#include "tls_client.hpp"

#include <csignal>
#include <fstream>
#include <optional>
#include <vector>

#include <arpa/inet.h>
#include <catch2/catch.hpp>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

namespace mxseal::server::testing {

inline const std::string kName = "mta-sts.example.org";

// Bound and listening, as systemd would hand it over.
inline int listening(std::uint16_t& port, in_addr_t on = INADDR_LOOPBACK) {
    const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(on);
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

inline std::string text_of(const std::filesystem::path& file) {
    std::ifstream in(file);
    return {std::istreambuf_iterator<char>(in), {}};
}

template <class Holds>
bool soon(Holds holds) {
    for (int i = 0; i < 1000; ++i, ::usleep(10'000))
        if (holds()) return true;
    return false;
}

struct ServeWorld {
    ServeWorld() : site(sites.make(kName, policy_of("example.org"))) {
        write_snapshot(folder / "snapshot", 5, {&site});
        https_socket = listening(https);
        http_socket = listening(http);
        status_socket = listening(status);
    }
    ~ServeWorld() {
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
    TemporaryFolder folder;
    Site site;
    std::uint16_t https = 0, http = 0, status = 0;
    int https_socket = -1, http_socket = -1, status_socket = -1;
};

} // namespace mxseal::server::testing
