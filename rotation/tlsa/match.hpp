// Whether a version of a TLSA RRset matches a chain (requirements A.3).
#pragma once

#include "rotation/types.hpp"

namespace mxseal::rotation::tlsa {

// True when `records` is empty or when, for every parameter combination in it, a record matches `chain` (RFC 7671 section 8).
// Usages 0 and 1 are judged as 2 and 3: what senders make of them is undefined, so they may bind.
bool matches(const dns::TlsaSet& records, const Chain& chain);

// The records in `records` that bind more of the chain than the leaf's key (usage 0 or 2, selector 0, matching type 0).
dns::TlsaSet binding_more_than_key(const dns::TlsaSet& records);

} // namespace mxseal::rotation::tlsa
