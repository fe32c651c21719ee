// Whose sockets are the two ends of a loopback connection, by the kernel's table. The token says who may ask; this says it before an
// octet is read or sent: a stranger cannot occupy the agent's threads, nor take the port of a killed agent and be sent its token.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include <sys/types.h>

namespace mxseal::agent {

// The text of /proc/net/tcp; nothing where it cannot be read (proc(5): a service without /proc/net).
std::optional<std::string> read_tcp_table();

// The user whose socket listens on `port` of 127.0.0.1 or of all addresses.
std::optional<uid_t> owner_of_listener(const std::string& table, std::uint16_t port);
// The user who opened the connection from 127.0.0.1:`client_port` to 127.0.0.1:`server_port`.
std::optional<uid_t> owner_of_client(const std::string& table, std::uint16_t client_port, std::uint16_t server_port);

} // namespace mxseal::agent
