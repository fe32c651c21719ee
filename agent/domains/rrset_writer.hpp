// Writes the TXT and MX RRsets of a mail domain's policy in the words of the policy core.
#pragma once

#include "base/dns/query.hpp"
#include "providers/driver.hpp"
#include "rotation/mta_sts/observation.hpp"

namespace mxseal::agent {

// Compare-and-swap of the values of one RRset. `base` empty: it must be absent; `target` empty: it is removed; `ttl` is that of the whole
// RRset afterwards. A value that stays keeps its octets: how another hand split a text into strings is no business of ours.
//
// Errors as DnsDriver::apply; `precondition` when something else than `base` stands there. Success means accepted: the next look shows
// what became of it. Blocks, in two calls of the driver at most 60 s.
Status write_rrset(providers::DnsDriver& driver, const dns::Name& owner, dns::Type type, const rotation::mta_sts::Values& base, const rotation::mta_sts::Values& target, Ttl ttl);

} // namespace mxseal::agent
