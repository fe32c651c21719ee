// Limits of the endpoint. G-08 names those with a number there; the others are our choice, because a sender's fetch is two
// round trips, two kilobytes and one request.
#pragma once

#include "base/time.hpp"

#include <cstddef>

namespace mxseal::server {

struct Limits {
    // The three follow each other, so a connection ends 30 s after it came (G-08: 10 s for the header, 30 s in all).
    Duration handshake = std::chrono::seconds(10);
    Duration header = std::chrono::seconds(10);
    Duration answer = std::chrono::seconds(10);        // until the peer has taken the answer and closed

    std::size_t head_bytes = 8 * 1024;                 // G-08: request line and fields
    std::size_t request_line_bytes = 2 * 1024;         // G-08

    std::size_t connections = 16384;                   // in all; beyond it the oldest gives way to the newest
    std::size_t connections_per_address = 64;          // of an IPv4 address or an IPv6 /64; beyond it the newest is closed
    std::size_t certificates_cached = 16384;           // in all loops together: 7 KiB each
};

// RFC 8461 section 3.3: senders limit a policy body to 64 KiB.
inline constexpr std::size_t kPolicyBytesMax = 64 * 1024;

} // namespace mxseal::server
