// Fetches a policy as a sender does (RFC 8461 section 3.3), from one address of mta-sts.<domain>. Blocks: for workers.
#pragma once

#include "base/dns/name.hpp"
#include "base/http.hpp"
#include "base/result.hpp"

#include <string>

namespace mxseal::agent {

struct PolicyFetchOptions {
    bool allow_private = false;                        // G-05: else such an address is `refused` and nothing is sent
    Duration timeout = std::chrono::seconds(60);       // C-14: what senders grant
};

// The body. HTTPS with SNI and a certificate that `transport` trusts, status 200, text/plain, no redirect, at most 64 KiB; else an error
// says what a sender would stop at.
Result<std::string> fetch_policy(HttpTransport& transport, const dns::Name& domain, const std::string& address, const PolicyFetchOptions& options);

} // namespace mxseal::agent
