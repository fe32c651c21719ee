// From octets to values and back, over ldns, which stays in wire.cpp. For base/dns and its tests; others use query.hpp and update.hpp.
#pragma once

#include "base/bytes.hpp"
#include "base/dns/query.hpp"
#include "base/result.hpp"

#include <cstdint>
#include <optional>

namespace mxseal::dns {

struct ParsedMessage {
    std::uint16_t id = 0;
    bool response = false;
    int opcode = 0;                   // 0 QUERY, 5 UPDATE
    int question_count = 0;
    std::optional<Question> question; // the only one, of class IN, if its name is one that Name can hold
    Message message;
};

// `protocol` when the octets are no DNS message. Records of another class than IN, and those whose owner Name cannot hold
// (a wildcard, an escaped octet), are left out of the sections; `wire` has them.
Result<ParsedMessage> parse_message(ByteView wire);

// The octets of a query: one question, class IN, EDNS with DO when `dnssec_ok` (buffer 1232: RFC 9715).
Result<Bytes> query_message(std::uint16_t id, const Question& question, bool recursion_desired, bool dnssec_ok);

std::uint16_t random_id();

} // namespace mxseal::dns
