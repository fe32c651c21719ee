// Wire: what lies between OpenSSL and a socket. Reads come from octets at hand before they come from the socket; writes are gathered,
// so that a flight, or an answer with its close_notify, leaves in one send().
#pragma once

#include "base/bytes.hpp"

#include <string>

namespace mxseal::server {

// What one connection may send us in all. A ClientHello of 16 KiB and a head of 8 KiB fit; what flows on behind them, records that say
// nothing or KeyUpdates among it (RFC 8446 section 4.6.3), would keep a loop for itself (our choice).
inline constexpr std::size_t kReceivedMax = 128 * 1024;

struct Wire {
    int socket = -1;
    std::size_t allowance = kReceivedMax; // octets that may still come
    ByteView at_hand{};     // read before the TLS session was made; valid for one call into it
    bool drained = false;   // the last recv() got less than it asked for: no use in asking before the next event
    bool ended = false;     // the peer closed, the connection broke, or the allowance is used up
    std::string out{};      // not sent yet

    // recv() without waiting, with the flags above kept. 0: nothing there now, or ended.
    std::size_t receive(std::span<std::uint8_t> into);
    // Sends what there is. False: the connection broke.
    bool send();
};

} // namespace mxseal::server
