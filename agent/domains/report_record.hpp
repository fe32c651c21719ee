// TLS-RPT records: TXT at `_smtp._tls.<domain>`, where senders learn whom to report to (RFC 8460 section 3; requirements D-01..D-04).
//
// Only ours is ever written: a record that somebody else put there stays, and so do TXT records that are none of TLS-RPT.
#pragma once

#include "rotation/mta_sts/observation.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace mxseal::agent {

// "v=TLSRPTv1; rua=mailto:a@example.org,https://r.example.org/tlsrpt": D-01, with `,` `!` `;` inside a URI percent-encoded; what else a
// URI cannot hold is encoded too. `rua`: at least one URI.
std::string report_record_of(const std::vector<std::string>& rua);

// Senders count it as a TLSRPTv1 record, valid or not; more than one at the name is as good as none (RFC 8460 section 3).
bool is_report_record(std::string_view value);

struct ReportRecordSeen {
    enum class State {
        in_place, // every server answers with ours and with no other TLS-RPT record
        foreign,  // some server has another one, which is never overwritten
        missing,  // some server has none, or still ours as it was before; nothing is in the way of ours
        several,  // some server has more than one: senders ignore them all
        unknown,  // some server did not answer, or the round could not be made
    } state = State::unknown;
    std::string detail; // which server says what, and what helps
};
std::string_view to_string(ReportRecordSeen::State state);

// `ours`: as report_record_of() writes it; `ours_before`: what we wrote last under another configuration, to be replaced.
ReportRecordSeen judge_report_record(const rotation::mta_sts::RrsetRound& seen, std::string_view ours, const std::optional<std::string>& ours_before);

// The values with `ours` (or, when that is empty, without any of ours) and the TXT values of others as they are. Absent: a foreign TLS-RPT
// record stands there, so nothing may be written.
std::optional<rotation::mta_sts::Values> with_report_record(const rotation::mta_sts::Values& values, std::string_view ours, const std::optional<std::string>& ours_before);

} // namespace mxseal::agent
