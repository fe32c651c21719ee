// systemd's readiness protocol (sd_notify(3)): one datagram to $NOTIFY_SOCKET.
#pragma once

#include <string>

namespace mxseal::cli {

// False: it was not sent. An empty `socket` means that nobody wants to know.
bool notify(const std::string& socket, const std::string& state);

} // namespace mxseal::cli
