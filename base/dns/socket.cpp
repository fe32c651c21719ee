#include "base/dns/socket.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <system_error>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <fmt/format.h>

namespace mxseal::dns {

namespace {

struct Address {
    sockaddr_storage storage{};
    socklen_t size = 0;
    const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }
};

Result<Address> address_of(const Endpoint& server) {
    Address address;
    auto* v4 = reinterpret_cast<sockaddr_in*>(&address.storage);
    if (inet_pton(AF_INET, server.address.c_str(), &v4->sin_addr) == 1) {
        v4->sin_family = AF_INET;
        v4->sin_port = htons(server.port);
        address.size = sizeof(sockaddr_in);
        return address;
    }
    auto* v6 = reinterpret_cast<sockaddr_in6*>(&address.storage);
    if (inet_pton(AF_INET6, server.address.c_str(), &v6->sin6_addr) == 1) {
        v6->sin6_family = AF_INET6;
        v6->sin6_port = htons(server.port);
        address.size = sizeof(sockaddr_in6);
        return address;
    }
    return Error(ErrorCode::invalid, fmt::format("'{}' is not an IP address", escape_untrusted(server.address, 80)));
}

Error failed(const Endpoint& server, std::string_view what, int number) {
    return Error(ErrorCode::transient, fmt::format("{}: {}: {}", server.to_string(), what, std::generic_category().message(number)),
                 Retry::transient());
}

Error late(const Endpoint& server, std::string_view what) {
    return Error(ErrorCode::transient, fmt::format("{}: {} in time", server.to_string(), what), Retry::transient());
}

enum class Ready { yes, late, broken };

// Waits until `events` or an error stands at the socket.
Ready wait_for(const Socket& socket, short events, const Deadline& deadline) {
    for (;;) { // ends at the deadline at the latest
        pollfd entry{socket.descriptor(), events, 0};
        int count = poll(&entry, 1, deadline.poll_timeout_ms());
        if (count > 0) return Ready::yes;
        if (count < 0 && errno != EINTR) return Ready::broken;
        if (deadline.passed()) return Ready::late;
    }
}

Result<Socket> new_socket(const Endpoint& server, const Address& address, int kind) {
    Socket socket(::socket(address.storage.ss_family, kind | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (socket.descriptor() < 0) return failed(server, "cannot open a socket", errno);
    return socket;
}

} // namespace

int Deadline::poll_timeout_ms() const {
    auto rest = std::chrono::ceil<std::chrono::milliseconds>(at_ - std::chrono::steady_clock::now()).count();
    return static_cast<int>(std::clamp<std::int64_t>(rest, 0, 3'600'000));
}

Socket::~Socket() {
    if (descriptor_ >= 0) ::close(descriptor_);
}

Result<UdpSocket> UdpSocket::open(const Endpoint& server) {
    auto address = address_of(server);
    if (!address.ok()) return std::move(address).error();
    auto socket = new_socket(server, *address, SOCK_DGRAM);
    if (!socket.ok()) return std::move(socket).error();
    if (connect(socket->descriptor(), address->get(), address->size) != 0) return failed(server, "cannot reach it over UDP", errno);
    return UdpSocket(std::move(*socket), server);
}

Status UdpSocket::send(ByteView message) {
    if (::send(socket_.descriptor(), message.data(), message.size(), MSG_NOSIGNAL) < 0) return failed(server_, "cannot send over UDP", errno);
    return done();
}

Result<Bytes> UdpSocket::receive(const Deadline& deadline) {
    Bytes datagram(kMessageOctetsMax);
    for (;;) { // ends at the deadline at the latest
        Ready ready = wait_for(socket_, POLLIN, deadline);
        if (ready == Ready::late) return late(server_, "no answer over UDP");
        if (ready == Ready::broken) return failed(server_, "cannot wait for an answer", errno);
        auto count = recv(socket_.descriptor(), datagram.data(), datagram.size(), 0);
        if (count >= 0) {
            datagram.resize(static_cast<std::size_t>(count));
            return datagram;
        }
        if (errno != EAGAIN && errno != EINTR) return failed(server_, "no answer over UDP", errno);
    }
}

Result<TcpConnection> TcpConnection::open(const Endpoint& server, const Deadline& deadline) {
    auto address = address_of(server);
    if (!address.ok()) return std::move(address).error();
    auto socket = new_socket(server, *address, SOCK_STREAM);
    if (!socket.ok()) return std::move(socket).error();
    int on = 1;
    setsockopt(socket->descriptor(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on); // only speed hangs on it
    if (connect(socket->descriptor(), address->get(), address->size) != 0) {
        if (errno != EINPROGRESS) return failed(server, "cannot connect over TCP", errno);
        Ready ready = wait_for(*socket, POLLOUT, deadline);
        if (ready == Ready::late) return late(server, "no TCP connection");
        int failure = 0;
        socklen_t size = sizeof failure;
        if (ready == Ready::broken || getsockopt(socket->descriptor(), SOL_SOCKET, SO_ERROR, &failure, &size) != 0) failure = errno;
        if (failure != 0) return failed(server, "cannot connect over TCP", failure);
    }
    return TcpConnection(std::move(*socket), server);
}

Status TcpConnection::send(ByteView message, const Deadline& deadline) {
    if (message.size() > kMessageOctetsMax)
        return Error(ErrorCode::internal, fmt::format("a DNS message of {} octets does not fit TCP's {}", message.size(), kMessageOctetsMax));
    // RFC 7766 section 8: length and message in one write.
    Bytes framed{static_cast<std::uint8_t>(message.size() >> 8), static_cast<std::uint8_t>(message.size() & 0xff)};
    framed.insert(framed.end(), message.begin(), message.end());
    for (std::size_t sent = 0; sent < framed.size();) {
        auto count = ::send(socket_.descriptor(), framed.data() + sent, framed.size() - sent, MSG_NOSIGNAL);
        if (count > 0) sent += static_cast<std::size_t>(count);
        if (count >= 0 || errno == EINTR) continue;
        if (errno != EAGAIN) return failed(server_, "the TCP connection broke while sending", errno);
        if (wait_for(socket_, POLLOUT, deadline) != Ready::yes) return late(server_, "the server took no data over TCP");
    }
    return done();
}

Status TcpConnection::read_exactly(std::uint8_t* to, std::size_t count, const Deadline& deadline) {
    for (std::size_t have = 0; have < count;) {
        if (deadline.passed() || wait_for(socket_, POLLIN, deadline) != Ready::yes) return late(server_, "no complete answer over TCP");
        auto got = recv(socket_.descriptor(), to + have, count - have, 0);
        if (got == 0)
            return Error(ErrorCode::transient, fmt::format("{}: the server closed the TCP connection without an answer", server_.to_string()),
                         Retry::transient());
        if (got > 0) have += static_cast<std::size_t>(got);
        if (got < 0 && errno != EAGAIN && errno != EINTR) return failed(server_, "the TCP connection broke before the answer", errno);
    }
    return done();
}

Result<Bytes> TcpConnection::receive(const Deadline& deadline) {
    std::uint8_t length[2];
    if (auto status = read_exactly(length, sizeof length, deadline); !status.ok()) return std::move(status).error();
    Bytes message(static_cast<std::size_t>(length[0]) << 8 | length[1]);
    if (auto status = read_exactly(message.data(), message.size(), deadline); !status.ok()) return std::move(status).error();
    return message;
}

} // namespace mxseal::dns
