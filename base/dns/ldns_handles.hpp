// Owners for what ldns hands out. Only for .cpp files of base/dns.
#pragma once

#include <memory>

#include <ldns/ldns.h>

namespace mxseal::dns {

struct FreePacket { void operator()(ldns_pkt* packet) const { ldns_pkt_free(packet); } };
struct FreeRr { void operator()(ldns_rr* rr) const { ldns_rr_free(rr); } };
struct FreeRdf { void operator()(ldns_rdf* rdf) const { ldns_rdf_deep_free(rdf); } };
struct FreeBuffer { void operator()(ldns_buffer* buffer) const { ldns_buffer_free(buffer); } };
struct FreeOctets { void operator()(void* octets) const { LDNS_FREE(octets); } };

using Packet = std::unique_ptr<ldns_pkt, FreePacket>;
using Rr = std::unique_ptr<ldns_rr, FreeRr>;
using Rdf = std::unique_ptr<ldns_rdf, FreeRdf>;
using Buffer = std::unique_ptr<ldns_buffer, FreeBuffer>;
using Octets = std::unique_ptr<std::uint8_t, FreeOctets>;
using Chars = std::unique_ptr<char, FreeOctets>;

} // namespace mxseal::dns
