#include "tests/unit/acme/pebble.hpp"

#include "agent/keys/certificates.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <stdexcept>
#include <thread>

#include <fmt/format.h>

namespace mxseal::agent::testing {

namespace {

sockaddr_in loopback(std::uint16_t port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return address;
}

std::uint16_t free_port() {
    int descriptor = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address = loopback(0);
    socklen_t size = sizeof address;
    bind(descriptor, reinterpret_cast<sockaddr*>(&address), sizeof address);
    getsockname(descriptor, reinterpret_cast<sockaddr*>(&address), &size);
    close(descriptor);
    return ntohs(address.sin_port);
}

bool listens(std::uint16_t port) {
    int descriptor = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address = loopback(port);
    bool connected = connect(descriptor, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
    close(descriptor);
    return connected;
}

} // namespace

Pebble::Pebble(std::uint16_t dns_port, std::uint16_t http_port, std::uint16_t tls_port) : port_(free_port()) {
    write_files(free_port(), http_port, tls_port);
    start(dns_port);
    await();
}

Pebble::~Pebble() {
    if (pid_ > 0) {
        kill(pid_, SIGKILL);
        waitpid(pid_, nullptr, 0);
    }
}

std::string Pebble::directory() const { return fmt::format("https://localhost:{}/dir", port_); }

void Pebble::write_files(std::uint16_t management_port, std::uint16_t http_port, std::uint16_t tls_port) const {
    auto key = PrivateKey::generate(rotation::Algorithm::ecdsa_p256).value();
    auto certificate = make_self_signed(key, {dns::Name::parse("localhost").value()}, SystemClock().wall(), std::chrono::hours(24)).value();
    folder_.write("cert.pem", certificate);
    folder_.write("key.pem", to_text(key.to_pem().reveal()));
    const auto config = fmt::format(
        R"({{"pebble": {{"listenAddress": "127.0.0.1:{}", "managementListenAddress": "127.0.0.1:{}", "certificate": "{}", "privateKey": "{}",)"
        R"( "httpPort": {}, "tlsPort": {}, "ocspResponderURL": "", "externalAccountBindingRequired": false}}}})",
        port_, management_port, (folder_ / "cert.pem").string(), (folder_ / "key.pem").string(), http_port, tls_port);
    folder_.write("config.json", config);
}

void Pebble::start(std::uint16_t dns_port) {
    std::string config = (folder_ / "config.json").string();
    std::string log = (folder_ / "log").string();
    std::string dns = fmt::format("127.0.0.1:{}", dns_port);
    pid_ = fork();
    if (pid_ != 0) return;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    int output = open(log.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
    dup2(output, 1);
    dup2(output, 2);
    char no_sleep[] = "PEBBLE_VA_NOSLEEP=1";
    std::array<char*, 2> environment{no_sleep, nullptr};
    execle("/usr/bin/pebble", "pebble", "-config", config.c_str(), "-dnsserver", dns.c_str(), "-strict", nullptr, environment.data());
    _exit(127);
}

void Pebble::await() const {
    for (int tried = 0; tried < 500; ++tried) {
        if (listens(port_)) return;
        if (waitpid(pid_, nullptr, WNOHANG) != 0) throw std::runtime_error("pebble did not start");
        std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
    throw std::runtime_error("pebble does not listen");
}

} // namespace mxseal::agent::testing
