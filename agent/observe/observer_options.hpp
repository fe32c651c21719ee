// How an AuthoritativeObserver asks.
#pragma once

#include "base/dns/query.hpp"
#include "base/time.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>

namespace mxseal::agent {

struct ObserverOptions {
    Duration try_timeout = std::chrono::seconds(3); // of each try
    int udp_tries = 2;                              // then one over TCP
    std::uint16_t dns_port = 53;                    // of servers that are known by name
    std::size_t threads = 16;                       // servers, and names, asked at the same time in one round
    std::size_t servers_max = 64;                   // our choice: more addresses than this is not a zone that we understand
    std::size_t parent_servers_max = 8;             // addresses of the parent that are asked for the delegation

    dns::QueryOptions query() const { return {try_timeout, udp_tries, false, true}; }
};

// One question to one server: over UDP, and over TCP when that brings nothing ("unreachable" means both).
inline Result<dns::Message> ask_server(const dns::Endpoint& server, const dns::Question& question, const ObserverOptions& options) {
    Result<dns::Message> answer = dns::exchange(server, question, options.query());
    if (answer || answer.error().code() != ErrorCode::transient) return answer;
    dns::QueryOptions over_tcp = options.query();
    over_tcp.udp_tries = 0;
    Result<dns::Message> second = dns::exchange(server, question, over_tcp);
    return second ? std::move(second) : std::move(answer);
}

} // namespace mxseal::agent
