// Listening sockets: made here, or handed over by systemd.
#pragma once

#include "base/file_descriptor.hpp"
#include "base/result.hpp"
#include "mta-sts-server/connection.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace mxseal::server {

struct Listener {
    FileDescriptor socket;
    Door door = Door::https;
    std::string address; // "127.0.0.1:443", "[::]:443"
};

// `text`: a numeric address and a port, "192.0.2.1:443" or "[2001:db8::1]:443"; port 0: any that is free. [::] takes IPv4 too.
// `invalid`: no such form. `refused`: Door::status on an address that is not loopback. `io`: taken, not ours, or not allowed.
Result<Listener> listen_on(std::string_view text, Door door);

// sd_listen_fds(3): descriptors 3 and up, `count` of them (LISTEN_FDS, when LISTEN_PID is this process), `names` separated by colons
// (LISTEN_FDNAMES): "http" is http-01's, "status" the operator's, anything else https. `invalid`: one is no listening TCP socket.
// `refused`: "status" is not on loopback.
Result<std::vector<Listener>> take_over_listeners(int count, std::string_view names);

} // namespace mxseal::server
