// The proofs of non-existence, on records whose signatures are already checked. Only for .cpp files of base/dns.
#pragma once

#include "base/dns/validated_message.hpp"

#include <vector>

namespace mxseal::dns {

// The signed NSEC or NSEC3 records of one message, all of one type.
using Proof = std::vector<const ldns_rr*>;

struct Finding {
    DenialCheck::Verdict verdict = DenialCheck::Verdict::no_proof;
    std::string detail;
};

Rdf ancestor_of(const ldns_rdf* name, int labels); // the ancestor of `name` with so many labels
Rdf wildcard_below(const ldns_rdf* closest_encloser);

// Whether the type bitmap lets (owner of the record, type) be denied: neither the type nor CNAME is there, and the record does
// not come from the parent's side of a zone cut (RFC 6840 section 4.1).
bool denies_type(const ldns_rr* record, ldns_rr_type type);
// Whether what stands at the record's owner takes names below it out of the zone: a delegation or a DNAME (RFC 6840 section 4.1).
bool cuts_below(const ldns_rr* record);

Finding deny_by_nsec(const Proof& proof, const ldns_rdf* name, ldns_rr_type type);
Finding deny_by_nsec3(const Proof& proof, const ldns_rdf* name, ldns_rr_type type, const ldns_rdf* zone);

// RFC 4035 section 5.3.4, RFC 5155 section 8.8: `name` itself is not there, so that a wildcard right below its ancestor with
// `encloser_labels` labels may answer.
bool nsec_denies_name(const Proof& proof, const ldns_rdf* name);
bool nsec3_denies_next_closer(const Proof& proof, const ldns_rdf* name, int encloser_labels);
// RFC 9276 section 3.2 and G-10.
bool nsec3_is_affordable(const Proof& proof);

} // namespace mxseal::dns
