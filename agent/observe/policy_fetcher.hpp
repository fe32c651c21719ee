// Fetches a policy as a sender does (RFC 8461 section 3.3), from one address of mta-sts.<domain> or from all. Blocks: for workers.
#pragma once

#include "agent/observe/observer.hpp"
#include "base/dns/name.hpp"
#include "base/http.hpp"
#include "base/result.hpp"
#include "rotation/mta_sts/observation.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace mxseal::agent {

struct PolicyFetchOptions {
    bool allow_private = false;                        // G-05: else such an address is `refused` and nothing is sent
    Duration timeout = std::chrono::seconds(60);       // C-14: what senders grant
    std::string trusted_pem{};                         // in place of the transport's roots: a certificate of our own signing
};

struct FetchedPolicy {
    std::string body;
    std::optional<std::uint64_t> generation;           // of the snapshot it was served from, where the replica says so (C-28)
};

// HTTPS with SNI and a certificate that `transport` trusts, status 200, text/plain, no redirect, at most 64 KiB; else an error
// says what a sender would stop at.
Result<FetchedPolicy> fetch_policy(HttpTransport& transport, const dns::Name& domain, const std::string& address, const PolicyFetchOptions& options);

// The addresses of mta-sts.<domain>: at least one, at most 16. `not_found` when it has none, `protocol` when there are more, else as
// Observer::addresses().
Result<std::vector<std::string>> endpoint_addresses(Observer& observer, const dns::Name& domain);

// One fetch from each of these addresses, all at the same time; `error` says why there are none.
rotation::mta_sts::FetchRound fetch_round(HttpTransport& transport, Observer& observer, const Clock& clock, const dns::Name& domain, const PolicyFetchOptions& options);

} // namespace mxseal::agent
