#include "agent/control/control_server.hpp"

#include "agent/control/control_api.hpp"
#include "agent/control/control_connection.hpp"
#include "agent/control/control_file.hpp"
#include "agent/control/local_sockets.hpp"
#include "agent/control/request_workers.hpp"

#include <array>
#include <cerrno>
#include <cstring>
#include <thread>

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <openssl/rand.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

namespace mxseal::agent {

namespace {

// Requests at once, and those that wait for their turn: an operator or two and their scripts (our choice).
constexpr std::size_t kWorkers = 4;
constexpr std::size_t kWaitingMax = 64;

Result<Secret> make_token() {
    std::array<std::uint8_t, 32> octets{};
    if (RAND_bytes(octets.data(), static_cast<int>(octets.size())) != 1)
        return Error(ErrorCode::internal, "the random generator of OpenSSL failed; no token, so no control API");
    return Secret(std::string_view(to_hex(octets)));
}

Error failed(const char* what) { return Error(ErrorCode::io, fmt::format("{} for the control API: {}", what, std::strerror(errno))); }

class Descriptor {
public:
    Descriptor() = default;
    Descriptor(const Descriptor&) = delete;
    Descriptor& operator=(const Descriptor&) = delete;
    ~Descriptor() { reset(-1); }
    void reset(int number) {
        if (number_ >= 0) ::close(number_);
        number_ = number;
    }
    int get() const { return number_; }

private:
    int number_ = -1;
};

// The file is for its owner and root; so is the port.
bool may_connect(const sockaddr_in& peer, std::uint16_t port) {
    auto table = read_tcp_table();
    if (!table) return true; // the token decides alone
    auto owner = owner_of_client(*table, ntohs(peer.sin_port), port);
    return owner && (*owner == ::geteuid() || *owner == 0);
}

} // namespace

struct ControlServer::Impl {
    Impl(Desk& desk, Secret token) : api(desk, std::move(token)) {}

    Status listen();
    void accept_until_stopped();
    void accept_one();

    const ControlApi api;
    std::filesystem::path state;
    ControlFile file;
    Descriptor listener, leave;
    RequestWorkers workers{kWorkers, kWaitingMax};
    std::thread acceptor;
};

Status ControlServer::Impl::listen() {
    listener.reset(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    leave.reset(::eventfd(0, EFD_CLOEXEC));
    if (listener.get() < 0 || leave.get() < 0) return failed("no socket");
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof address;
    if (::bind(listener.get(), reinterpret_cast<const sockaddr*>(&address), length) != 0) return failed("no free port on 127.0.0.1");
    if (::getsockname(listener.get(), reinterpret_cast<sockaddr*>(&address), &length) != 0) return failed("no port known");
    if (::listen(listener.get(), static_cast<int>(kWaitingMax)) != 0) return failed("no listening");
    file.port = ntohs(address.sin_port);
    return done();
}

void ControlServer::Impl::accept_until_stopped() {
    for (;;) {
        std::array<pollfd, 2> entries{{{listener.get(), POLLIN, 0}, {leave.get(), POLLIN, 0}}};
        ::poll(entries.data(), entries.size(), -1);
        if (entries[1].revents != 0) return;
        if (entries[0].revents != 0) accept_one();
    }
}

void ControlServer::Impl::accept_one() {
    sockaddr_in peer{};
    socklen_t length = sizeof peer;
    const int connection = ::accept4(listener.get(), reinterpret_cast<sockaddr*>(&peer), &length, SOCK_CLOEXEC);
    // Out of descriptors, the connection stays in the queue and poll() returns at once: not faster than ten times a second then.
    if (connection < 0 && (errno == EMFILE || errno == ENFILE)) ::poll(nullptr, 0, 100);
    if (connection < 0) return;
    const bool taken = may_connect(peer, file.port) && workers.hand_in([this, connection] { serve_connection(connection, api, leave.get()); });
    if (!taken) ::close(connection);
}

ControlServer::ControlServer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

Result<std::unique_ptr<ControlServer>> ControlServer::start(Desk& desk, const std::filesystem::path& state) {
    auto token = make_token();
    if (!token) return std::move(token).error();
    auto impl = std::make_unique<Impl>(desk, token->clone());
    impl->state = state;
    impl->file.token = std::move(token).value();
    impl->file.pid = ::getpid();
    if (auto listening = impl->listen(); !listening) return std::move(listening).error();
    impl->acceptor = std::thread([&running = *impl] { running.accept_until_stopped(); });
    std::unique_ptr<ControlServer> server(new ControlServer(std::move(impl)));
    if (auto written = write_control_file(state, server->impl_->file); !written) return std::move(written).error();
    return server;
}

ControlServer::~ControlServer() {
    remove_control_file(impl_->state, impl_->file);
    const std::uint64_t one = 1;
    // eventfd(2): a write of 1 fails only at the 2^64th.
    if (::write(impl_->leave.get(), &one, sizeof one) == static_cast<ssize_t>(sizeof one)) impl_->acceptor.join();
    impl_->workers.stop();
}

std::uint16_t ControlServer::port() const { return impl_->file.port; }

} // namespace mxseal::agent
