// PolicyOutside: the port through which the keeper of policies acts on the world. The real one (policy_workers.hpp) hands each act to a
// bounded pool; tests and the simulation answer by hand. Every act ends in exactly one arrival, unless the process dies first.
#pragma once

#include "base/dns/query.hpp"
#include "rotation/decision.hpp"
#include "rotation/mta_sts/observation.hpp"

#include <string>
#include <variant>
#include <vector>

namespace mxseal::agent {

struct DnsLook {
    std::string domain;
    rotation::mta_sts::DnsObservation seen;
};
struct EndpointLook {
    std::string domain;
    rotation::mta_sts::FetchRound seen;
};
struct RrsetWritten {
    std::string domain;
    dns::Type type = dns::Type::txt;              // TXT at _mta-sts.<domain>, MX at <domain>
    std::optional<rotation::Failure> failure;
};
// One look at an MX host as a sender under MTA-STS does it: STARTTLS at every address, SNI the host's name, a chain that WebPKI trusts.
struct MxHostLook {
    std::string host;
    std::string trouble;                          // empty: every address is fine
};
// The TLS-RPT record of a name (D-01), looked at and written where it was missing.
struct ReportRecordLook {
    std::string name;                             // a mail domain, or the domain of MX hosts
    std::string trouble;                          // empty: it stands at every name server
    bool foreign = false;                         // somebody else's record stands there, and stays
    std::string advice;                           // what the operator can do
    std::string record{};                         // the record that the operator is asked to set, as a line of a zone file; empty: none
};
// The TXT record that many domains share (C-38).
struct RecordLook {
    std::string name;
    rotation::mta_sts::RrsetRound seen;
};
struct RecordWritten {
    std::string name;
    std::optional<rotation::Failure> failure;
};
// Where the names of a domain lead whose policy has ended here (C-38).
struct FormerLook {
    std::string domain;
    std::string trouble;                          // why it is not known; empty: it is
    std::vector<std::string> addresses;           // of mta-sts.<domain>, without those at which somebody else serves a policy
    std::optional<std::string> alias;             // the name that _mta-sts.<domain> is an alias of
};
using PolicyArrival = std::variant<DnsLook, EndpointLook, RrsetWritten, MxHostLook, ReportRecordLook, RecordLook, RecordWritten, FormerLook>;

class PolicyOutside {
public:
    virtual ~PolicyOutside() = default;
    // None of these blocks.
    virtual void observe(const std::string& domain) = 0;
    // `self_signed`: the chain is not judged, only that the key is the endpoint's own. `departed`: addresses besides those that the name has.
    virtual void fetch(const std::string& domain, bool self_signed, const std::vector<std::string>& departed) = 0;
    virtual void write(const std::string& domain, dns::Type type, const rotation::mta_sts::Values& base, const rotation::mta_sts::Values& target, Ttl ttl) = 0;
    virtual void look_at_mx_host(const std::string& host) = 0;
    virtual void observe_record(const std::string& name) = 0;
    virtual void write_record(const std::string& name, const rotation::mta_sts::Values& base, const rotation::mta_sts::Values& target, Ttl ttl) = 0;
    virtual void keep_report_record(const std::string& name, const std::vector<std::string>& rua) = 0;
    virtual void look_at_former(const std::string& domain) = 0;
};

} // namespace mxseal::agent
