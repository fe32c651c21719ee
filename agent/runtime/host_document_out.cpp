// How a host's state is written: the JSON text that host_document_in.cpp reads.
#include "agent/runtime/host_document.hpp"

#include "base/json_writer.hpp"

#include <algorithm>
#include <cstring>

#include <fmt/format.h>

namespace mxseal::agent {

namespace {

using namespace rotation;
using namespace rotation::tlsa;

// With the texts of the RRsets that it has written before.
class Document : public JsonWriter {
public:
    Document(std::string& text, DocumentWriter& known) : JsonWriter(text), known_(known) {}
    void set(const dns::TlsaSet& records) { text(known_.text_of(records)); }

private:
    DocumentWriter& known_;
};

template <class To, class T>
void out(To& to, const std::optional<T>& value);
template <class To, class T>
void out(To& to, const std::vector<T>& values);

void out(JsonWriter& to, Instant at) { to.integer(to_unix_ms(at)); }
void out(JsonWriter& to, Duration length) { to.integer(length.count()); }
void out(JsonWriter& to, Ttl ttl) { to.integer(ttl.count()); }
void out(JsonWriter& to, int number) { to.integer(number); }
void out(JsonWriter& to, std::int64_t number) { to.integer(number); }
void out(JsonWriter& to, std::uint16_t number) { to.integer(number); }
void out(JsonWriter& to, bool flag) { to.boolean(flag); }
void out(JsonWriter& to, const SpkiHash& key) { to.hex(key.digest); }
void out(JsonWriter& to, const Bytes& bytes) { to.hex(bytes); }
void out(JsonWriter& to, std::string_view text) { to.string(text); }
void out(JsonWriter& to, const std::string& text) { to.string(text); }
void out(JsonWriter& to, const dns::Name& name) { to.string(name.text()); }

void out(JsonWriter& to, const CertificateFacts& facts);
void out(JsonWriter& to, const Chain& chain);
void out(Document& to, const Version& version);
void out(JsonWriter& to, const TtlSighting& sighting);
void out(Document& to, const ServerMemory& server);
void out(Document& to, const Rounds& rounds);
void out(Document& to, const Complete& complete);
void out(Document& to, const Ledger& ledger);
void out(JsonWriter& to, const Renewal& renewal);
void out(JsonWriter& to, const Key& key);
void out(JsonWriter& to, const Line& line);
void out(JsonWriter& to, const Roll& roll);
void out(JsonWriter& to, const RollRequest& request);
void out(JsonWriter& to, const Deployment& deployment);
void out(Document& to, const Write& write);
void out(JsonWriter& to, const Halt& halt);
void out(JsonWriter& to, const rotation::Retry& retry);
void out(JsonWriter& to, const Reason::Term& term);
void out(Document& to, const dns::TlsaSet& set);
void out(JsonWriter& to, const Reason& reason);
void out(JsonWriter& to, const std::map<SpkiHash, Instant>& seen_on_wire);
void out(JsonWriter& to, const std::map<Task, rotation::Retry>& retries);

template <class To>
void members(To&) {}
template <class To, class T, class... Rest>
void members(To& to, const char* name, const T& value, const Rest&... rest) {
    to.name(name);
    out(to, value);
    members(to, rest...);
}

struct Written { // JSON text already
    const std::string& text;
};
void out(JsonWriter& to, const Written& value) { to.text(value.text); }

// An object of name and value in turn.
template <class To, class... Members>
void object(To& to, const Members&... each) {
    to.begin_object();
    members(to, each...);
    to.end_object();
}

template <class To, class T>
void out(To& to, const std::optional<T>& value) {
    if (value)
        out(to, *value);
    else
        to.null();
}

template <class To, class T>
void out(To& to, const std::vector<T>& values) {
    to.begin_array();
    for (const T& value : values) out(to, value);
    to.end_array();
}

void out(Document& to, const dns::TlsaSet& set) { to.set(set); }

void out(JsonWriter& to, const CertificateFacts& facts) {
    object(to, "s256", facts.spki_sha256, "s512", facts.spki_sha512, "c256", facts.certificate_sha256, "c512", facts.certificate_sha512);
}

void out(JsonWriter& to, const Chain& chain) {
    object(to, "key", chain.key, "algorithm", to_string(chain.algorithm), "certificates", chain.certificates, "not_before", chain.not_before,
           "not_after", chain.not_after, "self_signed", chain.self_signed, "names_host", chain.names_host, "links", chain.links);
}

void out(Document& to, const Version& version) {
    object(to, "records", version.records, "first_seen", version.first_seen, "closed_at", version.closed_at, "signed_until", version.signed_until);
}

void out(JsonWriter& to, const TtlSighting& sighting) {
    object(to, "ttl", sighting.ttl, "at", sighting.at);
}

void out(Document& to, const ServerMemory& server) {
    object(to, "server", server.server, "address", server.address, "records", server.records, "answered_at", server.answered_at,
           "silent_since", server.silent_since, "signed_until", server.signed_until, "soa_expire", server.soa_expire, "left_at", server.left_at,
           "trouble", server.trouble, "wrong", server.wrong);
}

void out(Document& to, const Rounds& rounds) {
    object(to, "records", rounds.records, "ttl", rounds.ttl, "first_finished", rounds.first_finished, "last_finished", rounds.last_finished,
           "count", rounds.count);
}

void out(Document& to, const Complete& complete) {
    object(to, "records", complete.records, "ttl", complete.ttl, "at", complete.at);
}

void out(Document& to, const Ledger& ledger) {
    object(to, "port", ledger.port, "first_observed", ledger.first_observed, "versions", ledger.versions, "ttls", ledger.ttls,
           "negative_ttl", ledger.negative_ttl, "servers", ledger.servers, "rounds", ledger.rounds, "complete", ledger.complete,
           "primary", ledger.primary, "primary_ttl", ledger.primary_ttl, "primary_error", ledger.primary_error, "cname_target", ledger.cname_target,
           "last_round", ledger.last_round, "last_round_clean", ledger.last_round_clean);
}

void out(JsonWriter& to, const Renewal& renewal) {
    const auto start = renewal.window ? std::optional(renewal.window->start) : std::nullopt;
    const auto end = renewal.window ? std::optional(renewal.window->end) : std::nullopt;
    object(to, "certificate", renewal.certificate, "start", start, "end", end, "at", renewal.at, "ask_again", renewal.ask_again, "trouble", renewal.trouble);
}

void out(JsonWriter& to, const Key& key) {
    object(to, "spki", key.spki, "algorithm", to_string(key.algorithm), "description", key.description, "adopted", key.adopted,
           "compromised", key.compromised, "generated", key.generated, "published", key.published, "ready", key.ready, "active", key.active,
           "retired", key.retired, "removed", key.removed, "chain", key.chain, "renewal", key.renewal, "brought", key.brought, "overdue", key.overdue);
}

void out(JsonWriter& to, const Line& line) {
    object(to, "algorithm", to_string(line.algorithm), "current", line.current, "next", line.next);
}

void out(JsonWriter& to, const Roll& roll) {
    object(to, "kind", to_string(roll.kind), "line", to_string(roll.line), "from", roll.from, "to", roll.to, "requested", roll.requested,
           "why", roll.why, "accepted_risk", roll.accepted_risk, "grown", roll.grown, "intent", roll.intent, "earliest", roll.earliest,
           "verified", roll.verified, "confirmations", roll.confirmations, "last_confirmed", roll.last_confirmed, "old_seen", roll.old_seen,
           "back", roll.back, "back_why", roll.back_why, "cleanup_intent", roll.cleanup_intent);
}

void out(JsonWriter& to, const RollRequest& request) {
    object(to, "kind", to_string(request.kind), "retire", request.retire, "at", request.at, "why", request.why, "accepted_risk", request.accepted_risk);
}

void out(JsonWriter& to, const Deployment& deployment) {
    object(to, "purpose", to_string(deployment.purpose), "keys", deployment.keys, "certificates", deployment.certificates, "intent", deployment.intent,
           "written", deployment.written, "reloaded", deployment.reloaded, "shown", deployment.shown);
}

void out(Document& to, const Write& write) {
    object(to, "port", write.port, "base", write.base, "target", write.target, "intent", write.intent, "first", write.first,
           "answered", write.answered);
}

void out(JsonWriter& to, const Halt& halt) {
    object(to, "reason", halt.reason, "since", halt.since, "by_operator", halt.by_operator);
}

void out(JsonWriter& to, const rotation::Retry& retry) { object(to, "failures", retry.failures, "next", retry.next, "reason", retry.reason); }

void out(JsonWriter& to, const Reason::Term& term) { object(to, "label", term.label, "length", term.length); }

void out(JsonWriter& to, const Reason& reason) {
    object(to, "code", reason.code, "text", reason.text, "base_label", reason.base_label, "base", reason.base, "terms", reason.terms, "until", reason.until,
           "advice", reason.advice);
}

void out(JsonWriter& to, const std::map<SpkiHash, Instant>& seen_on_wire) {
    to.begin_object();
    for (const auto& [key, at] : seen_on_wire) {
        to.name(key.hex());
        out(to, at);
    }
    to.end_object();
}

void out(JsonWriter& to, const std::map<Task, rotation::Retry>& retries) {
    to.begin_object();
    for (const auto& [task, retry] : retries) {
        to.name(to_string(task));
        out(to, retry);
    }
    to.end_object();
}

constexpr std::size_t kUsualSize = 4096; // of a host with a handful of versions, without its keys; grows when it must
constexpr std::size_t kBesideVersions = 8; // RRsets of a host that are no version of a ledger, a write's target for one

} // namespace

void write_reason(JsonWriter& to, const Reason& reason) { out(to, reason); }

std::string to_document(const HostState& state) { return DocumentWriter().write(state); }

std::size_t DocumentWriter::Hash::operator()(const dns::TlsaSet& records) const {
    std::uint64_t sum = records.size();
    for (const dns::TlsaRecord& record : records.records()) {
        std::uint64_t part = 0;
        if (!record.data.empty()) std::memcpy(&part, record.data.data(), std::min(sizeof part, record.data.size()));
        sum = sum * 31 + part;
    }
    return static_cast<std::size_t>(sum);
}

const std::string& DocumentWriter::text_of(const dns::TlsaSet& records) {
    if (auto known = sets_.find(records); known != sets_.end()) return known->second;
    std::string made;
    JsonWriter to(made);
    to.begin_array();
    for (const dns::TlsaRecord& record : records.records()) to.string(record.to_string());
    to.end_array();
    return sets_.emplace(records, std::move(made)).first->second;
}

std::string DocumentWriter::write(const HostState& state) {
    // Texts of versions that are forgotten go, once they are more than those in use.
    std::size_t in_use = kBesideVersions;
    for (const Ledger& ledger : state.ledgers) in_use += ledger.versions.size();
    if (sets_.size() > 2 * in_use) sets_.clear();
    if (keys_ != state.keys) {
        keys_ = state.keys;
        keys_text_.clear();
        JsonWriter to(keys_text_);
        out(to, keys_);
    }
    std::string text;
    text.reserve(kUsualSize + keys_text_.size());
    Document to(text, *this);
    object(to, "version", kDocumentVersion, "ledgers", state.ledgers, "keys", Written{keys_text_}, "lines", state.lines, "adopted", state.adopted, "own_pair", state.own_pair,
           "precheck_rounds", state.precheck_rounds, "last_precheck_round", state.last_precheck_round, "first_complete", state.first_complete, "roll", state.roll,
           "requests", state.requests, "deployment", state.deployment, "write", state.write, "seen_on_wire", state.seen_on_wire, "repairs", state.repairs,
           "halt", state.halt, "off_since", state.off_since, "ttl_asked", state.ttl_asked, "retries", state.retries);
    return text;
}

} // namespace mxseal::agent
