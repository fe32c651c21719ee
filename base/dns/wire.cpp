#include "base/dns/wire.hpp"

#include "base/dns/ldns_handles.hpp"

#include <openssl/rand.h>

#include <fmt/format.h>

namespace mxseal::dns {

namespace {

std::optional<Name> name_of(const ldns_rdf* dname) {
    Chars text(dname == nullptr ? nullptr : ldns_rdf2str(dname));
    if (!text) return std::nullopt;
    auto name = Name::parse(text.get());
    if (!name.ok()) return std::nullopt;
    return std::move(*name);
}

std::optional<Bytes> rdata_of(const ldns_rr* rr) {
    Buffer buffer(ldns_buffer_new(LDNS_MIN_BUFLEN));
    if (!buffer || ldns_rr_rdata2buffer_wire(buffer.get(), rr) != LDNS_STATUS_OK) return std::nullopt;
    const auto* begin = static_cast<const std::uint8_t*>(ldns_buffer_begin(buffer.get()));
    return Bytes(begin, begin + ldns_buffer_position(buffer.get()));
}

Ttl ttl_of(const ldns_rr* rr) {
    // RFC 2181 section 8: a TTL with the highest bit set counts as zero.
    auto ttl = ldns_rr_ttl(rr);
    return Ttl(ttl > 0x7fffffff ? 0 : ttl);
}

std::vector<Record> records_of(const ldns_rr_list* list) {
    std::vector<Record> records;
    for (std::size_t i = 0; i < ldns_rr_list_rr_count(list); ++i) {
        ldns_rr* rr = ldns_rr_list_rr(list, i);
        auto type = ldns_rr_get_type(rr);
        if (ldns_rr_get_class(rr) != LDNS_RR_CLASS_IN || type == LDNS_RR_TYPE_OPT || type == LDNS_RR_TYPE_TSIG) continue;
        // RFC 4034 section 6.2: names within rdata in lower case.
        ldns_rr2canonical(rr);
        auto owner = name_of(ldns_rr_owner(rr));
        auto rdata = rdata_of(rr);
        if (owner && rdata) records.push_back({std::move(*owner), static_cast<Type>(type), ttl_of(rr), std::move(*rdata)});
    }
    return records;
}

std::optional<Question> question_of(const ldns_pkt* packet) {
    const ldns_rr_list* list = ldns_pkt_question(packet);
    if (ldns_rr_list_rr_count(list) != 1) return std::nullopt;
    const ldns_rr* rr = ldns_rr_list_rr(list, 0);
    auto name = name_of(ldns_rr_owner(rr));
    if (!name || ldns_rr_get_class(rr) != LDNS_RR_CLASS_IN) return std::nullopt;
    return Question{std::move(*name), static_cast<Type>(ldns_rr_get_type(rr))};
}

constexpr std::size_t kHeaderOctets = 12;

std::size_t count_at(ByteView wire, std::size_t at) { return static_cast<std::size_t>(wire[at]) << 8 | wire[at + 1]; }

// RFC 6891 section 6.1.1, RFC 8945 section 5.1: at most one OPT and one TSIG. ldns keeps the last one and loses the memory of the others,
// and a stranger could send thousands.
Status check_pseudo_records(ByteView wire) {
    if (wire.size() < kHeaderOctets) return Error(ErrorCode::protocol, fmt::format("{} octets are no DNS message", wire.size()));
    const std::size_t questions = count_at(wire, 4), records = count_at(wire, 6) + count_at(wire, 8) + count_at(wire, 10);
    std::size_t offset = kHeaderOctets, options = 0, signatures = 0;
    // Each turn reads at least five octets, or fails.
    for (std::size_t i = 0; i < questions + records; ++i) {
        ldns_rr* raw = nullptr;
        const auto status = ldns_wire2rr(&raw, wire.data(), wire.size(), &offset, i < questions ? LDNS_SECTION_QUESTION : LDNS_SECTION_ADDITIONAL);
        Rr rr(status == LDNS_STATUS_OK ? raw : nullptr); // on failure ldns has freed it
        if (!rr) return Error(ErrorCode::protocol, fmt::format("{} octets are no DNS message: {}", wire.size(), ldns_get_errorstr_by_id(status)));
        options += ldns_rr_get_type(rr.get()) == LDNS_RR_TYPE_OPT;
        signatures += ldns_rr_get_type(rr.get()) == LDNS_RR_TYPE_TSIG;
    }
    if (options > 1 || signatures > 1) return Error(ErrorCode::protocol, fmt::format("the DNS message has {} OPT and {} TSIG records; one of each is allowed", options, signatures));
    return done();
}

} // namespace

Result<ParsedMessage> parse_message(ByteView wire) {
    if (auto checked = check_pseudo_records(wire); !checked.ok()) return std::move(checked).error();
    ldns_pkt* raw = nullptr;
    auto status = ldns_wire2pkt(&raw, wire.data(), wire.size());
    Packet packet(raw);
    if (status != LDNS_STATUS_OK || !packet)
        return Error(ErrorCode::protocol, fmt::format("{} octets are no DNS message: {}", wire.size(), ldns_get_errorstr_by_id(status)));
    ParsedMessage parsed;
    parsed.id = ldns_pkt_id(packet.get());
    parsed.response = ldns_pkt_qr(packet.get());
    parsed.opcode = ldns_pkt_get_opcode(packet.get());
    parsed.question_count = static_cast<int>(ldns_rr_list_rr_count(ldns_pkt_question(packet.get())));
    parsed.question = question_of(packet.get());
    Message& message = parsed.message;
    // RFC 6891 section 6.1.3: the upper eight bits of the RCODE stand in the OPT record.
    message.rcode = ldns_pkt_get_rcode(packet.get()) | ldns_pkt_edns_extended_rcode(packet.get()) << 4;
    message.authoritative = ldns_pkt_aa(packet.get());
    message.truncated = ldns_pkt_tc(packet.get());
    message.answer = records_of(ldns_pkt_answer(packet.get()));
    message.authority = records_of(ldns_pkt_authority(packet.get()));
    message.additional = records_of(ldns_pkt_additional(packet.get()));
    message.wire.assign(wire.begin(), wire.end());
    return parsed;
}

Result<Bytes> query_message(std::uint16_t id, const Question& question, bool recursion_desired, bool dnssec_ok) {
    Rdf name(ldns_dname_new_frm_str(question.name.with_dot().c_str()));
    if (!name) return Error(ErrorCode::internal, fmt::format("ldns takes no name '{}'", question.name.text()));
    Packet packet(ldns_pkt_query_new(name.get(), static_cast<ldns_rr_type>(question.type), LDNS_RR_CLASS_IN,
                                     recursion_desired ? LDNS_RD : std::uint16_t{0}));
    if (!packet) return Error(ErrorCode::internal, fmt::format("no query for '{}' could be built", question.name.text()));
    static_cast<void>(name.release()); // the packet owns it now
    ldns_pkt_set_id(packet.get(), id);
    if (dnssec_ok) {
        ldns_pkt_set_edns_udp_size(packet.get(), 1232);
        ldns_pkt_set_edns_do(packet.get(), true);
    }
    std::uint8_t* raw = nullptr;
    std::size_t size = 0;
    auto status = ldns_pkt2wire(&raw, packet.get(), &size);
    Octets octets(raw);
    if (status != LDNS_STATUS_OK)
        return Error(ErrorCode::internal, fmt::format("no query for '{}': {}", question.name.text(), ldns_get_errorstr_by_id(status)));
    return Bytes(raw, raw + size);
}

std::uint16_t random_id() {
    std::uint8_t octets[2] = {};
    // Without a random source there are no keys either; zero only weakens the match of the answer.
    if (RAND_bytes(octets, sizeof octets) != 1) return 0;
    return static_cast<std::uint16_t>(octets[0] << 8 | octets[1]);
}

} // namespace mxseal::dns
