// TcpStream: one TCP connection whose every wait ends at a deadline. Used by one thread.
#pragma once

#include "agent/observe/deadline.hpp"
#include "base/bytes.hpp"
#include "base/result.hpp"

#include <cstdint>
#include <span>
#include <string>

namespace mxseal::agent {

class TcpStream {
public:
    // `address` in text form, IPv4 or IPv6. `invalid` for another text, `transient` when there is no connection.
    static Result<TcpStream> connect(const std::string& address, std::uint16_t port, const Deadline& deadline);

    TcpStream(TcpStream&& other) noexcept : fd_(other.fd_) { other.fd_ = -1; }
    TcpStream& operator=(TcpStream&&) = delete;
    ~TcpStream();

    Status send_all(ByteView bytes, const Deadline& deadline);
    // How many octets came; 0: the peer closed. `transient` at the deadline or when the connection broke.
    Result<std::size_t> receive(std::span<std::uint8_t> buffer, const Deadline& deadline);
    // Whether octets wait to be read, without waiting and without taking them.
    bool has_unread() const;

private:
    explicit TcpStream(int fd) : fd_(fd) {}
    int fd_;
};

} // namespace mxseal::agent
