#include "base/dns/denial.hpp"

#include <algorithm>
#include <cctype>

namespace mxseal::dns {

namespace {

using Verdict = DenialCheck::Verdict;

constexpr std::uint8_t kSha1 = 1;          // RFC 5155 section 11, the only hash there is
constexpr std::uint16_t kIterationsMax = 100; // G-10; RFC 9276 section 3.1 asks zones for 0

std::string lower(std::string text) {
    std::transform(text.begin(), text.end(), text.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    return text;
}

// Hashes are compared in base32hex, whose order is that of the octets (RFC 4648 section 7).
std::string first_label(const ldns_rdf* dname) {
    std::string text = lower(text_of_dname(dname));
    return text.substr(0, text.find('.'));
}

std::string hash_of(const Proof& proof, const ldns_rdf* name) {
    const Rdf hashed(ldns_nsec3_hash_name_frm_nsec3(proof.front(), name));
    return hashed ? first_label(hashed.get()) : std::string();
}

std::string owner_hash(const ldns_rr* nsec3) { return first_label(ldns_rr_owner(nsec3)); }

std::string next_hash(const ldns_rr* nsec3) {
    const Chars text(ldns_rdf2str(ldns_nsec3_next_owner(nsec3)));
    return text ? lower(text.get()) : std::string();
}

bool covers(const ldns_rr* nsec3, const std::string& hash) {
    const std::string owner = owner_hash(nsec3), next = next_hash(nsec3);
    return next <= owner ? hash > owner || hash < next : owner < hash && hash < next;
}

const ldns_rr* matching(const Proof& proof, const ldns_rdf* name) {
    const std::string hash = hash_of(proof, name);
    for (const ldns_rr* nsec3 : proof)
        if (!hash.empty() && owner_hash(nsec3) == hash) return nsec3;
    return nullptr;
}

const ldns_rr* covering(const Proof& proof, const ldns_rdf* name) {
    const std::string hash = hash_of(proof, name);
    for (const ldns_rr* nsec3 : proof)
        if (!hash.empty() && covers(nsec3, hash)) return nsec3;
    return nullptr;
}

struct ClosestEncloser {
    Rdf name;
    const ldns_rr* next_closer = nullptr; // covers the name one label longer
};

// RFC 5155 section 8.3: the longest ancestor that is there, with the name one label longer denied.
ClosestEncloser closest_encloser(const Proof& proof, const ldns_rdf* name, const ldns_rdf* zone) {
    // At most 127 labels (RFC 1035 section 3.1).
    for (int labels = ldns_dname_label_count(name) - 1; labels >= ldns_dname_label_count(zone); --labels) {
        Rdf candidate = ancestor_of(name, labels);
        const ldns_rr* match = matching(proof, candidate.get());
        if (match == nullptr) continue;
        if (cuts_below(match)) return {};
        return {std::move(candidate), covering(proof, ancestor_of(name, labels + 1).get())};
    }
    return {};
}

} // namespace

bool nsec3_is_affordable(const Proof& proof) {
    return std::all_of(proof.begin(), proof.end(), [&](const ldns_rr* nsec3) {
        return ldns_nsec3_algorithm(nsec3) == kSha1 && ldns_nsec3_iterations(nsec3) <= kIterationsMax &&
               ldns_nsec3_iterations(nsec3) == ldns_nsec3_iterations(proof.front()) &&
               ldns_rdf_compare(ldns_nsec3_salt(nsec3), ldns_nsec3_salt(proof.front())) == 0;
    });
}

bool nsec3_denies_next_closer(const Proof& proof, const ldns_rdf* name, int encloser_labels) {
    return covering(proof, ancestor_of(name, encloser_labels + 1).get()) != nullptr;
}

Finding deny_by_nsec3(const Proof& proof, const ldns_rdf* name, ldns_rr_type type, const ldns_rdf* zone) {
    // RFC 5155 section 8.5: an empty non-terminal has an NSEC3 record of its own, too.
    if (const ldns_rr* match = matching(proof, name))
        return denies_type(match, type) ? Finding{Verdict::nodata, "NSEC3 at the name"} : Finding{Verdict::no_proof, "the NSEC3 at the name does not deny the type"};
    const ClosestEncloser encloser = closest_encloser(proof, name, zone);
    if (!encloser.name || encloser.next_closer == nullptr) return {Verdict::no_proof, "no NSEC3 proves the closest encloser"};
    // RFC 5155 sections 6 and 8.6: below an opt-out span there may be unsigned delegations.
    if (ldns_nsec3_optout(encloser.next_closer)) return {Verdict::opt_out, "an NSEC3 opt-out span covers the name: an insecure denial (B-08)"};
    const Rdf wildcard = wildcard_below(encloser.name.get());
    if (const ldns_rr* star = matching(proof, wildcard.get()))
        return denies_type(star, type) ? Finding{Verdict::nodata, "NSEC3 at a wildcard"} : Finding{Verdict::no_proof, "a wildcard has the type"};
    // RFC 5155 section 8.4: the wildcard that could have answered must be denied too.
    if (covering(proof, wildcard.get()) == nullptr) return {Verdict::no_proof, "no NSEC3 denies the wildcard " + text_of_dname(wildcard.get())};
    return {Verdict::nxdomain, "NSEC3 covers the name and its wildcard"};
}

} // namespace mxseal::dns
