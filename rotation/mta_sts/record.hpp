// The TXT record at `_mta-sts.<domain>` (RFC 8461 section 3.1; C-01..C-06) and its ids.
#pragma once

#include "base/time.hpp"
#include "rotation/mta_sts/ledger.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace mxseal::rotation::mta_sts {

// "v=STSv1; id=20261122135400a1b2c3d4;"
std::string record_of(std::string_view id);
// The id of a record as senders read it: absent when it does not begin with "v=STSv1;" (C-02) or is not valid.
std::optional<std::string> id_of(std::string_view record);
// Senders count it as an STSv1 record, valid or not; more than one at the name is as good as none (C-03).
bool is_sts(std::string_view record);

std::size_t sts_records(const Values& values);
// `values` with `record` as the only STSv1 record (other TXT records at the name stay); with an empty one none.
Values with_record(const Values& values, const std::string& record);
// What a change of the TXT RRset starts from: what the server that is written to holds, where mxseal writes (`managed`); else what the name
// servers say. Null: nobody knows.
const Values* txt_base(const RrsetLedger& txt, bool managed);
// Every id that was seen joins `ids`.
void remember_ids(std::vector<std::string>& ids, const RrsetObservation& seen);

// C-05: the second and the first octets of the body's digest, 22 characters; never one of `used`, whatever the clock says.
std::string new_id(Instant now, std::string_view body, const std::vector<std::string>& used);

} // namespace mxseal::rotation::mta_sts
