#include "base/dns/tsig_record.hpp"

#include "base/dns/ldns_handles.hpp"

#include <algorithm>

#include <fmt/format.h>

namespace mxseal::dns {

namespace {

constexpr std::size_t kHeaderOctets = 12;
constexpr std::uint16_t kTypeTsig = 250;
constexpr std::uint16_t kClassAny = 255;

void put16(Bytes& out, std::size_t value) {
    out.push_back(static_cast<std::uint8_t>(value >> 8 & 0xff));
    out.push_back(static_cast<std::uint8_t>(value & 0xff));
}

void put48(Bytes& out, std::uint64_t value) {
    put16(out, static_cast<std::size_t>(value >> 32));
    put16(out, static_cast<std::size_t>(value >> 16 & 0xffff));
    put16(out, static_cast<std::size_t>(value & 0xffff));
}

void put(Bytes& out, const Bytes& octets) { out.insert(out.end(), octets.begin(), octets.end()); }

std::uint16_t read16(ByteView octets, std::size_t at) { return static_cast<std::uint16_t>(octets[at] << 8 | octets[at + 1]); }

Error malformed(std::string_view why) { return Error(ErrorCode::protocol, fmt::format("malformed TSIG: {}", why)); }

Bytes octets_of(const ldns_rdf* rdf) {
    if (rdf == nullptr) return {};
    return Bytes(ldns_rdf_data(rdf), ldns_rdf_data(rdf) + ldns_rdf_size(rdf));
}

// RFC 8945 section 4.3.3: names are digested uncompressed, in lower case.
Bytes lower_name(Bytes wire) {
    for (std::uint8_t& octet : wire)
        if (octet >= 'A' && octet <= 'Z') octet = static_cast<std::uint8_t>(octet - 'A' + 'a');
    return wire;
}

// Octets behind a 16-bit length, as ldns keeps MAC and Other Data.
std::optional<Bytes> counted(const Bytes& octets) {
    if (octets.size() < 2 || octets.size() != read16(octets, 0) + 2u) return std::nullopt;
    return Bytes(octets.begin() + 2, octets.end());
}

Result<TsigRecord> record_of(const ldns_rr* rr) {
    // RFC 8945 section 4.2: class ANY, TTL 0, seven fields.
    if (ldns_rr_get_class(rr) != LDNS_RR_CLASS_ANY || ldns_rr_ttl(rr) != 0) return malformed("class or TTL");
    if (ldns_rr_rd_count(rr) != 7) return malformed("not seven fields");
    auto field = [rr](std::size_t index) { return octets_of(ldns_rr_rdf(rr, index)); };
    TsigRecord record;
    record.key_name = lower_name(octets_of(ldns_rr_owner(rr)));
    record.algorithm = lower_name(field(0));
    auto time = field(1), fudge = field(2), id = field(4), error = field(5);
    auto mac = counted(field(3)), other = counted(field(6));
    if (time.size() != 6 || fudge.size() != 2 || id.size() != 2 || error.size() != 2 || !mac || !other) return malformed("a field's length");
    for (std::uint8_t octet : time) record.time_signed_s = record.time_signed_s << 8 | octet;
    record.fudge_s = read16(fudge, 0);
    record.mac = std::move(*mac);
    record.original_id = read16(id, 0);
    record.error = read16(error, 0);
    record.other = std::move(*other);
    return record;
}

Result<Rr> next_record(ByteView message, std::size_t& offset, ldns_pkt_section section) {
    ldns_rr* raw = nullptr;
    auto status = ldns_wire2rr(&raw, message.data(), message.size(), &offset, section);
    Rr rr(status == LDNS_STATUS_OK ? raw : nullptr); // on failure ldns has freed it
    if (!rr) return Error(ErrorCode::protocol, fmt::format("a record of the message cannot be read: {}", ldns_get_errorstr_by_id(status)));
    return rr;
}

} // namespace

Result<std::optional<TsigPlace>> find_tsig(ByteView message) {
    if (message.size() < kHeaderOctets) return Error(ErrorCode::protocol, "the message is shorter than a header");
    std::size_t questions = read16(message, 4);
    std::size_t records = std::size_t{read16(message, 6)} + read16(message, 8) + read16(message, 10);
    bool has_additional = read16(message, 10) > 0;
    std::size_t offset = kHeaderOctets;
    // Each turn reads at least five octets, or fails.
    for (std::size_t i = 0; i < questions; ++i)
        if (auto rr = next_record(message, offset, LDNS_SECTION_QUESTION); !rr.ok()) return std::move(rr).error();
    for (std::size_t i = 0; i < records; ++i) {
        std::size_t begin = offset;
        auto rr = next_record(message, offset, LDNS_SECTION_ADDITIONAL);
        if (!rr.ok()) return std::move(rr).error();
        if (ldns_rr_get_type(rr->get()) != LDNS_RR_TYPE_TSIG) continue;
        // RFC 8945 section 5.1: the last record of the additional section, and the only one.
        if (i + 1 != records || !has_additional || offset != message.size()) return malformed("it is not the last record of the message");
        auto record = record_of(rr->get());
        if (!record.ok()) return std::move(record).error();
        return std::optional<TsigPlace>(TsigPlace{begin, std::move(*record)});
    }
    return std::optional<TsigPlace>{};
}

Bytes wire_of(const Name& name) {
    Bytes out;
    if (!name.is_root()) {
        std::string_view rest = name.text();
        while (true) { // one turn a label, at most 127
            auto label = rest.substr(0, rest.find('.'));
            out.push_back(static_cast<std::uint8_t>(label.size()));
            out.insert(out.end(), label.begin(), label.end());
            if (label.size() == rest.size()) break;
            rest.remove_prefix(label.size() + 1);
        }
    }
    out.push_back(0);
    return out;
}

Bytes wire_of(const TsigRecord& record) {
    Bytes rdata;
    put(rdata, record.algorithm);
    put48(rdata, record.time_signed_s);
    put16(rdata, record.fudge_s);
    put16(rdata, record.mac.size());
    put(rdata, record.mac);
    put16(rdata, record.original_id);
    put16(rdata, record.error);
    put16(rdata, record.other.size());
    put(rdata, record.other);
    Bytes out = record.key_name;
    put16(out, kTypeTsig);
    put16(out, kClassAny);
    put16(out, 0); // the TTL, 32 bits
    put16(out, 0);
    put16(out, rdata.size());
    put(out, rdata);
    return out;
}

Bytes variables_of(const TsigRecord& record) {
    Bytes out = record.key_name;
    put16(out, kClassAny);
    put16(out, 0); // the TTL, 32 bits
    put16(out, 0);
    put(out, record.algorithm);
    put48(out, record.time_signed_s);
    put16(out, record.fudge_s);
    put16(out, record.error);
    put16(out, record.other.size());
    put(out, record.other);
    return out;
}

} // namespace mxseal::dns
