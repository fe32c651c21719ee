// Whether a DNSSEC key roll is under way (B-10): the keys that the parent's DS and the child's CDS name differ, or the DNSKEY
// RRset changed within its own TTL.
#pragma once

#include "base/dns/query.hpp"
#include "base/time.hpp"

#include <map>
#include <mutex>
#include <optional>
#include <vector>

namespace mxseal::agent {

// The records of the zone as validated; empty where there are none.
struct DelegationKeys {
    std::vector<dns::Record> ds, cds, cdnskey;
};

// RFC 7344 section 4: without CDS and CDNSKEY the child asks for no change.
bool names_differ(const DelegationKeys& keys);

// Remembers the DNSKEY RRset of each zone since the start of the process. Any thread.
class DnskeyMemory {
public:
    // Whether the set changed less than its TTL ago, this time included.
    bool changed_lately(const dns::Name& zone, std::vector<dns::Record> dnskeys, Instant now);

private:
    struct Seen {
        std::vector<Bytes> keys;
        std::optional<Instant> changed_until;
    };
    std::mutex mutex_;
    std::map<dns::Name, Seen> zones_; // as many as are configured
};

} // namespace mxseal::agent
