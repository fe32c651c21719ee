// Answers: what is said to a request. Pure: the request, the name of the handshake and what is served decide alone.
#pragma once

#include "base/time.hpp"
#include "mta-sts-server/challenges.hpp"
#include "mta-sts-server/request_head.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace mxseal::server {

inline constexpr std::string_view kPolicyPath = "/.well-known/mta-sts.txt";             // RFC 8461 section 3.3
inline constexpr std::string_view kChallengePath = "/.well-known/acme-challenge/";      // RFC 8555 section 8.3

struct Answer {
    int status = 404;
    std::string body{};
    enum class Type { none, policy, plain, json } type = Type::none;
    bool allow_get = false;  // an Allow field stands beside 405 (RFC 9110 section 15.5.6)
    std::uint64_t generation = 0;  // of the snapshot that a policy is from
    bool head_only = false;  // RFC 9110 section 9.3.2: HEAD has the fields of GET and no body
};

// On TLS. `name`: the SNI of the handshake, in the form of served_name(); `policy`: what is served under it; `generation`: of the snapshot
// that it stands in. The answer carries that as `MTA-STS-Generation: 7`, so that the agent knows how far each replica is (C-28).
Answer answer_tls(const HeadReading& reading, std::string_view name, std::string_view policy, std::uint64_t generation);
// On the port of http-01.
Answer answer_plain(const HeadReading& reading, const Challenges& challenges);
// On the operator's own address: `report` under /status.
Answer answer_status(const HeadReading& reading, const std::string& report);

// Appends the answer as HTTP/1.1. `date`: as http_date() writes it. Every connection is closed behind it (G-08).
void write_answer(std::string& out, const Answer& answer, std::string_view date);

// RFC 9110 section 5.6.7: "Sun, 22 Nov 2026 10:22:10 GMT".
std::string http_date(Instant instant);

} // namespace mxseal::server
