#include "agent/observe/tcp_stream.hpp"

#include <fmt/format.h>

#include <cerrno>
#include <cstring>
#include <memory>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <system_error>
#include <unistd.h>

namespace mxseal::agent {
namespace {

struct FreeAddress {
    void operator()(addrinfo* info) const { freeaddrinfo(info); }
};

std::string text_of(int error_number) { return std::generic_category().message(error_number); }

Error broken(std::string what) { return {ErrorCode::transient, std::move(what), Retry::transient()}; }

Status wait_for(int fd, short events, const Deadline& deadline, std::string_view what) {
    // A signal shortens one poll, never the wait; each turn is bounded by what is left.
    while (!deadline.over()) {
        pollfd entry{fd, events, 0};
        const int ready = poll(&entry, 1, static_cast<int>(std::min<std::int64_t>(deadline.left().count(), 60'000)));
        if (ready > 0) return done();
        if (ready < 0 && errno != EINTR) return broken(fmt::format("{}: {}", what, text_of(errno)));
    }
    return broken(fmt::format("{}: no answer in time", what));
}

Status finish_connect(int fd, const Deadline& deadline) {
    Status ready = wait_for(fd, POLLOUT, deadline, "connect");
    if (!ready) return ready;
    int failure = 0;
    socklen_t size = sizeof failure;
    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &failure, &size) != 0) failure = errno;
    if (failure != 0) return broken("connect: " + text_of(failure));
    return done();
}

} // namespace

Result<TcpStream> TcpStream::connect(const std::string& address, std::uint16_t port, const Deadline& deadline) {
    addrinfo hints{};
    hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV;
    hints.ai_socktype = SOCK_STREAM;
    addrinfo* found = nullptr;
    if (getaddrinfo(address.c_str(), std::to_string(port).c_str(), &hints, &found) != 0)
        return Error(ErrorCode::invalid, fmt::format("'{}' is no IPv4 or IPv6 address", escape_untrusted(address, 60)));
    const std::unique_ptr<addrinfo, FreeAddress> info(found);
    TcpStream stream(socket(info->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (stream.fd_ < 0) return Error(ErrorCode::io, "socket: " + text_of(errno), Retry::transient());
    const int on = 1;
    setsockopt(stream.fd_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on); // short lines each way: do not wait to fill a segment
    if (::connect(stream.fd_, info->ai_addr, info->ai_addrlen) == 0) return stream;
    if (errno != EINPROGRESS) return broken("connect: " + text_of(errno));
    if (Status connected = finish_connect(stream.fd_, deadline); !connected) return std::move(connected).error();
    return stream;
}

TcpStream::~TcpStream() {
    if (fd_ >= 0) close(fd_);
}

Status TcpStream::send_all(ByteView bytes, const Deadline& deadline) {
    while (!bytes.empty()) {
        const ssize_t sent = send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
        if (sent > 0) {
            bytes = bytes.subspan(static_cast<std::size_t>(sent));
            continue;
        }
        if (errno == EINTR) continue;
        if (errno != EAGAIN) return broken("send: " + text_of(errno));
        if (Status ready = wait_for(fd_, POLLOUT, deadline, "send"); !ready) return ready;
    }
    return done();
}

Result<std::size_t> TcpStream::receive(std::span<std::uint8_t> buffer, const Deadline& deadline) {
    // Each turn either ends or waits, and the waits end at the deadline.
    while (true) {
        const ssize_t got = recv(fd_, buffer.data(), buffer.size(), 0);
        if (got >= 0) return static_cast<std::size_t>(got);
        if (errno == EINTR) continue;
        if (errno != EAGAIN) return broken("receive: " + text_of(errno));
        if (Status ready = wait_for(fd_, POLLIN, deadline, "receive"); !ready) return std::move(ready).error();
    }
}

bool TcpStream::has_unread() const {
    std::uint8_t octet = 0;
    return recv(fd_, &octet, 1, MSG_PEEK | MSG_DONTWAIT) > 0;
}

} // namespace mxseal::agent
