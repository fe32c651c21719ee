#include "base/dns/tlsa.hpp"

#include <algorithm>
#include <charconv>

#include <fmt/format.h>

namespace mxseal::dns {

Bytes TlsaRecord::wire() const {
    Bytes rdata(3 + data.size());
    rdata[0] = usage;
    rdata[1] = selector;
    rdata[2] = matching_type;
    std::copy(data.begin(), data.end(), rdata.begin() + 3);
    return rdata;
}

Result<TlsaRecord> TlsaRecord::from_wire(ByteView rdata) {
    // RFC 6698 section 2.1: three octets and the certificate association data.
    if (rdata.size() < 3) return Error(ErrorCode::protocol, fmt::format("a TLSA record of {} octets is too short", rdata.size()));
    return TlsaRecord{rdata[0], rdata[1], rdata[2], Bytes(rdata.begin() + 3, rdata.end())};
}

std::string TlsaRecord::to_string() const { return fmt::format("{} {} {} {}", usage, selector, matching_type, to_hex(data)); }

Result<TlsaRecord> TlsaRecord::parse(std::string_view text) {
    TlsaRecord record;
    std::string hex;
    const char* at = text.data();
    const char* end = text.data() + text.size();
    for (std::uint8_t* field : {&record.usage, &record.selector, &record.matching_type}) {
        while (at != end && *at == ' ') ++at;
        auto [next, failure] = std::from_chars(at, end, *field);
        if (failure != std::errc{}) return Error(ErrorCode::invalid, fmt::format("'{}' is not a TLSA record", escape_untrusted(text, 60)));
        at = next;
    }
    for (; at != end; ++at)
        if (*at != ' ') hex += *at;
    auto data = from_hex(hex);
    if (!data.ok()) return std::move(data).error();
    record.data = std::move(*data);
    return record;
}

TlsaRecord dane_ee_spki_sha256(ByteView spki_sha256) { return {3, 1, 1, Bytes(spki_sha256.begin(), spki_sha256.end())}; }

TlsaSet::TlsaSet(std::vector<TlsaRecord> records) : records_(std::move(records)) {
    std::sort(records_.begin(), records_.end());
    records_.erase(std::unique(records_.begin(), records_.end()), records_.end());
}

bool TlsaSet::contains(const TlsaRecord& record) const { return std::binary_search(records_.begin(), records_.end(), record); }

bool TlsaSet::includes(const TlsaSet& other) const {
    return std::includes(records_.begin(), records_.end(), other.records_.begin(), other.records_.end());
}

TlsaSet TlsaSet::with(const TlsaSet& other) const {
    auto all = records_;
    all.insert(all.end(), other.records_.begin(), other.records_.end());
    return TlsaSet(std::move(all));
}

TlsaSet TlsaSet::without(const TlsaSet& other) const {
    std::vector<TlsaRecord> rest;
    for (const TlsaRecord& record : records_)
        if (!other.contains(record)) rest.push_back(record);
    return TlsaSet(std::move(rest));
}

std::string TlsaSet::to_string() const {
    std::string out = "{";
    for (const TlsaRecord& record : records_) {
        auto hex = to_hex(record.data);
        out += fmt::format("{}{} {} {} {}", out.size() > 1 ? ", " : "", record.usage, record.selector, record.matching_type,
                           hex.size() > 8 ? hex.substr(0, 8) + ".." : hex);
    }
    return out + "}";
}

} // namespace mxseal::dns
