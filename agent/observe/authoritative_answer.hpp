// What one authoritative address says, as far as it speaks for its zone: the questions that every observation begins with.
#pragma once

#include "agent/observe/name_servers.hpp"
#include "base/dns/query.hpp"

#include <optional>
#include <set>
#include <string>
#include <vector>

namespace mxseal::agent {

struct AuthoritativeAnswer {
    std::optional<dns::Message> message; // with AA, NOERROR or NXDOMAIN
    bool silent = false;                 // nothing came at all
    std::string detail;                  // "TXT _mta-sts.example.org: NOERROR aa, 1 answers", or why there is no message
};
AuthoritativeAnswer ask_authoritative(const dns::Endpoint& server, const dns::Question& question, const ObserverOptions& options);

// Whether a server answers for a zone at all. One that does not need not be asked on: a dead one costs one time-out.
struct ZoneAnswer {
    bool serves = false;
    bool silent = false;
    std::string detail;                  // why it does not
    std::optional<dns::Record> soa;
    std::set<dns::Name> ns_names;        // as this server serves them
};
ZoneAnswer ask_zone(const NameServer& server, const dns::Name& zone, const ObserverOptions& options);

std::vector<dns::Record> records_at(const dns::Message& message, const dns::Question& question); // of the answer section
std::string text_of(const dns::Question& question); // "TXT _mta-sts.example.org"

} // namespace mxseal::agent
