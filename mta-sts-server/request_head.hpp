// The head of a request (RFC 9112 sections 3 and 5): octets in, what was asked out. Reading is Boost.Beast's; the limits are G-08's.
#pragma once

#include "mta-sts-server/limits.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace mxseal::server {

struct RequestHead {
    std::string method;
    std::string target;
    std::optional<std::string> host; // of the one Host field; nothing: HTTP/1.0 without it
    bool has_body = false;           // announced by Content-Length or Transfer-Encoding
};

struct HeadReading {
    enum class Kind {
        incomplete,     // more must come
        complete,
        malformed,      // 400
        line_too_long,  // 414
        head_too_long,  // 431
    };
    Kind kind = Kind::incomplete;
    RequestHead head{};  // of a complete one
};

// `received`: everything since the connection came. `looked_at`: how much of it an earlier call has seen; it is moved on, so that
// a head which comes octet by octet is not searched anew each time. Parsed once, when it is there.
HeadReading read_head(std::string_view received, std::size_t& looked_at, const Limits& limits);

} // namespace mxseal::server
