#include "agent/observe/rrset_questions.hpp"

#include "agent/observe/authoritative_answer.hpp"
#include "agent/observe/every_server.hpp"
#include "agent/observe/rrset_text.hpp"
#include "base/dns/rdata.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace mxseal::agent {
namespace {

using rotation::mta_sts::RrsetAnswer;
using rotation::tlsa::Security;

constexpr int kNoError = 0;
constexpr int kNxDomain = 3;

RrsetAnswer blank(const NameServer& server) { return {server.name, server.address ? server.address->to_string() : "", false, {}, Ttl(0), {}}; }

// RFC 2181 section 10.1: an alias has one canonical name.
void read_alias(const std::vector<dns::Record>& aliases, RrsetSaid& said) {
    const auto target = dns::target_of(aliases.front());
    said.answer.ttl = aliases.front().ttl;
    if (aliases.size() > 1)
        said.answer.detail += ", several CNAME records at one name";
    else if (!target)
        said.answer.detail += ", an alias of a name with characters that no host name has";
    else
        said.alias = target;
}

void read_values(const std::vector<dns::Record>& records, dns::Type type, RrsetSaid& said) {
    std::vector<Bytes> rdata;
    for (const dns::Record& record : records) {
        rdata.push_back(record.rdata);
        said.answer.ttl = std::max(said.answer.ttl, record.ttl); // RFC 2181 section 5.2: equal; if not, the longer one is held
    }
    auto values = values_text(type, rdata);
    if (!values) {
        said.answer.detail += ", " + values.error().to_string();
        return;
    }
    said.answer.answered = true;
    said.answer.values = std::move(*values);
    said.answer.detail.clear();
}

RrsetSaid ask_one(const NameServer& server, const dns::Question& question, const ObserverOptions& options) {
    RrsetSaid said{blank(server), {}};
    const AuthoritativeAnswer answer = ask_authoritative(*server.address, question, options);
    said.answer.detail = answer.detail;
    if (!answer.message) return said;
    const auto aliases = records_at(*answer.message, {question.name, dns::Type::cname});
    if (!aliases.empty())
        read_alias(aliases, said);
    else
        read_values(records_at(*answer.message, question), question.type, said);
    return said;
}

RrsetReport ask_server_for(const NameServer& server, const dns::Name& zone, const std::vector<dns::Question>& questions, const ObserverOptions& options) {
    ZoneAnswer serves = ask_zone(server, zone, options);
    RrsetReport report{std::move(serves.ns_names), {}};
    for (const dns::Question& question : questions) {
        if (serves.serves) {
            report.said.push_back(ask_one(server, question, options));
            continue;
        }
        report.said.push_back({blank(server), {}});
        report.said.back().answer.detail = serves.detail;
    }
    return report;
}

} // namespace

// Whether an SOA record stands at `name`.
Result<bool> RrsetQuestions::is_apex(const dns::Name& name) {
    Result<ResolvedAnswer> answer = resolver_.resolve(name, dns::Type::soa);
    if (!answer) return std::move(answer).error();
    const bool conclusive = answer->usable() && (answer->rcode == kNoError || answer->rcode == kNxDomain);
    if (answer->security == Security::bogus) return Error(ErrorCode::bogus, answer->detail);
    if (!conclusive) return Error(ErrorCode::transient, answer->detail, Retry::transient());
    // What stands where an alias ends says nothing of the alias's own zone.
    return !answer->canonical && !answer->records.empty();
}

Result<dns::Name> RrsetQuestions::zone_of(const dns::Name& name) {
    // At most one step a label.
    for (dns::Name candidate = name;; candidate = candidate.parent()) {
        Result<bool> apex = is_apex(candidate);
        // A name like _mta-sts.example.org that cannot be resolved may be an alias into nowhere: the zone above can say so.
        if (!apex && candidate.text().starts_with('_')) continue;
        if (!apex) return std::move(apex).error().in_context("looking for the zone of " + name.text());
        if (*apex) return candidate;
        if (candidate.is_root()) return Error(ErrorCode::not_found, fmt::format("no zone above {} was found, not even the root", name.text()));
    }
}

Result<std::vector<RrsetReport>> RrsetQuestions::ask(const dns::Name& zone, const std::vector<ExtraNameServer>& extras, const std::vector<dns::Question>& questions) {
    NameServerFinder finder(resolver_, options_);
    const NameServers known = finder.find(zone, extras);
    if (!known.error.empty()) return Error(ErrorCode::transient, known.error, Retry::transient());
    return ask_every_server<RrsetReport>(finder, zone, known, options_, [&](const NameServer& server) { return ask_server_for(server, zone, questions, options_); });
}

} // namespace mxseal::agent
