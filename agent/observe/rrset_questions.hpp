// What the servers of one zone answer for TXT and MX RRsets, each for itself. Signatures are not judged: MTA-STS does not need them.
#pragma once

#include "agent/observe/name_servers.hpp"
#include "rotation/mta_sts/observation.hpp"

#include <optional>
#include <set>
#include <vector>

namespace mxseal::agent {

// What one server says of one RRset.
struct RrsetSaid {
    rotation::mta_sts::RrsetAnswer answer; // with an alias: its TTL, and not `answered`
    std::optional<dns::Name> alias;        // a CNAME stands at the owner
};

struct RrsetReport {
    std::set<dns::Name> ns_names; // as this server serves them
    std::vector<RrsetSaid> said;  // one a question
};

class RrsetQuestions {
public:
    RrsetQuestions(ValidatingResolver& resolver, const ObserverOptions& options) : resolver_(resolver), options_(options) {}

    // The zone of a name: the name itself or the nearest one above it with an SOA record. `bogus`, `transient`.
    Result<dns::Name> zone_of(const dns::Name& name);
    // All questions to every authoritative address of the zone. `transient` when its servers are not known. Blocks.
    Result<std::vector<RrsetReport>> ask(const dns::Name& zone, const std::vector<ExtraNameServer>& extras, const std::vector<dns::Question>& questions);

private:
    Result<bool> is_apex(const dns::Name& name);

    ValidatingResolver& resolver_;
    const ObserverOptions& options_;
};

} // namespace mxseal::agent
