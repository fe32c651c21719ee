#include "agent/observe/authoritative_observer.hpp"

#include "agent/observe/authoritative_answer.hpp"
#include "agent/observe/bounded_parallel.hpp"
#include "agent/observe/every_server.hpp"
#include "base/dns/rdata.hpp"
#include "base/dns/txt.hpp"
#include "providers/driver.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <functional>

namespace mxseal::agent {
namespace {

using rotation::tlsa::DnsObservation;
using rotation::tlsa::OwnerObservation;
using rotation::tlsa::Security;

Result<std::vector<OwnerQuestion>> questions_for(const ObservationTarget& target) {
    std::vector<OwnerQuestion> questions;
    for (const std::uint16_t port : target.ports) {
        auto owner = target.host.prefixed(fmt::format("_{}._tcp", port));
        auto non_terminal = target.host.prefixed("_tcp");
        if (!owner) return std::move(owner).error();
        if (!non_terminal) return std::move(non_terminal).error();
        questions.push_back({port, *owner, *non_terminal});
    }
    return questions;
}

int badness(Security security) {
    switch (security) {
    case Security::secure: return 0;
    case Security::insecure: return 1;
    case Security::indeterminate: return 2;
    case Security::bogus: break;
    }
    return 3;
}

void read_primary(const ObservationTarget& target, const dns::Name& owner, OwnerObservation& out) {
    if (target.drivers.empty()) {
        out.primary_error = "no provider is configured for " + target.zone.text();
        return;
    }
    providers::DnsDriver& driver = *target.drivers.front();
    auto zone = driver.find_zone(owner);
    if (!zone) {
        out.primary_error = zone.error().to_string();
        return;
    }
    auto rrset = driver.read(*zone, owner, dns::Type::tlsa);
    if (!rrset) {
        out.primary_error = rrset.error().to_string();
        return;
    }
    std::vector<dns::TlsaRecord> records;
    if (*rrset) {
        out.primary_ttl = (*rrset)->ttl;
        for (const Bytes& value : (*rrset)->values) {
            auto record = dns::TlsaRecord::from_wire(value);
            if (!record) {
                out.primary_error = record.error().to_string();
                return;
            }
            records.push_back(std::move(*record));
        }
    }
    out.primary = dns::TlsaSet(std::move(records));
}

void add_reports(std::vector<ServerReport>& reports, std::vector<OwnerObservation>& owners) {
    for (ServerReport& report : reports)
        for (std::size_t i = 0; i < owners.size(); ++i) {
            owners[i].servers.push_back(std::move(report.owners[i].answer));
            if (report.owners[i].cname_target) owners[i].cname_target = report.owners[i].cname_target;
        }
}

// Whether one server has TXT `value` at `owner`.
struct TxtReport {
    std::set<dns::Name> ns_names;
    bool shows = false;
};

TxtReport ask_for_txt(const NameServer& server, const dns::Name& zone, const dns::Name& owner, std::string_view value, const ObserverOptions& options) {
    const ZoneAnswer serves = ask_zone(server, zone, options);
    TxtReport report{serves.ns_names, false};
    if (!serves.serves) return report;
    const dns::Question question{owner, dns::Type::txt};
    const AuthoritativeAnswer answer = ask_authoritative(*server.address, question, options);
    if (!answer.message) return report;
    for (const dns::Record& record : records_at(*answer.message, question)) {
        const Result<std::string> text = dns::txt_text(record.rdata);
        if (text && *text == value) report.shows = true;
    }
    return report;
}

} // namespace

// What does not depend on the servers, found out at the same time.
struct AuthoritativeObserver::Surroundings {
    ZoneTrust trust;
    NameServers servers;
    DelegationKeys delegation;
};

ZoneTrust AuthoritativeObserver::trust_in(const dns::Name& zone) {
    ZoneTrust trust;
    trust.keys.zone = zone;
    Result<ResolvedAnswer> answer = resolver_.resolve(zone, dns::Type::dnskey);
    if (!answer) {
        trust.detail = answer.error().to_string();
        return trust;
    }
    trust.security = answer->security;
    trust.detail = answer->detail;
    if (trust.security == Security::secure) trust.keys.dnskeys = std::move(answer->records);
    if (trust.security == Security::secure && trust.keys.dnskeys.empty()) {
        // Securely without keys: the name is inside another zone, or the zone is not signed.
        trust.security = Security::insecure;
        trust.detail += ": " + zone.text() + " has no DNSKEY record";
    }
    return trust;
}

std::vector<dns::Record> AuthoritativeObserver::validated(const dns::Name& name, dns::Type type) {
    Result<ResolvedAnswer> answer = resolver_.resolve(name, type);
    if (!answer || answer->security != Security::secure) return {};
    return std::move(answer->records);
}

void AuthoritativeObserver::judge_addresses(const dns::Name& host, DnsObservation& out) {
    out.address_security = Security::secure;
    for (const dns::Type type : {dns::Type::a, dns::Type::aaaa}) {
        Result<ResolvedAnswer> answer = resolver_.resolve(host, type);
        const Security security = answer ? answer->security : Security::indeterminate;
        std::string detail = answer ? answer->detail : answer.error().to_string();
        // RFC 7672 section 2.2.2: an alias is an error to fix, whatever its security.
        if (answer && answer->canonical) detail += ": an alias of " + answer->canonical->text();
        if (security == Security::secure && !(answer && answer->canonical)) continue;
        out.address_detail += (out.address_detail.empty() ? "" : "; ") + detail;
        if (badness(security) > badness(out.address_security)) out.address_security = security;
    }
}

AuthoritativeObserver::Surroundings AuthoritativeObserver::look_around(const ObservationTarget& target, const std::vector<OwnerQuestion>& questions,
                                                                       DnsObservation& out) {
    Surroundings found;
    const std::array<std::function<void()>, 7> jobs{
        // One after the other: a driver takes one call a zone at a time.
        [&] { for (std::size_t i = 0; i < questions.size(); ++i) read_primary(target, questions[i].owner, out.owners[i]); },
        [&] { judge_addresses(target.host, out); },
        [&] { found.trust = trust_in(target.zone); },
        [&] { found.servers = NameServerFinder(resolver_, options_).find(target.zone, target.nameservers); },
        [&] { found.delegation.ds = validated(target.zone, dns::Type::ds); },
        [&] { found.delegation.cds = validated(target.zone, dns::Type::cds); },
        [&] { found.delegation.cdnskey = validated(target.zone, dns::Type::cdnskey); },
    };
    for_each_bounded(jobs.size(), options_.threads, [&](std::size_t i) { jobs[i](); });
    return found;
}

DnsObservation AuthoritativeObserver::observe(const ObservationTarget& target) {
    DnsObservation out;
    out.started = clock_.wall();
    const auto finish = [&](std::string error) {
        out.error = std::move(error);
        out.finished = clock_.wall();
        return out;
    };
    const auto questions = questions_for(target);
    if (!questions) return finish(questions.error().to_string());
    for (const OwnerQuestion& question : *questions) out.owners.emplace_back().port = question.port;
    const Surroundings around = look_around(target, *questions, out);
    if (!around.servers.error.empty()) return finish(around.servers.error);
    // Without keys no answer can be judged, and guessing would look like an attack or like peace.
    if (!(around.trust.security == Security::secure || around.trust.security == Security::insecure))
        return finish("the keys of " + target.zone.text() + " cannot be validated: " + around.trust.detail);
    out.dnssec_rollover = names_differ(around.delegation) || dnskeys_.changed_lately(target.zone, around.trust.keys.dnskeys, clock_.wall());

    NameServerFinder finder(resolver_, options_);
    const Instant now = clock_.wall();
    Result<std::vector<ServerReport>> reports = ask_every_server<ServerReport>(finder, target.zone, around.servers, options_, [&](const NameServer& server) {
        return ServerQuestions(server, around.trust, options_, now).ask(*questions);
    });
    if (!reports) return finish(reports.error().message());
    add_reports(*reports, out.owners);
    return finish("");
}

MxObservation AuthoritativeObserver::observe_mx(const dns::Name& domain) {
    MxObservation out;
    out.domain = domain;
    Result<ResolvedAnswer> answer = resolver_.resolve(domain, dns::Type::mx);
    if (!answer) {
        out.error = answer.error().to_string();
        return out;
    }
    out.security = answer->security;
    if (!answer->usable()) {
        out.error = answer->detail;
        return out;
    }
    for (const dns::Record& record : answer->records) {
        const auto preference = dns::preference_of(record);
        const auto host = dns::target_of(record);
        if (preference && host) out.hosts.push_back({*preference, *host});
    }
    std::sort(out.hosts.begin(), out.hosts.end());
    return out;
}

Result<std::vector<std::string>> AuthoritativeObserver::addresses(const dns::Name& host) {
    std::vector<std::string> found;
    for (const dns::Type type : {dns::Type::a, dns::Type::aaaa}) {
        Result<ResolvedAnswer> answer = resolver_.resolve(host, type);
        if (!answer) return std::move(answer).error();
        if (answer->security == Security::bogus) return Error(ErrorCode::bogus, answer->detail);
        if (!answer->usable()) return Error(ErrorCode::transient, answer->detail, Retry::transient());
        for (const dns::Record& record : answer->records)
            if (auto address = dns::address_of(record)) found.push_back(std::move(*address));
    }
    std::sort(found.begin(), found.end());
    found.erase(std::unique(found.begin(), found.end()), found.end());
    return found;
}

Result<bool> AuthoritativeObserver::txt_is_everywhere(const ObservationTarget& target, const dns::Name& owner, std::string_view value) {
    NameServerFinder finder(resolver_, options_);
    const NameServers known = finder.find(target.zone, target.nameservers);
    if (!known.error.empty()) return Error(ErrorCode::transient, known.error, Retry::transient());
    const auto reports = ask_every_server<TxtReport>(finder, target.zone, known, options_, [&](const NameServer& server) {
        return ask_for_txt(server, target.zone, owner, value, options_);
    });
    if (!reports) return reports.error();
    return std::all_of(reports->begin(), reports->end(), [](const TxtReport& report) { return report.shows; });
}

} // namespace mxseal::agent
