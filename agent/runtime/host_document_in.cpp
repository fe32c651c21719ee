// How a host's state is read again: what host_document_out.cpp wrote.
#include "agent/runtime/host_document.hpp"

#include "base/json_reader.hpp"

#include <fmt/format.h>

namespace mxseal::document {

using namespace rotation;
using namespace rotation::tlsa;

template <>
struct In<int> {
    static int read(const Json& json, const char* field) { return static_cast<int>(In<std::int64_t>::read(json, field)); }
};
template <>
struct In<std::uint16_t> {
    static std::uint16_t read(const Json& json, const char* field) { return static_cast<std::uint16_t>(In<int>::read(json, field)); }
};
template <>
struct In<SpkiHash> {
    static SpkiHash read(const Json& json, const char* field) { return given(SpkiHash::from_hex(json.as_string().value_or("")), field); }
};
template <>
struct In<Bytes> {
    static Bytes read(const Json& json, const char* field) {
        auto bytes = from_hex(json.as_string().value_or("-"));
        require(bytes.ok(), field);
        return std::move(*bytes);
    }
};
template <>
struct In<dns::Name> {
    static dns::Name read(const Json& json, const char* field) {
        auto name = dns::Name::parse(json.as_string().value_or(""));
        require(name.ok(), field);
        return std::move(*name);
    }
};
template <>
struct In<Algorithm> {
    static Algorithm read(const Json& json, const char* field) { return given(parse_algorithm(json.as_string().value_or("")), field); }
};
template <>
struct In<RollKind> {
    static RollKind read(const Json& json, const char* field) {
        const auto text = In<std::string>::read(json, field);
        require(text == "planned" || text == "emergency", field);
        return text == "planned" ? RollKind::planned : RollKind::emergency;
    }
};
template <>
struct In<DeployPurpose> {
    static DeployPurpose read(const Json& json, const char* field) {
        const auto text = In<std::string>::read(json, field);
        for (DeployPurpose purpose : {DeployPurpose::first, DeployPurpose::renewal, DeployPurpose::roll, DeployPurpose::back, DeployPurpose::repair})
            if (to_string(purpose) == text) return purpose;
        throw Misfit{field};
    }
};
template <>
struct In<dns::TlsaSet> {
    static dns::TlsaSet read(const Json& json, const char* field) {
        require(json.is_array(), field);
        std::vector<dns::TlsaRecord> records;
        for (const Json& item : json.items()) {
            auto record = dns::TlsaRecord::parse(item.as_string().value_or(""));
            require(record.ok(), field);
            records.push_back(std::move(*record));
        }
        return dns::TlsaSet(std::move(records));
    }
};
template <>
struct In<CertificateFacts> {
    static CertificateFacts read(const Json& json, const char*) {
        return {in<Bytes>(json, "s256"), in<Bytes>(json, "s512"), in<Bytes>(json, "c256"), in<Bytes>(json, "c512")};
    }
};
template <>
struct In<Chain> {
    static Chain read(const Json& json, const char*) {
        return {in<SpkiHash>(json, "key"), in<Algorithm>(json, "algorithm"), in<std::vector<CertificateFacts>>(json, "certificates"), in<Instant>(json, "not_before"),
                in<Instant>(json, "not_after"), in<bool>(json, "self_signed"), in<bool>(json, "names_host"), in<bool>(json, "links")};
    }
};
template <>
struct In<Version> {
    static Version read(const Json& json, const char*) {
        return {in<dns::TlsaSet>(json, "records"), in<Instant>(json, "first_seen"), in<std::optional<Instant>>(json, "closed_at"), in<std::optional<Instant>>(json, "signed_until")};
    }
};
template <>
struct In<TtlSighting> {
    static TtlSighting read(const Json& json, const char*) { return {in<Ttl>(json, "ttl"), in<Instant>(json, "at")}; }
};
template <>
struct In<ServerMemory> {
    static ServerMemory read(const Json& json, const char*) {
        ServerMemory server;
        server.server = in<std::string>(json, "server");
        server.address = in<std::string>(json, "address");
        server.records = in<std::optional<dns::TlsaSet>>(json, "records");
        server.answered_at = in<Instant>(json, "answered_at");
        server.silent_since = in<std::optional<Instant>>(json, "silent_since");
        server.signed_until = in<std::optional<Instant>>(json, "signed_until");
        server.soa_expire = in<std::optional<Ttl>>(json, "soa_expire");
        server.left_at = in<std::optional<Instant>>(json, "left_at");
        server.trouble = in<std::string>(json, "trouble");
        server.wrong = in<bool>(json, "wrong");
        return server;
    }
};
template <>
struct In<Rounds> {
    static Rounds read(const Json& json, const char*) {
        return {in<dns::TlsaSet>(json, "records"), in<Ttl>(json, "ttl"), in<Instant>(json, "first_finished"), in<Instant>(json, "last_finished"), in<int>(json, "count")};
    }
};
template <>
struct In<Complete> {
    static Complete read(const Json& json, const char*) { return {in<dns::TlsaSet>(json, "records"), in<Ttl>(json, "ttl"), in<Instant>(json, "at")}; }
};
template <>
struct In<Ledger> {
    static Ledger read(const Json& json, const char*) {
        Ledger ledger;
        ledger.port = in<std::uint16_t>(json, "port");
        ledger.first_observed = in<std::optional<Instant>>(json, "first_observed");
        ledger.versions = in<std::vector<Version>>(json, "versions");
        ledger.ttls = in<std::vector<TtlSighting>>(json, "ttls");
        ledger.negative_ttl = in<std::optional<Ttl>>(json, "negative_ttl");
        ledger.servers = in<std::vector<ServerMemory>>(json, "servers");
        ledger.rounds = in<std::optional<Rounds>>(json, "rounds");
        ledger.complete = in<std::optional<Complete>>(json, "complete");
        ledger.primary = in<std::optional<dns::TlsaSet>>(json, "primary");
        ledger.primary_ttl = in<std::optional<Ttl>>(json, "primary_ttl");
        ledger.primary_error = in<std::string>(json, "primary_error");
        ledger.cname_target = in<std::optional<dns::Name>>(json, "cname_target");
        ledger.last_round = in<std::optional<Instant>>(json, "last_round");
        ledger.last_round_clean = in<bool>(json, "last_round_clean");
        return ledger;
    }
};
template <>
struct In<Renewal> {
    static Renewal read(const Json& json, const char* field) {
        Renewal renewal;
        renewal.certificate = in<Bytes>(json, "certificate");
        const auto start = in<std::optional<Instant>>(json, "start"), end = in<std::optional<Instant>>(json, "end");
        require(start.has_value() == end.has_value(), field);
        if (start) renewal.window = RenewalWindow{*start, *end};
        renewal.at = in<std::optional<Instant>>(json, "at");
        require(renewal.at.has_value() == start.has_value(), field);
        renewal.ask_again = in<Instant>(json, "ask_again");
        renewal.trouble = in<std::string>(json, "trouble");
        return renewal;
    }
};
template <>
struct In<Key> {
    static Key read(const Json& json, const char*) {
        Key key;
        key.spki = in<SpkiHash>(json, "spki");
        key.algorithm = in<Algorithm>(json, "algorithm");
        key.description = in<std::string>(json, "description");
        key.adopted = in<bool>(json, "adopted");
        key.compromised = in<bool>(json, "compromised");
        key.generated = in<Instant>(json, "generated");
        key.published = in<std::optional<Instant>>(json, "published");
        key.ready = in<std::optional<Instant>>(json, "ready");
        key.active = in<std::optional<Instant>>(json, "active");
        key.retired = in<std::optional<Instant>>(json, "retired");
        key.removed = in<std::optional<Instant>>(json, "removed");
        key.chain = in<std::optional<Chain>>(json, "chain");
        key.renewal = in<std::optional<Renewal>>(json, "renewal"); // absent in documents of the first versions
        key.brought = in<std::optional<Instant>>(json, "brought"); // as these
        key.overdue = in<std::optional<Instant>>(json, "overdue");
        return key;
    }
};
template <>
struct In<Line> {
    static Line read(const Json& json, const char*) {
        return {in<Algorithm>(json, "algorithm"), in<std::optional<SpkiHash>>(json, "current"), in<std::vector<SpkiHash>>(json, "next")};
    }
};
template <>
struct In<Roll> {
    static Roll read(const Json& json, const char*) {
        Roll roll;
        roll.kind = in<RollKind>(json, "kind");
        roll.line = in<Algorithm>(json, "line");
        roll.from = in<std::optional<SpkiHash>>(json, "from");
        roll.to = in<SpkiHash>(json, "to");
        roll.requested = in<Instant>(json, "requested");
        roll.why = in<std::string>(json, "why");
        roll.accepted_risk = in<std::optional<std::string>>(json, "accepted_risk");
        roll.grown = in<std::optional<Instant>>(json, "grown");
        roll.intent = in<std::optional<Instant>>(json, "intent");
        roll.earliest = in<std::optional<Instant>>(json, "earliest");
        roll.verified = in<std::optional<Instant>>(json, "verified");
        roll.confirmations = in<int>(json, "confirmations");
        roll.last_confirmed = in<std::optional<Instant>>(json, "last_confirmed");
        roll.old_seen = in<Instant>(json, "old_seen");
        roll.back = in<std::optional<Instant>>(json, "back");
        roll.back_why = in<std::string>(json, "back_why");
        roll.cleanup_intent = in<std::optional<Instant>>(json, "cleanup_intent");
        return roll;
    }
};
template <>
struct In<RollRequest> {
    static RollRequest read(const Json& json, const char*) {
        return {in<RollKind>(json, "kind"), in<SpkiHash>(json, "retire"), in<Instant>(json, "at"), in<std::string>(json, "why"), in<std::optional<std::string>>(json, "accepted_risk")};
    }
};
template <>
struct In<Deployment> {
    static Deployment read(const Json& json, const char*) {
        return {in<DeployPurpose>(json, "purpose"), in<std::vector<SpkiHash>>(json, "keys"), in<std::vector<Bytes>>(json, "certificates"), in<Instant>(json, "intent"),
                in<std::optional<Instant>>(json, "written"), in<std::optional<Instant>>(json, "reloaded"), in<std::optional<Instant>>(json, "shown")};
    }
};
template <>
struct In<Write> {
    static Write read(const Json& json, const char*) {
        return {in<std::uint16_t>(json, "port"), in<dns::TlsaSet>(json, "base"), in<dns::TlsaSet>(json, "target"), in<Instant>(json, "intent"), in<bool>(json, "first"),
                in<std::optional<Instant>>(json, "answered")};
    }
};
template <>
struct In<Halt> {
    static Halt read(const Json& json, const char*) { return {agent::reason_from_json(json["reason"]), in<Instant>(json, "since"), in<bool>(json, "by_operator")}; }
};

} // namespace mxseal::document

namespace mxseal::agent {

using namespace rotation;
using namespace rotation::tlsa;
using namespace document;

namespace {

void retries_in(HostState& state, const Json& json) {
    for (Task task : {Task::observe, Task::probe, Task::read_file, Task::generate, Task::certificate, Task::write, Task::deploy, Task::validate_time, Task::renewal_info}) {
        const Json& retry = json[to_string(task)];
        if (retry.is_object()) state.retries[task] = {in<int>(retry, "failures"), in<Instant>(retry, "next"), reason_from_json(retry["reason"])};
    }
}

} // namespace

Reason reason_from_json(const Json& json) {
    Reason reason = because(json["code"].as_string().value_or(""), json["text"].as_string().value_or(""), json["advice"].as_string().value_or(""));
    reason.base_label = json["base_label"].as_string().value_or("");
    if (auto base = json["base"].as_integer()) reason.base = from_unix_ms(*base);
    if (auto until = json["until"].as_integer()) reason.until = from_unix_ms(*until);
    for (const Json& term : json["terms"].items()) reason.terms.push_back({term["label"].as_string().value_or(""), Duration{term["length"].as_integer().value_or(0)}});
    return reason;
}

Result<HostState> from_document(const Json& document) {
    try {
        HostState state;
        if (in<int>(document, "version") > kDocumentVersion) return Error(ErrorCode::unsupported, "the stored state of the host was written by a newer mxseal; run that version");
        state.ledgers = in<std::vector<Ledger>>(document, "ledgers");
        state.keys = in<std::vector<Key>>(document, "keys");
        state.lines = in<std::vector<Line>>(document, "lines");
        state.adopted = in<std::optional<Instant>>(document, "adopted");
        state.own_pair = in<bool>(document, "own_pair");
        state.precheck_rounds = in<int>(document, "precheck_rounds");
        state.last_precheck_round = in<std::optional<Instant>>(document, "last_precheck_round");
        state.first_complete = in<std::optional<Instant>>(document, "first_complete");
        state.roll = in<std::optional<Roll>>(document, "roll");
        state.requests = in<std::vector<RollRequest>>(document, "requests");
        state.deployment = in<std::optional<Deployment>>(document, "deployment");
        state.write = in<std::optional<Write>>(document, "write");
        for (const auto& [hex, at] : document["seen_on_wire"].members()) {
            state.seen_on_wire[given(SpkiHash::from_hex(hex), "seen_on_wire")] = In<Instant>::read(at, "seen_on_wire");
        }
        state.repairs = in<std::vector<Instant>>(document, "repairs");
        state.halt = in<std::optional<Halt>>(document, "halt");
        state.off_since = in<std::optional<Instant>>(document, "off_since");
        state.ttl_asked = in<std::optional<Ttl>>(document, "ttl_asked");
        retries_in(state, document["retries"]);
        return state;
    } catch (const Misfit& misfit) {
        return Error(ErrorCode::internal, fmt::format("the stored state of the host does not fit in field '{}'; restore a backup of the state folder", misfit.field));
    }
}

} // namespace mxseal::agent
