// One primary, for the length of one call: what the driver asks of it and sends to it.
#pragma once

#include "base/dns/signed_session.hpp"
#include "base/dns/update.hpp"
#include "providers/changes.hpp"
#include "providers/driver.hpp"

#include <optional>
#include <vector>

namespace mxseal::providers {

struct PrimaryAccess {
    dns::Endpoint server;
    const dns::TsigKey& key;
    const Clock& clock;
    dns::Deadline deadline;    // of the whole call
    Duration exchange_timeout;
};

class Primary {
public:
    explicit Primary(PrimaryAccess access) : access_(std::move(access)) {}

    Result<Zone> find_zone(const dns::Name& name);
    Result<std::optional<Rrset>> read(const Zone& zone, const dns::Name& owner, dns::Type type);
    Result<Ticket> apply(const Zone& zone, const std::vector<Change>& changes);
    Result<Instant> time(const Zone& zone);

private:
    using Plan = std::vector<PlannedChange>;

    Result<dns::SignedSession*> session(); // opened at the first use
    Result<dns::Message> ask(const dns::Question& question);
    Result<dns::Message> ask_with_authority(const dns::Name& owner, dns::Type type); // NOERROR or NXDOMAIN, with AA
    Result<bool> is_made_up(const Zone& zone, const dns::Message& message, const dns::Name& owner, dns::Type type);
    Result<Plan> plan(const Zone& zone, const std::vector<Change>& changes); // without what changes nothing
    Status send(const Zone& zone, const Plan& plan);
    Status read_back(const Zone& zone, const Plan& plan);
    dns::Deadline exchange_deadline() const { return access_.deadline.within(access_.exchange_timeout); }

    PrimaryAccess access_;
    std::optional<dns::SignedSession> session_;
};

} // namespace mxseal::providers
