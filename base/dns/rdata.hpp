// The fields of records that mxseal reads, out of their rdata.
#pragma once

#include "base/dns/query.hpp"

#include <cstdint>
#include <optional>
#include <string>

namespace mxseal::dns {

// Each gives nothing when the record is of another type or does not parse.
std::optional<Name> target_of(const Record& record);         // of NS, CNAME, DNAME, MX
std::optional<std::uint16_t> preference_of(const Record& record); // of MX
Bytes mx_rdata(std::uint16_t preference, const Name& host);       // the way back (RFC 1035 section 3.3.9)
std::optional<std::string> address_of(const Record& record); // of A, AAAA, in text form

struct Soa {
    std::uint32_t serial = 0;
    Ttl expire{0};
    Ttl minimum{0};
};
std::optional<Soa> soa_of(const Record& record);

// RFC 2308 section 5: how long a denial may be kept, min(TTL of the SOA, its MINIMUM).
std::optional<Ttl> negative_ttl_of(const Record& soa);

} // namespace mxseal::dns
