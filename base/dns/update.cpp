#include "base/dns/update.hpp"

#include "base/dns/ldns_handles.hpp"
#include "base/dns/signed_session.hpp"
#include "base/dns/wire.hpp"

#include <fmt/format.h>

namespace mxseal::dns {

namespace {

constexpr std::size_t kHeaderOctets = 12;
constexpr std::size_t kTsigOctetsMax = 512; // two names, the fixed fields, a MAC of 64 octets

std::size_t octets_of(const Name& owner, const std::vector<Bytes>& values, std::size_t bare_records) {
    std::size_t each = owner.text().size() + 2 + 10; // RFC 1035 section 4.1.3: owner and the fixed fields
    std::size_t sum = each * (values.size() + bare_records);
    for (const Bytes& value : values) sum += value.size();
    return sum;
}

Rr new_rr(const Name& owner, ldns_rr_type type, ldns_rr_class rr_class, Ttl ttl) {
    Rr rr(ldns_rr_new());
    ldns_rdf* name = ldns_dname_new_frm_str(owner.with_dot().c_str());
    if (!rr || name == nullptr) {
        ldns_rdf_deep_free(name);
        return nullptr;
    }
    ldns_rr_set_owner(rr.get(), name);
    ldns_rr_set_type(rr.get(), type);
    ldns_rr_set_class(rr.get(), rr_class);
    ldns_rr_set_ttl(rr.get(), static_cast<std::uint32_t>(ttl.count()));
    return rr;
}

// Builds the packet; remembers when ldns refused a record.
class Builder {
public:
    explicit Builder(std::uint16_t id) : packet_(ldns_pkt_new()) {
        if (!packet_) return;
        ldns_pkt_set_id(packet_.get(), id);
        ldns_pkt_set_opcode(packet_.get(), LDNS_PACKET_UPDATE);
    }

    void add(ldns_pkt_section section, Rr rr) {
        bool taken = packet_ && rr && ldns_pkt_push_rr(packet_.get(), section, rr.get());
        if (taken) static_cast<void>(rr.release()); // the packet owns it now
        complete_ = complete_ && taken;
    }

    std::optional<Bytes> wire() const {
        if (!complete_) return std::nullopt;
        std::uint8_t* raw = nullptr;
        std::size_t size = 0;
        auto status = ldns_pkt2wire(&raw, packet_.get(), &size);
        Octets octets(raw);
        if (status != LDNS_STATUS_OK) return std::nullopt;
        return Bytes(raw, raw + size);
    }

private:
    Packet packet_;
    bool complete_ = true;
};

Rr with_rdata(Rr rr, const Bytes& rdata) {
    // One field of raw octets: rdata is never compressed or taken apart.
    ldns_rdf* rdf = ldns_rdf_new_frm_data(LDNS_RDF_TYPE_UNKNOWN, rdata.size(), rdata.data());
    if (rr && rdf != nullptr && ldns_rr_push_rdf(rr.get(), rdf)) return rr;
    ldns_rdf_deep_free(rdf);
    return nullptr;
}

void add_prerequisite(Builder& builder, const Prerequisite& wanted) {
    auto type = static_cast<ldns_rr_type>(wanted.type);
    // RFC 2136 section 2.4.3 (F-03): RRset does not exist: class NONE, no rdata.
    if (wanted.values.empty()) builder.add(LDNS_SECTION_ANSWER, new_rr(wanted.owner, type, LDNS_RR_CLASS_NONE, Ttl(0)));
    // RFC 2136 section 2.4.2 (F-03): RRset exists, value dependent: class of the zone, TTL 0, every record.
    for (const Bytes& value : wanted.values)
        builder.add(LDNS_SECTION_ANSWER, with_rdata(new_rr(wanted.owner, type, LDNS_RR_CLASS_IN, Ttl(0)), value));
}

void add_rrset(Builder& builder, const RrsetUpdate& rrset) {
    auto type = static_cast<ldns_rr_type>(rrset.type);
    // RFC 2136 section 2.5.2 (F-04): delete an RRset: class ANY, TTL 0, no rdata; then the whole new set.
    builder.add(LDNS_SECTION_AUTHORITY, new_rr(rrset.owner, type, LDNS_RR_CLASS_ANY, Ttl(0)));
    // RFC 2136 section 2.5.1.
    for (const Bytes& value : rrset.values)
        builder.add(LDNS_SECTION_AUTHORITY, with_rdata(new_rr(rrset.owner, type, LDNS_RR_CLASS_IN, rrset.ttl), value));
}

Rr zone_record(const Name& zone) {
    // RFC 2136 section 2.3: one record, type SOA, the class of the zone.
    auto rr = new_rr(zone, LDNS_RR_TYPE_SOA, LDNS_RR_CLASS_IN, Ttl(0));
    if (rr) ldns_rr_set_question(rr.get(), true);
    return rr;
}

} // namespace

std::size_t octets_at_most(const Update& update) {
    std::size_t sum = kHeaderOctets + octets_of(update.zone, {}, 1) + kTsigOctetsMax;
    for (const Prerequisite& wanted : update.prerequisites) sum += octets_of(wanted.owner, wanted.values, wanted.values.empty() ? 1 : 0);
    for (const RrsetUpdate& rrset : update.rrsets) sum += octets_of(rrset.owner, rrset.values, 1);
    return sum;
}

Result<Bytes> update_message(std::uint16_t id, const Update& update) {
    // F-08: the length is known before anything is built.
    if (auto size = octets_at_most(update); size > kUpdateOctetsMax)
        return Error(ErrorCode::invalid, fmt::format("an update of {} with up to {} octets is above {}; send fewer changes at once",
                                                     update.zone.text(), size, kUpdateOctetsMax));
    Builder builder(id);
    builder.add(LDNS_SECTION_QUESTION, zone_record(update.zone));
    for (const Prerequisite& wanted : update.prerequisites) add_prerequisite(builder, wanted);
    for (const RrsetUpdate& rrset : update.rrsets) add_rrset(builder, rrset);
    auto wire = builder.wire();
    if (!wire) return Error(ErrorCode::internal, fmt::format("ldns built no update of {}", update.zone.text()));
    return std::move(*wire);
}

namespace {

// Nothing when the verdict lets the RCODE count.
std::optional<Error> fault_of(const TsigVerdict& tsig, const std::string& where, const TsigKey& key, const Clock& clock, int rcode) {
    using Kind = TsigVerdict::Kind;
    switch (tsig.kind) {
    case Kind::verified: return std::nullopt;
    case Kind::bad_time: return clock_skew(where, *tsig.server_time, clock.wall());
    // RFC 8945 section 5.3.2: these come unsigned, so they are a hint only (F-07).
    case Kind::refused_key:
    case Kind::refused_signature: return key_refused(where, key, tsig.why);
    case Kind::out_of_time:
    case Kind::absent:
    case Kind::wrong: break;
    }
    // F-05, F-08: as if no answer had come.
    return Error(ErrorCode::ambiguous,
                 fmt::format("{}: the answer {} does not count ({}); whether the update was carried out is not known: read the records again",
                             where, rcode_text(rcode), tsig.why),
                 Retry::transient());
}

Error maybe_done(const Error& error, const std::string& where) {
    return Error(ErrorCode::ambiguous,
                 fmt::format("{}: {}; whether the update was carried out is not known: read the records again", where, error.message()),
                 Retry::transient());
}

} // namespace

Status outcome_of_update(int rcode, const std::string& where, const TsigKey& key) {
    switch (rcode) {
    case 0: return done();
    // F-07: a bug of ours.
    case 1: return Error(ErrorCode::internal, fmt::format("{}: the server could not read the message (FORMERR); please report this", where));
    case 2: return Error(ErrorCode::transient, fmt::format("{}: the server failed (SERVFAIL) and changed nothing", where), Retry::transient());
    case 4: return Error(ErrorCode::unsupported, fmt::format("{}: the server takes no updates (NOTIMP); name a primary that does", where));
    case 5:
        return Error(ErrorCode::auth_failed,
                     fmt::format("{}: the server refused it (REFUSED); allow the TSIG key {} to update this zone", where, key.name.text()));
    // RFC 2136 section 2.2 (F-03): YXDOMAIN, YXRRSET, NXRRSET and NXDOMAIN are prerequisites that did not hold.
    case 3:
    case 6:
    case 7:
    case 8:
        return Error(ErrorCode::precondition, fmt::format("{}: somebody else changed the records ({}); nothing was written", where, rcode_text(rcode)),
                     Retry::transient());
    case 9:
        return Error(ErrorCode::not_managed,
                     fmt::format("{}: the server is not the zone's primary, or the TSIG key {} may not update it (NOTAUTH)", where, key.name.text()));
    case 10: return Error(ErrorCode::not_managed, fmt::format("{}: a name is outside of the zone (NOTZONE); check for a zone cut", where));
    default: return Error(ErrorCode::protocol, fmt::format("{}: the server answered {}", where, rcode_text(rcode)));
    }
}

Status send_update(const Endpoint& server, const TsigKey& key, const Clock& clock, const Update& update, const Deadline& deadline) {
    auto where = fmt::format("update of {} at {}", update.zone.text(), server.to_string());
    auto message = update_message(random_id(), update);
    if (!message.ok()) return std::move(message).error();
    auto session = SignedSession::open(server, key, clock, deadline);
    if (!session.ok()) return std::move(session).error();
    auto answer = session->exchange(*message, deadline);
    // RFC 2136 section 5 (F-05): from here on the message may have arrived.
    if (!answer.ok()) return answer.error().code() == ErrorCode::internal ? std::move(answer).error() : maybe_done(answer.error(), where);
    if (auto fault = fault_of(answer->tsig, where, key, clock, answer->message.rcode)) return std::move(*fault);
    return outcome_of_update(answer->message.rcode, where, key);
}

} // namespace mxseal::dns
