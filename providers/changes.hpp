// What a change makes of an RRset: the part of the DnsDriver contract that is the same for all drivers. Pure.
#pragma once

#include "base/result.hpp"
#include "providers/driver.hpp"

#include <optional>
#include <string>
#include <vector>

namespace mxseal::providers {

// Sorted, without repetition.
std::vector<Bytes> canonical(std::vector<Bytes> values);

// `not_managed` when an owner is outside of the zone; `invalid` when there are more changes than `max_changes`, two for one
// RRset, a TTL out of range, or a type that mxseal never writes. Asks no server.
Status check_changes(const Zone& zone, const std::vector<Change>& changes, std::size_t max_changes);

// One RRset before and after.
struct PlannedChange {
    dns::Name owner;
    dns::Type type = dns::Type::tlsa;
    std::optional<Rrset> before, after;
    bool changes_anything() const { return before != after; }
    std::string to_string() const; // "TLSA _25._tcp.mx1.example.org"
};

// `precondition` when what stands there is not what the change expects; `invalid` when a new value is malformed.
// `min_ttl` raises the TTL.
Result<PlannedChange> plan_change(const Change& change, std::optional<Rrset> current, std::optional<Ttl> min_ttl);

} // namespace mxseal::providers
