// Sockets towards one DNS server, with hard time-outs. For base/dns and the drivers that speak DNS; blocks its thread in
// poll(2). The only clock here is the one that a time-out on a socket needs.
#pragma once

#include "base/bytes.hpp"
#include "base/dns/query.hpp"
#include "base/result.hpp"
#include "base/time.hpp"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <utility>

namespace mxseal::dns {

// RFC 1035 section 4.2.2: a message over TCP stands behind two octets of length.
inline constexpr std::size_t kMessageOctetsMax = 65535;

class Deadline {
public:
    static Deadline in(Duration timeout) { return Deadline(std::chrono::steady_clock::now() + timeout); }
    // The sooner of the two.
    Deadline within(Duration timeout) const { return Deadline(std::min(at_, std::chrono::steady_clock::now() + timeout)); }
    bool passed() const { return std::chrono::steady_clock::now() >= at_; }
    int poll_timeout_ms() const; // at least 0, rounded up

private:
    explicit Deadline(std::chrono::steady_clock::time_point at) : at_(at) {}
    std::chrono::steady_clock::time_point at_;
};

class Socket {
public:
    Socket() = default;
    explicit Socket(int descriptor) : descriptor_(descriptor) {}
    Socket(Socket&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}
    Socket& operator=(Socket&& other) noexcept {
        std::swap(descriptor_, other.descriptor_);
        return *this;
    }
    Socket(const Socket&) = delete;
    Socket& operator=(const Socket&) = delete;
    ~Socket();
    int descriptor() const { return descriptor_; }

private:
    int descriptor_ = -1;
};

// A connected datagram socket: the kernel picks the source port at random and drops what comes from elsewhere.
class UdpSocket {
public:
    static Result<UdpSocket> open(const Endpoint& server);
    Status send(ByteView message);
    // The next datagram; `transient` when none came in time.
    Result<Bytes> receive(const Deadline& deadline);

private:
    explicit UdpSocket(Socket socket, Endpoint server) : socket_(std::move(socket)), server_(std::move(server)) {}
    Socket socket_;
    Endpoint server_;
};

class TcpConnection {
public:
    // `transient`: nothing was sent.
    static Result<TcpConnection> open(const Endpoint& server, const Deadline& deadline);
    // `transient`: part of the message may have been sent.
    Status send(ByteView message, const Deadline& deadline);
    Result<Bytes> receive(const Deadline& deadline);

private:
    explicit TcpConnection(Socket socket, Endpoint server) : socket_(std::move(socket)), server_(std::move(server)) {}
    Status read_exactly(std::uint8_t* to, std::size_t count, const Deadline& deadline);
    Socket socket_;
    Endpoint server_;
};

} // namespace mxseal::dns
