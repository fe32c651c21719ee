// The values of TXT and MX RRsets between wire rdata and the texts that the policy core works with (rotation/mta_sts/observation.hpp).
//
// TXT: the strings joined without anything between them (RFC 8461 section 3.1, C-04); octets outside printable ASCII as \DDD, the
// backslash as two, nothing else escaped. MX: "10 mx1.example.org", "0 ." for the null MX (RFC 7505). Other types are `unsupported`.
#pragma once

#include "base/dns/query.hpp"
#include "rotation/mta_sts/observation.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace mxseal::agent {

// `protocol` when the rdata is none of that type, or names a host that dns::Name cannot hold.
Result<std::string> value_text(dns::Type type, ByteView rdata);
// A text of more than 255 octets is split after each 255. `invalid` when the text is no value of that type.
Result<Bytes> value_rdata(dns::Type type, std::string_view text);

Result<rotation::mta_sts::Values> values_text(dns::Type type, const std::vector<Bytes>& rdata); // sorted, each once
Result<std::vector<Bytes>> values_rdata(dns::Type type, const rotation::mta_sts::Values& texts);

} // namespace mxseal::agent
