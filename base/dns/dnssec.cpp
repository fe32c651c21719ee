#include "base/dns/dnssec.hpp"

#include "base/dns/denial.hpp"
#include "base/dns/validated_message.hpp"

#include <algorithm>

#include <fmt/format.h>

namespace mxseal::dns {

namespace {

constexpr int kNoError = 0;
constexpr int kNxDomain = 3;
// RFC 5155 section 8.4 needs at most three NSEC3 records; the rest is room, our choice.
constexpr std::size_t kProofRecordsMax = 8;

using Verdict = DenialCheck::Verdict;

Verdict as_denial(SignatureCheck::Verdict verdict) {
    switch (verdict) {
    case SignatureCheck::Verdict::valid: return Verdict::nodata;
    case SignatureCheck::Verdict::missing: return Verdict::missing;
    case SignatureCheck::Verdict::out_of_date: return Verdict::out_of_date;
    case SignatureCheck::Verdict::wrong: return Verdict::wrong;
    case SignatureCheck::Verdict::over_limit: break;
    }
    return Verdict::over_limit;
}

// The signed records of one type in the authority section.
struct SignedProof {
    Proof records;
    std::vector<RrList> owned;
    std::optional<DenialCheck> objection;
    std::optional<Instant> expiration;
};

bool is_one_proof_record(const ldns_rr_list* rrset, const ValidatedMessage::Checked& checked) {
    // RFC 6840 section 4.1, RFC 4035 section 5.4: an NSEC that was itself expanded from a wildcard proves nothing.
    return ldns_rr_list_rr_count(rrset) == 1 && checked.labels == signed_labels(ldns_rr_list_owner(rrset));
}

void add_rrset(ValidatedMessage& message, RrList rrset, SignedProof& proof) {
    const auto checked = message.verify(rrset.get());
    const std::string owner = escape_untrusted(text_of_dname(ldns_rr_list_owner(rrset.get())));
    if (checked.check.verdict != SignatureCheck::Verdict::valid) {
        proof.objection = DenialCheck{as_denial(checked.check.verdict), std::nullopt, fmt::format("{}: {}", owner, checked.check.detail)};
        return;
    }
    if (checked.check.expiration) proof.expiration = std::min(proof.expiration.value_or(*checked.check.expiration), *checked.check.expiration);
    const auto type = ldns_rr_list_type(rrset.get());
    if (type == LDNS_RR_TYPE_NSEC || type == LDNS_RR_TYPE_NSEC3) {
        if (!is_one_proof_record(rrset.get(), checked)) return;
        proof.records.push_back(ldns_rr_list_rr(rrset.get(), 0));
    }
    proof.owned.push_back(std::move(rrset));
}

std::vector<ldns_rdf*> owners_of(const ValidatedMessage& message, ldns_rr_type type) {
    std::vector<ldns_rdf*> owners;
    const ldns_rr_list* authority = ldns_pkt_authority(message.packet());
    for (std::size_t i = 0; i < ldns_rr_list_rr_count(authority); ++i) {
        const ldns_rr* rr = ldns_rr_list_rr(authority, i);
        const auto same = [&](const ldns_rdf* other) { return ldns_dname_compare(other, ldns_rr_owner(rr)) == 0; };
        if (ldns_rr_get_type(rr) == type && std::none_of(owners.begin(), owners.end(), same)) owners.push_back(ldns_rr_owner(rr));
    }
    return owners;
}

SignedProof collect(ValidatedMessage& message, ldns_rr_type type) {
    SignedProof proof;
    const std::vector<ldns_rdf*> owners = owners_of(message, type);
    if (owners.size() > kProofRecordsMax) {
        proof.objection = DenialCheck{Verdict::over_limit, std::nullopt, fmt::format("{} records of proof, more than we check (G-10)", owners.size())};
        return proof;
    }
    for (const ldns_rdf* owner : owners) {
        if (!proof.objection) add_rrset(message, message.rrset(owner, type, LDNS_SECTION_AUTHORITY), proof);
    }
    return proof;
}

Finding finding_of(const Proof& nsec, const Proof& nsec3, const ValidatedMessage& message, const Question& question) {
    const Rdf name = dname_of(question.name);
    const auto type = static_cast<ldns_rr_type>(question.type);
    if (!nsec.empty()) return deny_by_nsec(nsec, name.get(), type);
    if (nsec3.empty()) return {Verdict::missing, "neither NSEC nor NSEC3 in the authority section"};
    if (!nsec3_is_affordable(nsec3)) return {Verdict::over_limit, "NSEC3 with more than 100 iterations, an unknown hash or mixed salts (G-10)"};
    return deny_by_nsec3(nsec3, name.get(), type, message.zone());
}

DenialCheck agree_with_rcode(Finding finding, int rcode) {
    // B-04, RFC 8020: NXDOMAIN for a name that is there (an empty non-terminal) breaks resolvers that minimise names.
    if (finding.verdict == Verdict::nodata && rcode != kNoError)
        return {Verdict::no_proof, std::nullopt, rcode_text(rcode) + ", but the proof shows that the name exists: " + finding.detail};
    if (finding.verdict == Verdict::nxdomain && rcode != kNxDomain)
        return {Verdict::no_proof, std::nullopt, rcode_text(rcode) + ", but the proof shows that the name does not exist: " + finding.detail};
    return {finding.verdict, std::nullopt, std::move(finding.detail)};
}

// Whether the answer's own name is denied, as it must be when a wildcard spoke for it.
std::optional<std::string> wildcard_objection(ValidatedMessage& message, const Question& rrset, int labels) {
    const Rdf name = dname_of(rrset.name);
    const SignedProof nsec = collect(message, LDNS_RR_TYPE_NSEC);
    const SignedProof nsec3 = collect(message, LDNS_RR_TYPE_NSEC3);
    if (nsec.objection) return nsec.objection->detail;
    if (nsec3.objection) return nsec3.objection->detail;
    if (!nsec.records.empty() && nsec_denies_name(nsec.records, name.get())) return std::nullopt;
    if (!nsec3.records.empty() && nsec3_is_affordable(nsec3.records) && nsec3_denies_next_closer(nsec3.records, name.get(), labels)) return std::nullopt;
    return "a wildcard answered, and no NSEC or NSEC3 proves that the name itself is not there";
}

} // namespace

SignatureCheck check_signature(const Message& message, const Question& rrset, const ZoneKeys& keys, Instant now) {
    auto signed_message = ValidatedMessage::open(message, keys, now);
    if (!signed_message) return {SignatureCheck::Verdict::wrong, std::nullopt, signed_message.error().message()};
    const Rdf owner = dname_of(rrset.name);
    const RrList records = signed_message->rrset(owner.get(), static_cast<ldns_rr_type>(rrset.type), LDNS_SECTION_ANSWER);
    auto checked = signed_message->verify(records.get());
    if (checked.check.verdict != SignatureCheck::Verdict::valid || checked.labels >= signed_labels(owner.get())) return checked.check;
    // RFC 4035 section 5.3.4, RFC 5155 section 8.8.
    if (const auto why = wildcard_objection(*signed_message, rrset, checked.labels)) return {SignatureCheck::Verdict::wrong, std::nullopt, *why};
    return checked.check;
}

DenialCheck check_denial(const Message& message, const Question& question, const ZoneKeys& keys, Instant now) {
    if (message.rcode != kNoError && message.rcode != kNxDomain) return {Verdict::no_proof, std::nullopt, rcode_text(message.rcode) + " denies nothing"};
    auto signed_message = ValidatedMessage::open(message, keys, now);
    if (!signed_message) return {Verdict::wrong, std::nullopt, signed_message.error().message()};
    // Validators judge every RRset of the authority section, the SOA too.
    const SignedProof soa = collect(*signed_message, LDNS_RR_TYPE_SOA);
    const SignedProof nsec = collect(*signed_message, LDNS_RR_TYPE_NSEC);
    const SignedProof nsec3 = collect(*signed_message, LDNS_RR_TYPE_NSEC3);
    DenialCheck check;
    for (const SignedProof* part : {&nsec, &nsec3, &soa})
        if (part->objection) return *part->objection;
    check = agree_with_rcode(finding_of(nsec.records, nsec3.records, *signed_message, question), message.rcode);
    for (const SignedProof* part : {&nsec, &nsec3, &soa})
        if (part->expiration) check.expiration = std::min(check.expiration.value_or(*part->expiration), *part->expiration);
    return check;
}

std::optional<std::uint16_t> key_tag(ByteView dnskey_rdata) {
    // RFC 4034 section 2.1: flags, protocol, algorithm, then the key.
    if (dnskey_rdata.size() < 5) return std::nullopt;
    return ldns_calc_keytag_raw(dnskey_rdata.data(), dnskey_rdata.size());
}

} // namespace mxseal::dns
