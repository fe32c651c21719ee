#include "agent/observe/server_questions.hpp"

#include "agent/observe/authoritative_answer.hpp"
#include "base/dns/rdata.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace mxseal::agent {
namespace {

using rotation::tlsa::Security;
using rotation::tlsa::ServerAnswer;
using Kind = ServerAnswer::Kind;

constexpr int kNoError = 0;

void conclude(ServerAnswer& answer, Kind kind, std::string_view detail) {
    answer.kind = kind;
    if (!answer.detail.empty()) answer.detail += "; ";
    answer.detail += detail;
}

bool mentions(const dns::Message& message, dns::Type type) {
    return std::any_of(message.authority.begin(), message.authority.end(), [&](const dns::Record& record) { return record.type == type; });
}

Kind kind_of(dns::SignatureCheck::Verdict verdict) {
    switch (verdict) {
    case dns::SignatureCheck::Verdict::valid: return Kind::records;
    case dns::SignatureCheck::Verdict::missing: return Kind::unsigned_;
    case dns::SignatureCheck::Verdict::out_of_date:
    case dns::SignatureCheck::Verdict::wrong:
    case dns::SignatureCheck::Verdict::over_limit: break;
    }
    return Kind::bogus;
}

Kind kind_of(dns::DenialCheck::Verdict verdict, bool any_signature) {
    switch (verdict) {
    case dns::DenialCheck::Verdict::nodata:
    case dns::DenialCheck::Verdict::nxdomain:
    // RFC 7672 section 2.1.1 (A-15, B-08): an insecure denial is no error, it means no DANE. `detail` says that it is one.
    case dns::DenialCheck::Verdict::opt_out: return Kind::denied;
    case dns::DenialCheck::Verdict::missing: return any_signature ? Kind::failed : Kind::unsigned_;
    case dns::DenialCheck::Verdict::no_proof:
    case dns::DenialCheck::Verdict::over_limit: return Kind::failed;
    case dns::DenialCheck::Verdict::out_of_date:
    case dns::DenialCheck::Verdict::wrong: break;
    }
    return Kind::bogus;
}

void read_soa(const dns::Record& record, ServerAnswer& answer) {
    const auto soa = dns::soa_of(record);
    if (!soa) return;
    answer.negative_ttl = dns::negative_ttl_of(record);
    answer.soa_expire = soa->expire;
    answer.soa_serial = soa->serial;
}

Kind kind_without_answer(bool silent) { return silent ? Kind::unreachable : Kind::failed; }

} // namespace

ServerAnswer ServerQuestions::blank() const {
    ServerAnswer answer;
    answer.server = server_.name;
    if (server_.address) answer.address = server_.address->to_string();
    return answer;
}

std::optional<dns::Message> ServerQuestions::authoritative_answer(const dns::Question& question, ServerAnswer& answer) const {
    AuthoritativeAnswer found = ask_authoritative(*server_.address, question, options_);
    if (!found.message) conclude(answer, kind_without_answer(found.silent), found.detail);
    return std::move(found.message);
}

ServerReport ServerQuestions::ask(const std::vector<OwnerQuestion>& questions) {
    ServerReport report;
    ServerAnswer common = blank();
    ZoneAnswer zone = ask_zone(server_, trust_.keys.zone, options_);
    report.ns_names = std::move(zone.ns_names);
    if (zone.soa) read_soa(*zone.soa, common);
    if (!zone.serves) conclude(common, kind_without_answer(zone.silent), zone.detail);
    for (const OwnerQuestion& question : questions) report.owners.push_back(zone.serves ? ask_owner(question, common) : OwnerAnswer{common, {}});
    return report;
}

OwnerAnswer ServerQuestions::ask_owner(const OwnerQuestion& question, const ServerAnswer& common) const {
    OwnerAnswer out{common, {}};
    const std::optional<dns::Message> message = authoritative_answer({question.owner, dns::Type::tlsa}, out.answer);
    if (!message) return out;
    out.answer.detail = text_of({question.owner, dns::Type::tlsa}) + ": " + message->summary();
    if (!records_at(*message, {question.owner, dns::Type::cname}).empty())
        follow_cname(*message, question.owner, out);
    else if (!records_at(*message, {question.owner, dns::Type::tlsa}).empty())
        judge_records(*message, question.owner, out.answer);
    else
        judge_denial(*message, question.owner, out.answer);
    if (out.answer.kind == Kind::records) check_non_terminal(question, out.answer);
    return out;
}

void ServerQuestions::judge_records(const dns::Message& message, const dns::Name& owner, ServerAnswer& answer) const {
    std::vector<dns::TlsaRecord> records;
    for (const dns::Record& record : records_at(message, {owner, dns::Type::tlsa})) {
        Result<dns::TlsaRecord> parsed = dns::TlsaRecord::from_wire(record.rdata);
        if (!parsed) return conclude(answer, Kind::failed, parsed.error().to_string());
        records.push_back(std::move(*parsed));
        answer.ttl = std::max(answer.ttl, record.ttl); // RFC 2181 section 5.2: equal; if not, the longer one is held
    }
    const dns::TlsaSet set(std::move(records));
    if (trust_.security == Security::insecure) return conclude(answer, Kind::unsigned_, set.to_string() + ", but " + trust_.detail);
    const dns::SignatureCheck check = dns::check_signature(message, {owner, dns::Type::tlsa}, trust_.keys, now_);
    conclude(answer, kind_of(check.verdict), fmt::format("{} TTL {} s, {}", set.to_string(), answer.ttl.count(), check.detail));
    if (answer.kind != Kind::records) return;
    answer.records = set;
    answer.rrsig_expiration = check.expiration;
}

void ServerQuestions::judge_denial(const dns::Message& message, const dns::Name& owner, ServerAnswer& answer) const {
    if (trust_.security == Security::insecure) return conclude(answer, Kind::unsigned_, trust_.detail);
    const dns::DenialCheck check = dns::check_denial(message, {owner, dns::Type::tlsa}, trust_.keys, now_);
    conclude(answer, kind_of(check.verdict, mentions(message, dns::Type::rrsig)), check.detail);
    answer.rrsig_expiration = check.expiration;
}

// A-43 (RFC 7671 section 6): the records stand at the target. They count where this zone serves them too.
void ServerQuestions::follow_cname(const dns::Message& message, const dns::Name& owner, OwnerAnswer& out) const {
    out.cname_target = dns::target_of(records_at(message, {owner, dns::Type::cname}).front());
    if (!out.cname_target) return conclude(out.answer, Kind::failed, "a CNAME that does not parse");
    const std::string what = "CNAME to " + out.cname_target->text();
    if (trust_.security == Security::insecure) return conclude(out.answer, Kind::unsigned_, what + ", but " + trust_.detail);
    const dns::SignatureCheck check = dns::check_signature(message, {owner, dns::Type::cname}, trust_.keys, now_);
    if (check.verdict != dns::SignatureCheck::Verdict::valid) return conclude(out.answer, kind_of(check.verdict), what + ", " + check.detail);
    if (!records_at(message, {*out.cname_target, dns::Type::tlsa}).empty()) {
        conclude(out.answer, Kind::failed, what);
        return judge_records(message, *out.cname_target, out.answer);
    }
    conclude(out.answer, Kind::failed, what + ", whose records this server does not answer with");
}

// B-04 (RFC 8020, RFC 9156): NXDOMAIN above an existing owner breaks resolvers that minimise names.
void ServerQuestions::check_non_terminal(const OwnerQuestion& question, ServerAnswer& answer) const {
    ServerAnswer above;
    const dns::Question at{question.non_terminal, dns::Type::tlsa};
    const std::optional<dns::Message> message = authoritative_answer(at, above);
    if (message && !records_at(*message, at).empty()) return;
    if (message) judge_denial(*message, question.non_terminal, above);
    const bool there = message && message->rcode == kNoError && above.kind == Kind::denied;
    if (there) return;
    answer.records = {};
    answer.rrsig_expiration.reset();
    conclude(answer, Kind::failed, fmt::format("but {}: {}{} (B-04)", text_of(at), message ? message->summary() + ", " : "", above.detail));
}

} // namespace mxseal::agent
