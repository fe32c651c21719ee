// Problem documents of a CA (RFC 7807, RFC 8555 section 6.7): what went wrong, and whether and when to come back.
#pragma once

#include "base/json.hpp"
#include "base/result.hpp"
#include "base/time.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace mxseal::agent {

struct Problem {
    int status = 0;
    std::string type;   // without "urn:ietf:params:acme:error:"; empty when the CA gave none of ACME's
    std::string detail; // the CA's words, untrusted
    std::vector<std::string> subproblems; // "mx1.example.org: dns: no answer", untrusted
    std::optional<Duration> retry_after;

    std::string words() const; // detail and subproblems in one line, for Error::with_peer_text
};

// Of an error object inside an order or a challenge; null gives an empty problem.
Problem problem_of(const Json& document);
// Of an answer; a body that is no problem document gives its status alone.
Problem parse_problem(int status, std::string_view body);

// E-06: acts on the type and the status, never on the words.
Error to_error(const Problem& problem, std::string_view doing);

// RFC 9110 section 10.2.3 (E-07): seconds, or the time from `now` to a date; nothing when it is neither.
std::optional<Duration> parse_retry_after(std::string_view text, Instant now);

} // namespace mxseal::agent
