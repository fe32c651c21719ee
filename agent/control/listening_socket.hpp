// Whose socket listens on a loopback port: a file that a killed agent left behind must not lead an operator to a stranger's program
// that took the port since.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include <sys/types.h>

namespace mxseal::agent {

enum class ListenerOwner { expected, nobody, other, unknown };

// Reads /proc/net/tcp; `unknown` where it cannot be read. root's socket counts as expected, too.
ListenerOwner owner_of_loopback_listener(std::uint16_t port, uid_t expected);
// The same from the text of that file.
ListenerOwner owner_of_loopback_listener(const std::string& table, std::uint16_t port, uid_t expected);

} // namespace mxseal::agent
