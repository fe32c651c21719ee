// Updates after RFC 2136: the message, and its way to a primary over TCP, signed.
//
// send_update() blocks; call it from a worker. An answer counts only when its TSIG verifies (F-07, F-08).
#pragma once

#include "base/dns/name.hpp"
#include "base/dns/query.hpp"
#include "base/dns/socket.hpp"
#include "base/dns/tsig.hpp"
#include "base/result.hpp"
#include "base/time.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace mxseal::dns {

// F-08: ldns aborts above 64 KiB, so an update ends far below it.
inline constexpr std::size_t kUpdateOctetsMax = 32 * 1024;

// RFC 2136 section 2.4: what must hold for the update to happen. `values` empty: no such RRset exists (2.4.3);
// otherwise it has exactly these (2.4.2).
struct Prerequisite {
    Name owner;
    Type type = Type::tlsa;
    std::vector<Bytes> values;
};

// RFC 2136 section 2.5: the whole RRset is deleted, then these are added, all in one message.
struct RrsetUpdate {
    Name owner;
    Type type = Type::tlsa;
    Ttl ttl{0};
    std::vector<Bytes> values; // empty: only deleted
};

struct Update {
    Name zone;
    std::vector<Prerequisite> prerequisites;
    std::vector<RrsetUpdate> rrsets;
};

// What the message takes at most (without name compression, with a TSIG).
std::size_t octets_at_most(const Update& update);

// `invalid` when it would be longer than kUpdateOctetsMax.
Result<Bytes> update_message(std::uint16_t id, const Update& update);

// Sends one update over a connection of its own. Success: the server says, signed, that it has done it.
//   precondition, auth_failed, clock_skew, not_managed, unsupported, invalid, internal, transient: nothing was changed
//   ambiguous: it may have been carried out
Status send_update(const Endpoint& server, const TsigKey& key, const Clock& clock, const Update& update, const Deadline& deadline);

// RFC 2136 section 2.2, F-07: what the RCODE of a verified answer means. Where: "update of example.org at 192.0.2.53".
Status outcome_of_update(int rcode, const std::string& where, const TsigKey& key);

} // namespace mxseal::dns
