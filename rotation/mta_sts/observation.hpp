// What was seen of a domain from outside: its TXT and MX RRsets at every authoritative address, and the policy as every address of
// the endpoint serves it. Plain values, filled by agent/observe and by the simulation, judged by the core.
#pragma once

#include "base/time.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace mxseal::rotation::mta_sts {

// The values of an RRset in presentation form without the owner, sorted, each once: "10 mx1.example.org", "v=STSv1; id=1;" (strings joined).
using Values = std::vector<std::string>;

struct RrsetAnswer {
    std::string server;             // name from the NS RRset or the configuration
    std::string address;
    bool answered = false;          // with the RRset, or with NODATA or NXDOMAIN
    Values values;                  // empty: there is none
    Ttl ttl{0};                     // as served, when there are values; the largest one of a CNAME chain
    std::string detail;             // why there is no answer
    bool by_alias = false;          // asked only because the servers of the owner's own zone show an alias
};

struct RrsetObservation {
    std::vector<RrsetAnswer> servers;
    std::optional<Values> primary;  // as the driver reads it from the server it writes to; absent: not written to, or not read
    std::string primary_error;
    std::vector<std::string> following{}; // addresses that answer with an alias, and so with what the servers of its target say
};

struct DnsObservation {             // one round
    Instant started{}, finished{};
    std::string error;              // the round could not be made at all
    RrsetObservation txt;           // _mta-sts.<domain>
    RrsetObservation mx;            // <domain>
    std::optional<std::string> txt_alias{}; // the name that `_mta-sts.<domain>` is an alias of, as the servers of the domain's zone say
};

struct RrsetRound {                 // one round over one RRset
    Instant started{}, finished{};
    std::string error;              // the round could not be made at all
    RrsetObservation rrset;
    std::optional<std::string> alias{}; // the name that the owner is an alias of
};

// One fetch from one address, as a sender does it (RFC 8461 section 3.3).
struct PolicyFetch {
    std::string address;
    std::optional<std::string> body; // 200, text/plain, a certificate that is valid for the name; else absent
    std::optional<std::uint64_t> generation; // of the snapshot it was served from, where the replica says so
    std::string detail;              // what went wrong
    bool departed = false;           // no address of the name any more: fetched because resolvers may still hold it
};

struct FetchRound {
    Instant started{}, finished{};
    std::string error;               // the name has no address, or it cannot be found
    std::vector<PolicyFetch> fetches; // every address of every replica, and those that Fetch named besides
    bool nowhere = false;            // the name has no address, says DNS
};

} // namespace mxseal::rotation::mta_sts
