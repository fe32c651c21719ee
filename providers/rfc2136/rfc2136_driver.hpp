// The driver for primaries that take RFC 2136 updates signed with TSIG: BIND, Knot, PowerDNS and others.
//
// Reads are signed queries over TCP; a write is one signed message with the sets just read as prerequisites, and is read back.
// Any thread; each call takes 30 s at most.
#pragma once

#include "base/dns/query.hpp"
#include "base/dns/tsig.hpp"
#include "base/time.hpp"
#include "providers/driver.hpp"

#include <memory>
#include <vector>

namespace mxseal::providers {

struct Rfc2136Options {
    std::vector<dns::Endpoint> servers; // primaries of the same zones, in order; the next one is asked on F-07's terms only
    dns::TsigKey key;
    Duration call_timeout = std::chrono::seconds(30);     // for one call of the driver
    Duration exchange_timeout = std::chrono::seconds(10); // for one connection, question or update within it
};

// `invalid` without a server or without a secret. The clock must outlive the driver.
Result<std::unique_ptr<DnsDriver>> make_rfc2136_driver(Rfc2136Options options, const Clock& clock);

} // namespace mxseal::providers
