// PolicyObserver: what the world's DNS says of a mail domain's policy, that is of the RRsets TXT `_mta-sts.<domain>` and MX `<domain>`,
// at every authoritative address.
//
// A port: the simulation and tests have their own. It never decides anything; rotation/mta_sts judges what comes back.
#pragma once

#include "agent/observe/observer.hpp"
#include "agent/observe/observer_options.hpp"
#include "agent/observe/validating_resolver.hpp"
#include "rotation/mta_sts/observation.hpp"

#include <optional>
#include <vector>

namespace mxseal::agent {

// How a zone is reached: of the configuration, or found by asking.
struct ZoneAccess {
    dns::Name zone;
    std::vector<ExtraNameServer> nameservers;
    std::vector<providers::DnsDriver*> drivers; // the first fills `primary`
};

// An answer counts only with AA and NOERROR or NXDOMAIN; NODATA and NXDOMAIN are answers without values. All else (SERVFAIL, REFUSED, a
// server that is lame or silent) is no answer, and `detail` says why.
//
// Where the owner is an alias, it is followed, at most 8 steps, and each server of the zone where it ends gives one answer, with the
// largest TTL of the chain. A server that does not show the alias that the others show gives one more, so that the round cannot agree.
// A loop, a zone that cannot be found, a bogus answer of our resolver: `error`, and nothing was learned.
class PolicyObserver {
public:
    virtual ~PolicyObserver() = default;
    // One round over TXT `_mta-sts.<domain>` and MX `<domain>`. `zone` absent: it is found through the resolver (the name itself or the
    // nearest name above it with an SOA record). Blocks.
    virtual rotation::mta_sts::DnsObservation observe(const dns::Name& domain, const std::optional<ZoneAccess>& zone) = 0;
    // One round over one RRset of type TXT or MX: a shared record (C-38), `_smtp._tls.<domain>` (D-01). Blocks.
    virtual rotation::mta_sts::RrsetRound observe_rrset(const dns::Name& owner, dns::Type type, const std::optional<ZoneAccess>& zone) = 0;
};

// The real one. Any thread; several rounds at once.
class AuthoritativePolicyObserver final : public PolicyObserver {
public:
    // `clock` and `resolver` outlive the observer.
    AuthoritativePolicyObserver(const Clock& clock, ValidatingResolver& resolver, ObserverOptions options = {})
        : clock_(clock), resolver_(resolver), options_(options) {}

    rotation::mta_sts::DnsObservation observe(const dns::Name& domain, const std::optional<ZoneAccess>& zone) override;
    rotation::mta_sts::RrsetRound observe_rrset(const dns::Name& owner, dns::Type type, const std::optional<ZoneAccess>& zone) override;

private:
    const Clock& clock_;
    ValidatingResolver& resolver_;
    const ObserverOptions options_;
};

} // namespace mxseal::agent
