#include "base/result.hpp"

#include <fmt/format.h>

namespace mxseal {

std::string_view to_string(ErrorCode code) {
    switch (code) {
    case ErrorCode::invalid: return "invalid";
    case ErrorCode::not_found: return "not_found";
    case ErrorCode::auth_failed: return "auth_failed";
    case ErrorCode::clock_skew: return "clock_skew";
    case ErrorCode::not_managed: return "not_managed";
    case ErrorCode::unsupported: return "unsupported";
    case ErrorCode::precondition: return "precondition";
    case ErrorCode::cname_conflict: return "cname_conflict";
    case ErrorCode::busy: return "busy";
    case ErrorCode::rate_limited: return "rate_limited";
    case ErrorCode::transient: return "transient";
    case ErrorCode::ambiguous: return "ambiguous";
    case ErrorCode::not_published: return "not_published";
    case ErrorCode::unsigned_zone: return "unsigned_zone";
    case ErrorCode::bogus: return "bogus";
    case ErrorCode::io: return "io";
    case ErrorCode::protocol: return "protocol";
    case ErrorCode::refused: return "refused";
    case ErrorCode::internal: return "internal";
    }
    return "internal";
}

std::string escape_untrusted(std::string_view text, std::size_t limit) {
    std::string out;
    for (unsigned char c : text) {
        if (out.size() >= limit) return out + "...";
        if (c == '\n' || c == '\r' || c == '\t')
            out += ' ';
        else if (c < 0x20 || c > 0x7e)
            out += fmt::format("\\x{:02x}", c);
        else
            out += static_cast<char>(c);
    }
    return out;
}

std::string Error::to_string() const {
    std::string out;
    for (auto context = contexts_.rbegin(); context != contexts_.rend(); ++context) out += *context + ": ";
    out += message_;
    if (!peer_text_.empty()) out += " (the peer said: \"" + escape_untrusted(peer_text_) + "\")";
    return out;
}

} // namespace mxseal
