// Wire: what lies between OpenSSL and a socket. Reads come from octets at hand before they come from the socket; writes are gathered,
// so that a flight, or an answer with its close_notify, leaves in one send().
#pragma once

#include "base/bytes.hpp"

#include <string>

namespace mxseal::server {

struct Wire {
    int socket = -1;
    ByteView at_hand{};     // read before the TLS session was made; valid for one call into it
    bool drained = false;   // the last recv() got less than it asked for: no use in asking before the next event
    bool ended = false;     // the peer closed, or the connection broke
    std::string out{};      // not sent yet

    // recv() without waiting, with the flags above kept. 0: nothing there now, or ended.
    std::size_t receive(std::span<std::uint8_t> into);
    // Sends what there is. False: the connection broke.
    bool send();
};

} // namespace mxseal::server
