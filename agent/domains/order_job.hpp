// One order of a certificate for mta-sts.<domain>, from a new key to what the store keeps. Blocks up to the authority's limit: for workers.
#pragma once

#include "agent/acme/authority.hpp"
#include "agent/domains/site_keys.hpp"
#include "agent/domains/site_outside.hpp"

namespace mxseal::agent {

// The key is journaled before the CA hears of it, so that an order which a crash left behind is finished under the same one; a renewal
// has a new key. Null `journal`: nobody else takes part, so there is nothing to go on with (self-signed).
Result<IssuedSite> order_site(const std::string& domain, CertificateAuthority& authority, const SiteKeys& keys, Journal* journal);

} // namespace mxseal::agent
