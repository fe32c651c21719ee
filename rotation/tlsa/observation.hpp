// What was seen of a host from outside: its TLSA RRsets at every authoritative address, and the chains on the wire.
// Plain values, filled by agent/observe and by the simulation, judged by the core.
#pragma once

#include "rotation/types.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace mxseal::rotation::tlsa {

// One authoritative address, asked directly (RD=0, DO=1) for the TLSA RRset of one owner.
struct ServerAnswer {
    enum class Kind {
        records,     // an RRset with a currently valid covering RRSIG
        denied,      // NODATA or NXDOMAIN with a valid NSEC/NSEC3 proof: the version is the empty set
        unreachable, // no answer over UDP and TCP
        failed,      // SERVFAIL, REFUSED, NOTIMP, FORMERR, lame, a missing proof
        unsigned_,   // an answer without RRSIG
        bogus,       // signatures that do not verify or are out of date
    };
    Kind kind = Kind::unreachable;
    std::string server;                     // name from the NS RRset or the configuration
    std::string address;                    // "192.0.2.53" or "2001:db8::53", "@port" when it is not 53
    dns::TlsaSet records;                   // Kind::records
    Ttl ttl{0};                             // as served, Kind::records
    std::optional<Instant> rrsig_expiration; // earliest over the covering signatures
    std::optional<Ttl> negative_ttl;        // min(SOA TTL, SOA MINIMUM) (RFC 2308 section 5)
    std::optional<Ttl> soa_expire;
    std::uint32_t soa_serial = 0;
    std::string detail;                     // query and answer in words, for the operator (B-14)

    bool answered() const { return kind == Kind::records || kind == Kind::denied; }
    bool operator==(const ServerAnswer&) const = default;
};

// What a validating resolver of our own concludes about a name (B-02).
enum class Security { secure, insecure, bogus, indeterminate };
std::string_view to_string(Security security);

struct OwnerObservation {
    std::uint16_t port = 25;
    std::vector<ServerAnswer> servers;       // parent NS set, child NS set and configured extras; never empty on success
    std::optional<dns::TlsaSet> primary;     // as the driver reads it from the server it writes to
    std::optional<Ttl> primary_ttl;
    std::string primary_error;               // why `primary` is absent
    std::optional<dns::Name> cname_target;   // a CNAME stands at the owner
    std::optional<Ttl> ns_ttl;               // largest TTL of the NS RRsets and their glue
    bool operator==(const OwnerObservation&) const = default;
};

// One round over all owners of a host.
struct DnsObservation {
    Instant started{}, finished{};
    Security address_security = Security::indeterminate; // of the host's A and AAAA
    std::string address_detail;                          // who said what, when it is not secure
    std::string error;                                   // the round could not be made at all: no server known, resolver down
    bool dnssec_rollover = false;                        // DS and CDS name different keys (B-10)
    std::vector<OwnerObservation> owners;                // one a port
    bool operator==(const DnsObservation&) const = default;
};

// One handshake with one endpoint.
struct EndpointProbe {
    enum class Sni { base, none, other };
    enum class Failure {
        none,
        unreachable,   // no TCP connection, or it broke before STARTTLS
        no_starttls,   // STARTTLS not offered or refused
        handshake,     // TLS failed; for a forced algorithm: the server has no such key (then `absent_algorithm`)
    };
    std::uint16_t port = 25;
    std::string address;
    Sni sni = Sni::base;
    std::optional<Algorithm> forced;   // only this algorithm was offered
    Failure failure = Failure::none;
    bool absent_algorithm = false;     // the endpoint answers, but not with the forced algorithm
    std::optional<Chain> chain;        // when failure is none
    std::vector<std::string> mismatches; // versions, in words, against which OpenSSL's DANE verification failed
    std::string detail;                // what went wrong, in words
    bool operator==(const EndpointProbe&) const = default;
};

// One round: every endpoint, with SNI = base, none and another name, each algorithm forced once.
struct ProbeRound {
    Instant started{}, finished{};
    std::vector<EndpointProbe> endpoints; // empty only with `error`
    std::string error;                    // the host's addresses could not be found
    bool operator==(const ProbeRound&) const = default;
};

} // namespace mxseal::rotation::tlsa
