// PolicyBody: the file at https://mta-sts.<domain>/.well-known/mta-sts.txt as a value (RFC 8461 section 3.2; C-10..C-14).
#pragma once

#include "base/result.hpp"
#include "base/time.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace mxseal::rotation::mta_sts {

enum class Mode { none, testing, enforce };
std::string_view to_string(Mode mode);
std::optional<Mode> parse_mode(std::string_view text);

inline constexpr std::chrono::seconds kMaxAgeMost{31'557'600}; // RFC 8461 section 3.2
inline constexpr std::size_t kBodyBytesMost = 8 * 1024;        // C-14

struct PolicyBody {
    Mode mode = Mode::none;
    std::chrono::seconds max_age{86400};
    std::vector<std::string> mx;    // patterns in lower case without a final dot, sorted, each once; may be empty only with mode none

    // What is served: CRLF, that order, single spaces (C-10).
    std::string text() const;
    bool operator==(const PolicyBody&) const = default;
};

// Reads a body as senders do (C-10): LF or CRLF, white space at the end of a line, any order, unknown keys, first of a repeated key.
// `invalid`: what is wrong with it.
Result<PolicyBody> parse_body(std::string_view text);

// "mx1.example.org" or "*.example.org" (RFC 8461 section 3.2; C-12), in lower case.
bool is_pattern(std::string_view text);
// RFC 8461 section 4.1: a wildcard stands for exactly one whole left-most label. `host` in lower case without a final dot.
bool matches(std::string_view pattern, std::string_view host);
bool covers(const PolicyBody& body, std::string_view host);

} // namespace mxseal::rotation::mta_sts
