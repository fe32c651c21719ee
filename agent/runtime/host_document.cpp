#include "agent/runtime/host_document.hpp"

#include <fmt/format.h>

namespace mxseal::agent {

namespace {

using namespace rotation;
using namespace rotation::tlsa;

constexpr std::int64_t kDocumentVersion = 1;

// ---- values to JSON

Json out(Instant at) { return Json(to_unix_ms(at)); }
Json out(Duration length) { return Json(static_cast<std::int64_t>(length.count())); }
Json out(Ttl ttl) { return Json(static_cast<std::int64_t>(ttl.count())); }
Json out(const SpkiHash& key) { return Json(key.hex()); }
Json out(const Bytes& bytes) { return Json(to_hex(bytes)); }
Json out(const std::string& text) { return Json(text); }

Json out(const dns::TlsaSet& set);
Json out(const dns::Name& name);
Json out(const CertificateFacts& facts);
Json out(const Chain& chain);
Json out(const Version& version);
Json out(const TtlSighting& sighting);
Json out(const ServerMemory& server);
Json out(const Rounds& rounds);
Json out(const Complete& complete);
Json out(const Ledger& ledger);
Json out(const Key& key);
Json out(const Line& line);
Json out(const Roll& roll);
Json out(const RollRequest& request);
Json out(const Deployment& deployment);
Json out(const Write& write);
Json out(const Halt& halt);

template <class T>
Json out(const std::optional<T>& value) {
    return value ? out(*value) : Json();
}

template <class T>
Json out(const std::vector<T>& values);

Json out(const dns::TlsaSet& set) {
    Json array = Json::array();
    for (const auto& record : set.records()) array.push(record.to_string());
    return array;
}

Json out(const CertificateFacts& facts) {
    return Json::object({{"s256", out(facts.spki_sha256)}, {"s512", out(facts.spki_sha512)}, {"c256", out(facts.certificate_sha256)}, {"c512", out(facts.certificate_sha512)}});
}

Json out(const Chain& chain) {
    return Json::object({{"key", out(chain.key)}, {"algorithm", to_string(chain.algorithm)}, {"certificates", out(chain.certificates)}, {"not_before", out(chain.not_before)},
                         {"not_after", out(chain.not_after)}, {"self_signed", chain.self_signed}, {"names_host", chain.names_host}, {"links", chain.links}});
}

Json out(const Version& version) {
    return Json::object({{"records", out(version.records)}, {"first_seen", out(version.first_seen)}, {"closed_at", out(version.closed_at)}, {"signed_until", out(version.signed_until)}});
}

Json out(const TtlSighting& sighting) { return Json::object({{"ttl", out(sighting.ttl)}, {"at", out(sighting.at)}}); }

Json out(const ServerMemory& server) {
    return Json::object({{"server", server.server}, {"address", server.address}, {"records", out(server.records)}, {"answered_at", out(server.answered_at)},
                         {"silent_since", out(server.silent_since)}, {"signed_until", out(server.signed_until)}, {"soa_expire", out(server.soa_expire)},
                         {"left_at", out(server.left_at)}, {"trouble", server.trouble}, {"wrong", server.wrong}});
}

Json out(const Rounds& rounds) {
    return Json::object({{"records", out(rounds.records)}, {"ttl", out(rounds.ttl)}, {"first_finished", out(rounds.first_finished)},
                         {"last_finished", out(rounds.last_finished)}, {"count", rounds.count}});
}

Json out(const Complete& complete) { return Json::object({{"records", out(complete.records)}, {"ttl", out(complete.ttl)}, {"at", out(complete.at)}}); }

Json out(const dns::Name& name) { return Json(name.text()); }

Json out(const Ledger& ledger) {
    return Json::object({{"port", ledger.port}, {"first_observed", out(ledger.first_observed)}, {"versions", out(ledger.versions)}, {"ttls", out(ledger.ttls)},
                         {"negative_ttl", out(ledger.negative_ttl)}, {"servers", out(ledger.servers)}, {"rounds", out(ledger.rounds)}, {"complete", out(ledger.complete)},
                         {"primary", out(ledger.primary)}, {"primary_ttl", out(ledger.primary_ttl)}, {"primary_error", ledger.primary_error},
                         {"cname_target", out(ledger.cname_target)}, {"last_round", out(ledger.last_round)}, {"last_round_clean", ledger.last_round_clean}});
}

Json out(const Key& key) {
    return Json::object({{"spki", out(key.spki)}, {"algorithm", to_string(key.algorithm)}, {"description", key.description}, {"adopted", key.adopted},
                         {"compromised", key.compromised}, {"generated", out(key.generated)}, {"published", out(key.published)}, {"ready", out(key.ready)},
                         {"active", out(key.active)}, {"retired", out(key.retired)}, {"removed", out(key.removed)}, {"chain", out(key.chain)}});
}

Json out(const Line& line) { return Json::object({{"algorithm", to_string(line.algorithm)}, {"current", out(line.current)}, {"next", out(line.next)}}); }

Json out(const Roll& roll) {
    return Json::object({{"kind", to_string(roll.kind)}, {"line", to_string(roll.line)}, {"from", out(roll.from)}, {"to", out(roll.to)}, {"requested", out(roll.requested)},
                         {"why", roll.why}, {"accepted_risk", out(roll.accepted_risk)}, {"grown", out(roll.grown)}, {"intent", out(roll.intent)}, {"earliest", out(roll.earliest)},
                         {"verified", out(roll.verified)}, {"confirmations", roll.confirmations}, {"last_confirmed", out(roll.last_confirmed)},
                         {"old_seen", out(roll.old_seen)}, {"back", out(roll.back)}, {"back_why", roll.back_why}, {"cleanup_intent", out(roll.cleanup_intent)}});
}

Json out(const RollRequest& request) {
    return Json::object({{"kind", to_string(request.kind)}, {"retire", out(request.retire)}, {"at", out(request.at)}, {"why", request.why}, {"accepted_risk", out(request.accepted_risk)}});
}

Json out(const Deployment& deployment) {
    return Json::object({{"purpose", to_string(deployment.purpose)}, {"keys", out(deployment.keys)}, {"certificates", out(deployment.certificates)},
                         {"intent", out(deployment.intent)}, {"written", out(deployment.written)}, {"reloaded", out(deployment.reloaded)}, {"shown", out(deployment.shown)}});
}

Json out(const Write& write) {
    return Json::object({{"port", write.port}, {"base", out(write.base)}, {"target", out(write.target)}, {"intent", out(write.intent)}, {"first", write.first}, {"answered", out(write.answered)}});
}

Json out(const Halt& halt) { return Json::object({{"reason", reason_to_json(halt.reason)}, {"since", out(halt.since)}, {"by_operator", halt.by_operator}}); }

template <class T>
Json out(const std::vector<T>& values) {
    Json array = Json::array();
    for (const T& value : values) array.push(out(value));
    return array;
}

// ---- and back: a Reader remembers the first field that does not fit

struct Misfit {
    std::string field;
};

void require(bool fits, const char* field) {
    if (!fits) throw Misfit{field};
}

template <class T>
struct In;

template <class T>
T in(const Json& json, const char* field) {
    return In<T>::read(json[field], field);
}

template <>
struct In<Instant> {
    static Instant read(const Json& json, const char* field) {
        auto ms = json.as_integer();
        require(ms.has_value(), field);
        return from_unix_ms(*ms);
    }
};
template <>
struct In<Ttl> {
    static Ttl read(const Json& json, const char* field) {
        auto seconds = json.as_integer();
        require(seconds.has_value(), field);
        return Ttl{*seconds};
    }
};
template <>
struct In<int> {
    static int read(const Json& json, const char* field) {
        auto number = json.as_integer();
        require(number.has_value(), field);
        return static_cast<int>(*number);
    }
};
template <>
struct In<std::uint16_t> {
    static std::uint16_t read(const Json& json, const char* field) { return static_cast<std::uint16_t>(In<int>::read(json, field)); }
};
template <>
struct In<bool> {
    static bool read(const Json& json, const char* field) {
        auto flag = json.as_bool();
        require(flag.has_value(), field);
        return *flag;
    }
};
template <>
struct In<std::string> {
    static std::string read(const Json& json, const char* field) {
        auto text = json.as_string();
        require(text.has_value(), field);
        return *text;
    }
};
template <>
struct In<SpkiHash> {
    static SpkiHash read(const Json& json, const char* field) {
        auto hash = SpkiHash::from_hex(json.as_string().value_or(""));
        require(hash.has_value(), field);
        return *hash;
    }
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
    static Algorithm read(const Json& json, const char* field) {
        auto algorithm = parse_algorithm(json.as_string().value_or(""));
        require(algorithm.has_value(), field);
        return *algorithm;
    }
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
template <class T>
struct In<std::optional<T>> {
    static std::optional<T> read(const Json& json, const char* field) {
        if (json.is_null()) return std::nullopt;
        return In<T>::read(json, field);
    }
};
template <class T>
struct In<std::vector<T>> {
    static std::vector<T> read(const Json& json, const char* field) {
        require(json.is_array(), field);
        std::vector<T> values;
        for (const Json& item : json.items()) values.push_back(In<T>::read(item, field));
        return values;
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
    static Halt read(const Json& json, const char*) { return {reason_from_json(json["reason"]), in<Instant>(json, "since"), in<bool>(json, "by_operator")}; }
};

Json retries_out(const HostState& state) {
    Json retries = Json::object();
    for (const auto& [task, retry] : state.retries)
        retries.set(std::string(to_string(task)), Json::object({{"failures", retry.failures}, {"next", out(retry.next)}, {"reason", reason_to_json(retry.reason)}}));
    return retries;
}

void retries_in(HostState& state, const Json& json) {
    for (Task task : {Task::observe, Task::probe, Task::read_file, Task::generate, Task::certificate, Task::write, Task::deploy, Task::validate_time}) {
        const Json& retry = json[to_string(task)];
        if (retry.is_object()) state.retries[task] = {in<int>(retry, "failures"), in<Instant>(retry, "next"), reason_from_json(retry["reason"])};
    }
}

} // namespace

Json reason_to_json(const Reason& reason) {
    Json terms = Json::array();
    for (const Reason::Term& term : reason.terms) terms.push(Json::object({{"label", term.label}, {"length", out(term.length)}}));
    return Json::object({{"code", reason.code}, {"text", reason.text}, {"base_label", reason.base_label}, {"base", out(reason.base)},
                         {"terms", std::move(terms)}, {"until", out(reason.until)}, {"advice", reason.advice}});
}

Reason reason_from_json(const Json& json) {
    Reason reason = because(json["code"].as_string().value_or(""), json["text"].as_string().value_or(""), json["advice"].as_string().value_or(""));
    reason.base_label = json["base_label"].as_string().value_or("");
    if (auto base = json["base"].as_integer()) reason.base = from_unix_ms(*base);
    if (auto until = json["until"].as_integer()) reason.until = from_unix_ms(*until);
    for (const Json& term : json["terms"].items()) reason.terms.push_back({term["label"].as_string().value_or(""), Duration{term["length"].as_integer().value_or(0)}});
    return reason;
}

Json to_document(const HostState& state) {
    Json seen = Json::object();
    for (const auto& [key, at] : state.seen_on_wire) seen.set(key.hex(), out(at));
    return Json::object({{"version", kDocumentVersion}, {"ledgers", out(state.ledgers)}, {"keys", out(state.keys)}, {"lines", out(state.lines)}, {"adopted", out(state.adopted)},
                         {"own_pair", state.own_pair}, {"precheck_rounds", state.precheck_rounds}, {"last_precheck_round", out(state.last_precheck_round)},
                         {"first_complete", out(state.first_complete)}, {"roll", out(state.roll)}, {"requests", out(state.requests)}, {"deployment", out(state.deployment)},
                         {"write", out(state.write)}, {"seen_on_wire", std::move(seen)}, {"repairs", out(state.repairs)}, {"halt", out(state.halt)},
                         {"off_since", out(state.off_since)}, {"ttl_asked", out(state.ttl_asked)}, {"retries", retries_out(state)}});
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
            auto key = SpkiHash::from_hex(hex);
            require(key.has_value(), "seen_on_wire");
            state.seen_on_wire[*key] = In<Instant>::read(at, "seen_on_wire");
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
