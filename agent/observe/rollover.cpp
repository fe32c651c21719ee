#include "agent/observe/rollover.hpp"

#include "base/dns/dnssec.hpp"

#include <algorithm>
#include <set>
#include <utility>

namespace mxseal::agent {
namespace {

using KeyNames = std::set<std::pair<std::uint16_t, std::uint8_t>>; // key tag and algorithm

// RFC 4034 section 5.1, RFC 7344 section 3.1: key tag, algorithm, digest type, digest.
void add_ds(const std::vector<dns::Record>& records, KeyNames& names) {
    for (const dns::Record& record : records)
        if (record.rdata.size() > 4) names.emplace(static_cast<std::uint16_t>(record.rdata[0] << 8 | record.rdata[1]), record.rdata[2]);
}

// RFC 7344 section 3.2: flags, protocol, algorithm, key.
void add_dnskey(const std::vector<dns::Record>& records, KeyNames& names) {
    for (const dns::Record& record : records)
        if (const auto tag = dns::key_tag(record.rdata)) names.emplace(*tag, record.rdata[3]);
}

} // namespace

bool names_differ(const DelegationKeys& keys) {
    if (keys.ds.empty() || (keys.cds.empty() && keys.cdnskey.empty())) return false;
    KeyNames at_parent, at_child;
    add_ds(keys.ds, at_parent);
    add_ds(keys.cds, at_child);
    add_dnskey(keys.cdnskey, at_child);
    // The delete request of RFC 8078 section 4 names key 0 of algorithm 0, which no DS has.
    return at_parent != at_child;
}

bool DnskeyMemory::changed_lately(const dns::Name& zone, std::vector<dns::Record> dnskeys, Instant now) {
    Seen current;
    Ttl ttl{0};
    for (dns::Record& record : dnskeys) {
        ttl = std::max(ttl, record.ttl);
        current.keys.push_back(std::move(record.rdata));
    }
    std::sort(current.keys.begin(), current.keys.end());
    const std::lock_guard lock(mutex_);
    const auto [place, first] = zones_.try_emplace(zone, current);
    if (!first && place->second.keys != current.keys) {
        current.changed_until = now + ttl;
        place->second = std::move(current);
    }
    return place->second.changed_until && now < *place->second.changed_until;
}

} // namespace mxseal::agent
