#include "base/dns/denial.hpp"

#include <algorithm>

namespace mxseal::dns {

namespace {

using Verdict = DenialCheck::Verdict;

const ldns_rdf* next_of(const ldns_rr* nsec) { return ldns_rr_rdf(nsec, 0); }

bool is_below(const ldns_rdf* name, const ldns_rdf* ancestor) { return ldns_dname_is_subdomain(name, ancestor); }

// RFC 4034 section 4.1.1: strictly between owner and next in canonical order; the last NSEC points back to the apex.
bool covers(const ldns_rr* nsec, const ldns_rdf* name) {
    const ldns_rdf* owner = ldns_rr_owner(nsec);
    const bool after_owner = ldns_dname_compare(name, owner) > 0;
    const bool before_next = ldns_dname_compare(name, next_of(nsec)) < 0;
    const bool last = ldns_dname_compare(next_of(nsec), owner) <= 0;
    if (!(last ? after_owner || before_next : after_owner && before_next)) return false;
    return !(is_below(name, owner) && cuts_below(nsec));
}

const ldns_rr* matching(const Proof& proof, const ldns_rdf* name) {
    for (const ldns_rr* nsec : proof)
        if (ldns_dname_compare(ldns_rr_owner(nsec), name) == 0) return nsec;
    return nullptr;
}

const ldns_rr* covering(const Proof& proof, const ldns_rdf* name) {
    for (const ldns_rr* nsec : proof)
        if (covers(nsec, name)) return nsec;
    return nullptr;
}

int shared_labels(const ldns_rdf* a, const ldns_rdf* b) {
    int shared = 0;
    const int most = std::min<int>(ldns_dname_label_count(a), ldns_dname_label_count(b));
    while (shared < most && ldns_dname_compare(ancestor_of(a, shared + 1).get(), ancestor_of(b, shared + 1).get()) == 0) ++shared;
    return shared;
}

} // namespace

Rdf ancestor_of(const ldns_rdf* name, int labels) {
    const int skip = ldns_dname_label_count(name) - labels;
    return Rdf(ldns_dname_clone_from(name, static_cast<std::uint16_t>(std::max(skip, 0))));
}

Rdf wildcard_below(const ldns_rdf* closest_encloser) {
    const Rdf star(ldns_dname_new_frm_str("*"));
    return Rdf(ldns_dname_cat_clone(star.get(), closest_encloser));
}

bool denies_type(const ldns_rr* record, ldns_rr_type type) {
    const ldns_rdf* types = ldns_nsec_get_bitmap(record);
    // RFC 5155 section 7.1: the NSEC3 record of an empty non-terminal has no types. An NSEC record has two at least.
    if (types == nullptr) return ldns_rr_get_type(record) == LDNS_RR_TYPE_NSEC3;
    const auto has = [&](ldns_rr_type one) { return ldns_nsec_bitmap_covers_type(types, one); };
    if (has(type) || has(LDNS_RR_TYPE_CNAME)) return false;
    const bool parent_side = has(LDNS_RR_TYPE_NS) && !has(LDNS_RR_TYPE_SOA);
    return type == LDNS_RR_TYPE_DS ? !has(LDNS_RR_TYPE_SOA) : !parent_side;
}

bool cuts_below(const ldns_rr* record) {
    const ldns_rdf* types = ldns_nsec_get_bitmap(record);
    if (types == nullptr) return ldns_rr_get_type(record) != LDNS_RR_TYPE_NSEC3;
    const auto has = [&](ldns_rr_type one) { return ldns_nsec_bitmap_covers_type(types, one); };
    return has(LDNS_RR_TYPE_DNAME) || (has(LDNS_RR_TYPE_NS) && !has(LDNS_RR_TYPE_SOA));
}

bool nsec_denies_name(const Proof& proof, const ldns_rdf* name) {
    const ldns_rr* nsec = covering(proof, name);
    // A next name below `name` makes it an empty non-terminal: it is there, without types.
    return nsec != nullptr && !is_below(next_of(nsec), name);
}

Finding deny_by_nsec(const Proof& proof, const ldns_rdf* name, ldns_rr_type type) {
    if (const ldns_rr* nsec = matching(proof, name))
        return denies_type(nsec, type) ? Finding{Verdict::nodata, "NSEC at the name"} : Finding{Verdict::no_proof, "the NSEC at the name does not deny the type"};
    const ldns_rr* nsec = covering(proof, name);
    if (nsec == nullptr) return {Verdict::no_proof, "no NSEC covers the name"};
    if (is_below(next_of(nsec), name)) return {Verdict::nodata, "NSEC shows an empty non-terminal"};
    // RFC 4592 section 3.3.1: the closest encloser is the longest ancestor that the two ends of the gap share with the name.
    const int labels = std::max(shared_labels(name, ldns_rr_owner(nsec)), shared_labels(name, next_of(nsec)));
    const Rdf wildcard = wildcard_below(ancestor_of(name, labels).get());
    if (const ldns_rr* star = matching(proof, wildcard.get()))
        return denies_type(star, type) ? Finding{Verdict::nodata, "NSEC at a wildcard"} : Finding{Verdict::no_proof, "a wildcard has the type"};
    // RFC 4035 section 5.4: the wildcard that could have answered must be denied too.
    if (covering(proof, wildcard.get()) == nullptr) return {Verdict::no_proof, "no NSEC denies the wildcard " + text_of_dname(wildcard.get())};
    return {Verdict::nxdomain, "NSEC covers the name and its wildcard"};
}

} // namespace mxseal::dns
