// DNS questions to one server, as values; ldns does the wire format and stays in query.cpp.
//
// exchange() blocks its thread; call it from a worker. Random id and port; the answer is matched on id, question and
// peer; a truncated UDP answer is asked again over TCP (RFC 7766). Nothing is cached.
#pragma once

#include "base/bytes.hpp"
#include "base/dns/name.hpp"
#include "base/result.hpp"
#include "base/time.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace mxseal::dns {

// RR types that mxseal names (IANA). Values are those of the wire.
enum class Type : std::uint16_t {
    a = 1, ns = 2, cname = 5, soa = 6, mx = 15, txt = 16, aaaa = 28, dname = 39, ds = 43, rrsig = 46, nsec = 47, dnskey = 48, nsec3 = 50,
    tlsa = 52, cds = 59, cdnskey = 60, caa = 257,
};
std::string to_string(Type type); // "TLSA", "TYPE1234"

// An address and a port; the text form is "192.0.2.53", "2001:db8::53" or, when the port is not `standard`, "192.0.2.53@5353".
struct Endpoint {
    std::string address; // IPv4 or IPv6 in text form
    std::uint16_t port = 53;
    std::string to_string(std::uint16_t standard = 53) const;
    // "192.0.2.53", "2001:db8::53", "192.0.2.53@5353"; `invalid` otherwise.
    static Result<Endpoint> parse(std::string_view text, std::uint16_t standard = 53);
    auto operator<=>(const Endpoint&) const = default;
};

struct Record {
    Name owner;
    Type type = Type::a;
    Ttl ttl{0};
    Bytes rdata; // uncompressed wire form, embedded names in lower case (RFC 4034 section 6.2)
    auto operator<=>(const Record&) const = default;
};

struct Question {
    Name name;
    Type type = Type::a;
};

struct QueryOptions {
    Duration timeout = std::chrono::seconds(3); // of each try
    int udp_tries = 2;                          // 0: TCP only
    bool recursion_desired = false;
    bool dnssec_ok = true;                      // EDNS with DO, buffer 1232 (RFC 9715)
};

struct Message {
    int rcode = 0;             // 0 NOERROR, 2 SERVFAIL, 3 NXDOMAIN, 4 NOTIMP, 5 REFUSED, 9 NOTAUTH (IANA)
    bool authoritative = false;
    bool truncated = false;
    std::vector<Record> answer, authority, additional; // OPT and TSIG left out
    Bytes wire;                // as received, for validation with ldns
    std::string summary() const; // "NOERROR aa, 2 answers" for `detail` texts
};
std::string rcode_text(int rcode); // "SERVFAIL"; "RCODE17" for unknown ones

// `transient` when the server did not answer in time or refused the connection, `protocol` when what came is no answer.
Result<Message> exchange(const Endpoint& server, const Question& question, const QueryOptions& options = {});

} // namespace mxseal::dns
