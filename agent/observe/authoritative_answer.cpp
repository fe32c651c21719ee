#include "agent/observe/authoritative_answer.hpp"

#include "base/dns/rdata.hpp"

namespace mxseal::agent {
namespace {

constexpr int kNoError = 0;
constexpr int kNxDomain = 3;

} // namespace

std::string text_of(const dns::Question& question) { return dns::to_string(question.type) + " " + question.name.text(); }

std::vector<dns::Record> records_at(const dns::Message& message, const dns::Question& question) {
    std::vector<dns::Record> found;
    for (const dns::Record& record : message.answer)
        if (record.owner == question.name && record.type == question.type) found.push_back(record);
    return found;
}

AuthoritativeAnswer ask_authoritative(const dns::Endpoint& server, const dns::Question& question, const ObserverOptions& options) {
    Result<dns::Message> message = ask_server(server, question, options);
    if (!message) return {{}, message.error().code() == ErrorCode::transient, text_of(question) + ": " + message.error().to_string()};
    std::string what = text_of(question) + ": " + message->summary();
    // RFC 7672 section 2.1.2 (A-15, B-03): senders take these for a failed lookup and do not deliver.
    if (message->rcode != kNoError && message->rcode != kNxDomain) return {{}, false, std::move(what)};
    if (!message->authoritative) return {{}, false, what + ": not authoritative for the zone (lame, B-09)"};
    return {std::move(message).value(), false, std::move(what)};
}

ZoneAnswer ask_zone(const NameServer& server, const dns::Name& zone, const ObserverOptions& options) {
    ZoneAnswer out;
    if (!server.address) {
        out.silent = true;
        out.detail = server.name + ": " + server.problem;
        return out;
    }
    const dns::Question soa{zone, dns::Type::soa}, ns{zone, dns::Type::ns};
    AuthoritativeAnswer answer = ask_authoritative(*server.address, soa, options);
    out.silent = answer.silent;
    out.detail = std::move(answer.detail);
    if (!answer.message) return out;
    for (const dns::Record& record : records_at(*answer.message, soa))
        if (dns::soa_of(record)) out.soa = record;
    if (!out.soa) {
        out.detail = text_of(soa) + ": no SOA record in the answer (lame, B-09)";
        return out;
    }
    out.serves = true;
    out.detail.clear();
    if (const auto named = ask_authoritative(*server.address, ns, options).message)
        for (const dns::Record& record : records_at(*named, ns))
            if (auto name = dns::target_of(record)) out.ns_names.insert(*name);
    return out;
}

} // namespace mxseal::agent
