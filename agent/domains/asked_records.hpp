// The records of a change that an operator is asked for, as lines of a zone file: what is to be added and what is to go.
#pragma once

#include "base/dns/query.hpp"
#include "rotation/mta_sts/observation.hpp"

#include <string>
#include <vector>

namespace mxseal::agent {

struct AskedRecords {
    std::vector<std::string> add;    // `_mta-sts.example.org. 3600 IN TXT "v=STSv1; id=1;"`; without a TTL where it is the operator's
    std::vector<std::string> remove; // `example.org. IN MX 10 mx1.example.org.`
    bool operator==(const AskedRecords&) const = default;
};

// TXT and MX. `owner`: absolute, without the final dot; `ttl` zero: the operator's.
AskedRecords asked_records(const std::string& owner, dns::Type type, const rotation::mta_sts::Values& base, const rotation::mta_sts::Values& target, Ttl ttl);
// One line of a zone file for a text of a TXT record.
std::string txt_line(const std::string& owner, std::string_view text, Ttl ttl);

} // namespace mxseal::agent
