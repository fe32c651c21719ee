#include "base/dns/validated_message.hpp"

#include <algorithm>

#include <fmt/format.h>

namespace mxseal::dns {

namespace {

// G-10: bounds on one message, our choice. Zones in a key or algorithm roll have up to four signatures over an RRset; two keys
// of one zone share a tag by accident once in some 10,000 zones.
constexpr int kVerificationsMax = 32;
constexpr std::size_t kSignaturesMax = 8;
constexpr std::size_t kCollidingKeysMax = 2;

constexpr std::uint16_t kZoneKeyFlag = 0x0100; // RFC 4034 section 2.1.1
constexpr std::uint16_t kRevokeFlag = 0x0080;  // RFC 5011 section 2.1
constexpr std::uint8_t kProtocol = 3;          // RFC 4034 section 2.1.2

bool may_sign(const ldns_rr* key) {
    const auto flags = ldns_rdf2native_int16(ldns_rr_dnskey_flags(key));
    return (flags & kZoneKeyFlag) != 0 && (flags & kRevokeFlag) == 0 && ldns_rdf2native_int8(ldns_rr_dnskey_protocol(key)) == kProtocol;
}

// RFC 4034 section 3.1.5: seconds modulo 2^32, read as the instant nearest to now.
Instant time_near(std::uint32_t seconds, Instant now) {
    const auto base = std::chrono::floor<std::chrono::seconds>(now);
    const auto difference = static_cast<std::int32_t>(seconds - static_cast<std::uint32_t>(base.time_since_epoch().count()));
    return base + std::chrono::seconds(difference);
}

Instant expiration_of(const ldns_rr* rrsig, Instant now) {
    return time_near(ldns_rdf2native_int32(ldns_rr_rrsig_expiration(rrsig)), now);
}
Instant inception_of(const ldns_rr* rrsig, Instant now) {
    return time_near(ldns_rdf2native_int32(ldns_rr_rrsig_inception(rrsig)), now);
}

std::string describe(const ldns_rr* rrsig, Instant now) {
    return fmt::format("RRSIG by {}/{}, {} to {}", ldns_rdf2native_int8(ldns_rr_rrsig_algorithm(rrsig)),
                       ldns_rdf2native_int16(ldns_rr_rrsig_keytag(rrsig)), to_rfc3339(inception_of(rrsig, now)),
                       to_rfc3339(expiration_of(rrsig, now)));
}

using Verdict = SignatureCheck::Verdict;

struct FreeListOnly { void operator()(ldns_rr_list* list) const { ldns_rr_list_free(list); } };

int rank(Verdict verdict) {
    switch (verdict) {
    case Verdict::valid: return 4;
    case Verdict::over_limit: return 3;
    case Verdict::out_of_date: return 2;
    case Verdict::wrong: return 1;
    case Verdict::missing: break;
    }
    return 0;
}

void keep_better(ValidatedMessage::Checked& best, Verdict verdict, std::string detail, int labels) {
    if (rank(verdict) <= rank(best.check.verdict)) return;
    best.check.verdict = verdict;
    best.check.detail = std::move(detail);
    best.labels = labels;
}

} // namespace

Rr rr_of(const Record& record) {
    Rr rr(ldns_rr_new());
    if (!rr || record.rdata.size() > 0xffff) return nullptr;
    ldns_rr_set_owner(rr.get(), dname_of(record.owner).release());
    ldns_rr_set_type(rr.get(), static_cast<ldns_rr_type>(record.type));
    ldns_rr_set_class(rr.get(), LDNS_RR_CLASS_IN);
    ldns_rr_set_ttl(rr.get(), static_cast<std::uint32_t>(record.ttl.count()));
    Bytes sized{static_cast<std::uint8_t>(record.rdata.size() >> 8), static_cast<std::uint8_t>(record.rdata.size())};
    sized.insert(sized.end(), record.rdata.begin(), record.rdata.end());
    std::size_t position = 0;
    if (ldns_wire2rdf(rr.get(), sized.data(), sized.size(), &position) != LDNS_STATUS_OK) return nullptr;
    return rr;
}

Rdf dname_of(const Name& name) { return Rdf(ldns_dname_new_frm_str(name.with_dot().c_str())); }

std::string text_of_dname(const ldns_rdf* dname) {
    const Chars text(ldns_rdf2str(dname));
    return text ? text.get() : "?";
}

int signed_labels(const ldns_rdf* owner) { return ldns_dname_label_count(owner) - (ldns_dname_is_wildcard(owner) != 0 ? 1 : 0); }

Result<ValidatedMessage> ValidatedMessage::open(const Message& message, const ZoneKeys& keys, Instant now) {
    ValidatedMessage signed_message;
    ldns_pkt* raw = nullptr;
    const auto status = ldns_wire2pkt(&raw, message.wire.data(), message.wire.size());
    signed_message.packet_.reset(raw);
    if (status != LDNS_STATUS_OK || raw == nullptr) return Error(ErrorCode::protocol, "the answer is no DNS message");
    signed_message.zone_ = dname_of(keys.zone);
    signed_message.keys_.reset(ldns_rr_list_new());
    signed_message.now_ = now;
    signed_message.verifications_left_ = kVerificationsMax;
    for (const Record& record : keys.dnskeys) {
        Rr key = record.owner == keys.zone && record.type == Type::dnskey ? rr_of(record) : nullptr;
        if (key && may_sign(key.get())) ldns_rr_list_push_rr(signed_message.keys_.get(), key.release());
    }
    return signed_message;
}

RrList ValidatedMessage::rrset(const ldns_rdf* owner, ldns_rr_type type, ldns_pkt_section section) const {
    RrList found(ldns_pkt_rr_list_by_name_and_type(packet_.get(), owner, type, section));
    return found ? std::move(found) : RrList(ldns_rr_list_new());
}

// Why a signature cannot count, before any arithmetic (RFC 4035 section 5.3.1).
std::optional<std::string> ValidatedMessage::objection(const ldns_rr_list* rrset, const ldns_rr* rrsig) const {
    const ldns_rdf* owner = ldns_rr_list_owner(rrset);
    const ldns_rdf* signer = ldns_rr_rrsig_signame(rrsig);
    if (ldns_dname_compare(signer, zone_.get()) != 0)
        return fmt::format("the signer is {}, not the zone {}", escape_untrusted(text_of_dname(signer)), text_of_dname(zone_.get()));
    if (ldns_dname_compare(owner, zone_.get()) != 0 && !ldns_dname_is_subdomain(owner, zone_.get())) return "the owner is outside the zone";
    if (ldns_rdf2native_int8(ldns_rr_rrsig_labels(rrsig)) > signed_labels(owner)) return "it counts more labels than the owner has";
    return std::nullopt;
}

RrList ValidatedMessage::keys_for(const ldns_rr* rrsig) const {
    RrList matching(ldns_rr_list_new());
    for (std::size_t i = 0; i < ldns_rr_list_rr_count(keys_.get()); ++i) {
        const ldns_rr* key = ldns_rr_list_rr(keys_.get(), i);
        if (ldns_calc_keytag(key) == ldns_rdf2native_int16(ldns_rr_rrsig_keytag(rrsig)) &&
            ldns_rdf2native_int8(ldns_rr_dnskey_algorithm(key)) == ldns_rdf2native_int8(ldns_rr_rrsig_algorithm(rrsig)))
            ldns_rr_list_push_rr(matching.get(), ldns_rr_clone(key));
    }
    return matching;
}

void ValidatedMessage::weigh(const ldns_rr_list* rrset, const ldns_rr* rrsig, Checked& best) {
    const int labels = ldns_rdf2native_int8(ldns_rr_rrsig_labels(rrsig));
    const std::string what = describe(rrsig, now_);
    if (const auto why = objection(rrset, rrsig)) return keep_better(best, Verdict::wrong, what + ": " + *why, labels);
    const RrList keys = keys_for(rrsig);
    const std::size_t count = ldns_rr_list_rr_count(keys.get());
    if (count == 0) return keep_better(best, Verdict::wrong, what + ": no validated DNSKEY of the zone has this tag", labels);
    verifications_left_ -= static_cast<int>(count);
    if (count > kCollidingKeysMax || verifications_left_ < 0)
        return keep_better(best, Verdict::over_limit, what + ": more keys or signatures than we try (G-10)", labels);
    const std::unique_ptr<ldns_rr_list, FreeListOnly> good(ldns_rr_list_new()); // it points into `keys`
    const auto now_s = std::chrono::system_clock::to_time_t(now_);
    const auto status = ldns_verify_rrsig_keylist_time(rrset, rrsig, keys.get(), now_s, good.get());
    if (status == LDNS_STATUS_CRYPTO_SIG_EXPIRED || status == LDNS_STATUS_CRYPTO_SIG_NOT_INCEPTED)
        return keep_better(best, Verdict::out_of_date, what + ": out of date", labels);
    if (status != LDNS_STATUS_OK) return keep_better(best, Verdict::wrong, fmt::format("{}: {}", what, ldns_get_errorstr_by_id(status)), labels);
    keep_better(best, Verdict::valid, what, labels);
    const Instant expiration = expiration_of(rrsig, now_);
    best.check.expiration = std::min(best.check.expiration.value_or(expiration), expiration);
}

ValidatedMessage::Checked ValidatedMessage::verify(const ldns_rr_list* rrset) {
    Checked best;
    best.check.detail = "no RRSIG";
    if (ldns_rr_list_rr_count(rrset) == 0) return best;
    const RrList signatures(ldns_dnssec_pkt_get_rrsigs_for_name_and_type(packet_.get(), ldns_rr_list_owner(rrset), ldns_rr_list_type(rrset)));
    const std::size_t count = signatures ? ldns_rr_list_rr_count(signatures.get()) : 0;
    for (std::size_t i = 0; i < std::min(count, kSignaturesMax); ++i) weigh(rrset, ldns_rr_list_rr(signatures.get(), i), best);
    if (count > kSignaturesMax && best.check.verdict != Verdict::valid)
        keep_better(best, Verdict::over_limit, fmt::format("{} signatures, more than we try (G-10)", count), 0);
    return best;
}

} // namespace mxseal::dns
