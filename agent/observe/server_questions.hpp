// What one authoritative address says about a host: one job of an observation round.
#pragma once

#include "agent/observe/name_servers.hpp"
#include "base/dns/dnssec.hpp"

#include <set>
#include <vector>

namespace mxseal::agent {

// The validated keys of a zone, or why there are none to check signatures with.
struct ZoneTrust {
    rotation::tlsa::Security security = rotation::tlsa::Security::indeterminate;
    dns::ZoneKeys keys;
    std::string detail;
};

struct OwnerQuestion {
    std::uint16_t port = 25;
    dns::Name owner;         // _25._tcp.mx1.example.org
    dns::Name non_terminal;  // _tcp.mx1.example.org
};

struct OwnerAnswer {
    rotation::tlsa::ServerAnswer answer;
    std::optional<dns::Name> cname_target;
};

struct ServerReport {
    std::vector<OwnerAnswer> owners;   // one a question
    std::set<dns::Name> ns_names;      // as this server serves them
};

class ServerQuestions {
public:
    ServerQuestions(const NameServer& server, const ZoneTrust& trust, const ObserverOptions& options, Instant now)
        : server_(server), trust_(trust), options_(options), now_(now) {}

    ServerReport ask(const std::vector<OwnerQuestion>& questions);

private:
    using ServerAnswer = rotation::tlsa::ServerAnswer;

    ServerAnswer blank() const;
    // Sets kind and detail when there is no answer to go on with.
    std::optional<dns::Message> authoritative_answer(const dns::Question& question, ServerAnswer& answer) const;
    OwnerAnswer ask_owner(const OwnerQuestion& question, const ServerAnswer& common) const;
    void judge_records(const dns::Message& message, const dns::Name& owner, ServerAnswer& answer) const;
    void judge_denial(const dns::Message& message, const dns::Name& owner, ServerAnswer& answer) const;
    void follow_cname(const dns::Message& message, const dns::Name& owner, OwnerAnswer& out) const;
    void check_non_terminal(const OwnerQuestion& question, ServerAnswer& answer) const;

    const NameServer& server_;
    const ZoneTrust& trust_;
    const ObserverOptions& options_;
    const Instant now_;
};

} // namespace mxseal::agent
