#include "base/dns/rdata.hpp"

#include "base/dns/tsig_record.hpp"
#include "base/dns/validated_message.hpp"

#include <algorithm>

namespace mxseal::dns {

namespace {

std::optional<Name> name_at(const Record& record, std::size_t index) {
    const Rr rr = rr_of(record);
    const ldns_rdf* field = rr ? ldns_rr_rdf(rr.get(), index) : nullptr;
    if (field == nullptr || ldns_rdf_get_type(field) != LDNS_RDF_TYPE_DNAME) return std::nullopt;
    auto name = Name::parse(text_of_dname(field));
    return name ? std::optional(*name) : std::nullopt;
}

Ttl seconds_at(const ldns_rr* rr, std::size_t index) { return Ttl(ldns_rdf2native_int32(ldns_rr_rdf(rr, index))); }

} // namespace

std::optional<Name> target_of(const Record& record) {
    const bool simple = record.type == Type::ns || record.type == Type::cname || record.type == Type::dname;
    if (simple) return name_at(record, 0);
    return record.type == Type::mx ? name_at(record, 1) : std::nullopt;
}

std::optional<std::uint16_t> preference_of(const Record& record) {
    const Rr rr = record.type == Type::mx ? rr_of(record) : nullptr;
    if (!rr || ldns_rr_rd_count(rr.get()) != 2) return std::nullopt;
    return ldns_rdf2native_int16(ldns_rr_rdf(rr.get(), 0));
}

Bytes mx_rdata(std::uint16_t preference, const Name& host) {
    Bytes rdata{static_cast<std::uint8_t>(preference >> 8), static_cast<std::uint8_t>(preference & 0xff)};
    const Bytes name = wire_of(host);
    rdata.insert(rdata.end(), name.begin(), name.end());
    return rdata;
}

std::optional<std::string> address_of(const Record& record) {
    const Rr rr = record.type == Type::a || record.type == Type::aaaa ? rr_of(record) : nullptr;
    const Chars text(rr && ldns_rr_rd_count(rr.get()) == 1 ? ldns_rdf2str(ldns_rr_rdf(rr.get(), 0)) : nullptr);
    if (!text) return std::nullopt;
    auto endpoint = Endpoint::parse(text.get());
    return endpoint ? std::optional(endpoint->address) : std::nullopt;
}

std::optional<Soa> soa_of(const Record& record) {
    const Rr rr = record.type == Type::soa ? rr_of(record) : nullptr;
    if (!rr || ldns_rr_rd_count(rr.get()) != 7) return std::nullopt;
    return Soa{ldns_rdf2native_int32(ldns_rr_rdf(rr.get(), 2)), seconds_at(rr.get(), 5), seconds_at(rr.get(), 6)};
}

std::optional<Ttl> negative_ttl_of(const Record& soa) {
    const auto fields = soa_of(soa);
    return fields ? std::optional(std::min(soa.ttl, fields->minimum)) : std::nullopt;
}

} // namespace mxseal::dns
