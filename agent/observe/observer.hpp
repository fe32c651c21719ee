// Observer: what the world's DNS says of a host, and Prober: what its endpoints say on the wire.
//
// Both are ports: the simulation has its own. The real ones (authoritative_observer.cpp, starttls_prober.cpp) block;
// call them from workers. They never decide anything: the values they return are judged by rotation/.
#pragma once

#include "base/dns/name.hpp"
#include "base/dns/query.hpp"
#include "rotation/tlsa/observation.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace mxseal::providers {
class DnsDriver;
}

namespace mxseal::agent {

// A name server that no NS record names (`nameservers:` of a zone): an address, or a name whose addresses are looked up.
struct ExtraNameServer {
    std::optional<dns::Endpoint> address;
    std::optional<dns::Name> name;
};

struct ObservationTarget {
    dns::Name host;
    std::vector<std::uint16_t> ports;               // one owner `_<port>._tcp.<host>` each
    dns::Name zone;
    std::vector<ExtraNameServer> nameservers;
    std::vector<providers::DnsDriver*> drivers;     // to read what the primaries hold; the first one fills `primary`
};

// The MX RRset of a mail domain through the validating resolver.
struct MxHost {
    std::uint16_t preference = 0;
    dns::Name host;
    auto operator<=>(const MxHost&) const = default;
};
struct MxObservation {
    dns::Name domain;
    rotation::tlsa::Security security = rotation::tlsa::Security::indeterminate;
    std::vector<MxHost> hosts; // sorted; empty: no MX, or the answer was an error (then `error`)
    std::string error;
};

class Observer {
public:
    virtual ~Observer() = default;
    virtual rotation::tlsa::DnsObservation observe(const ObservationTarget& target) = 0;
    virtual MxObservation observe_mx(const dns::Name& domain) = 0;
    // A and AAAA of `host`, in text form, sorted. An empty list: the name has no address.
    virtual Result<std::vector<std::string>> addresses(const dns::Name& host) = 0;
    // Whether every authoritative server of `zone` answers with TXT `value` at `owner` (E-05); false: not yet.
    virtual Result<bool> txt_is_everywhere(const ObservationTarget& target, const dns::Name& owner, std::string_view value) = 0;
};

// A version to verify each served chain against with OpenSSL's own DANE verifier.
struct NamedVersion {
    std::string name; // "live at 192.0.2.53", "held until 2026-11-22T14:00:00Z"
    dns::TlsaSet records;
};

struct ProbeTarget {
    dns::Name host;
    std::vector<std::uint16_t> ports;
    std::vector<std::string> addresses;                   // every A and AAAA, and `backends:`
    std::vector<rotation::Algorithm> algorithms;          // each is forced once an address besides the free handshakes
    std::vector<std::pair<std::uint16_t, NamedVersion>> versions; // by port
};

class Prober {
public:
    virtual ~Prober() = default;
    // One round: every address, port and SNI in {base, none, other}, and each algorithm forced; fresh handshakes.
    virtual rotation::tlsa::ProbeRound probe(const ProbeTarget& target) = 0;
};

} // namespace mxseal::agent
