// The TSIG record within a message (RFC 8945 section 4.2). Inside base/dns.
#pragma once

#include "base/bytes.hpp"
#include "base/dns/name.hpp"
#include "base/result.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>

namespace mxseal::dns {

struct TsigRecord {
    Bytes key_name;  // wire form, lower case
    Bytes algorithm; // wire form, lower case
    std::uint64_t time_signed_s = 0; // 48 bits
    std::uint16_t fudge_s = 0;
    Bytes mac;
    std::uint16_t original_id = 0;
    std::uint16_t error = 0;
    Bytes other;
};

struct TsigPlace {
    std::size_t offset = 0; // where the record begins: the message without it ends here
    TsigRecord record;
};

// Nothing when the message has no TSIG; `protocol` when it is cut, or when a TSIG is malformed or not the last record.
Result<std::optional<TsigPlace>> find_tsig(ByteView message);

Bytes wire_of(const Name& name);

// The octets of the record, as they stand at the end of a message.
Bytes wire_of(const TsigRecord& record);

// RFC 8945 section 4.3.3: the part of the digest after the message.
Bytes variables_of(const TsigRecord& record);

} // namespace mxseal::dns
