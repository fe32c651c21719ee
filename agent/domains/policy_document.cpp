#include "agent/domains/policy_document.hpp"

#include "base/json_reader.hpp"
#include "base/json_writer.hpp"

#include <fmt/format.h>

namespace mxseal::agent {

using namespace rotation;
using namespace rotation::mta_sts;

namespace {

constexpr std::int64_t kVersion = 1;

// Writing: `put(to, value)` for each type, an object by its members.

void put(JsonWriter& to, const std::string& text) { to.string(text); }
void put(JsonWriter& to, std::string_view text) { to.string(text); }
void put(JsonWriter& to, Instant at) { to.integer(to_unix_ms(at)); }
void put(JsonWriter& to, std::chrono::seconds length) { to.integer(length.count()); }
void put(JsonWriter& to, std::int64_t number) { to.integer(number); }
void put(JsonWriter& to, bool flag) { to.boolean(flag); }
void put(JsonWriter& to, const PolicyBody& body);
void put(JsonWriter& to, const RrsetVersion& version);
void put(JsonWriter& to, const RrsetServer& server);
void put(JsonWriter& to, const RrsetLedger::Sighting& sighting);
void put(JsonWriter& to, const RrsetLedger::Complete& complete);
void put(JsonWriter& to, const RrsetLedger& ledger);
void put(JsonWriter& to, const Serving& serving);
void put(JsonWriter& to, const PastBody& past);
void put(JsonWriter& to, const EndpointAddress& address);
void put(JsonWriter& to, const SharedId& shared);
void put(JsonWriter& to, const Json& json) { to.text(json.dump()); }

template <class T>
void put(JsonWriter& to, const std::vector<T>& values);
template <class T>
void put(JsonWriter& to, const std::optional<T>& value) {
    if (value)
        put(to, *value);
    else
        to.null();
}

template <class T>
void put(JsonWriter& to, const std::vector<T>& values) {
    to.begin_array();
    for (const T& value : values) put(to, value);
    to.end_array();
}

void members(JsonWriter&) {}
template <class T, class... Rest>
void members(JsonWriter& to, const char* name, const T& value, const Rest&... rest) {
    to.name(name);
    put(to, value);
    members(to, rest...);
}

template <class... Members>
void object(JsonWriter& to, const Members&... each) {
    to.begin_object();
    members(to, each...);
    to.end_object();
}

void put(JsonWriter& to, const PolicyBody& body) { object(to, "mode", to_string(body.mode), "max_age", body.max_age, "mx", body.mx); }
void put(JsonWriter& to, const RrsetVersion& version) { object(to, "values", version.values, "first_seen", version.first_seen, "closed_at", version.closed_at); }
void put(JsonWriter& to, const RrsetServer& server) {
    object(to, "server", server.server, "address", server.address, "values", server.values, "silent_since", server.silent_since, "trouble", server.trouble,
           "by_alias", server.by_alias ? std::optional(true) : std::nullopt);
}
void put(JsonWriter& to, const RrsetLedger::Sighting& sighting) { object(to, "ttl", sighting.ttl, "at", sighting.at); }
void put(JsonWriter& to, const RrsetLedger::Complete& complete) { object(to, "values", complete.values, "at", complete.at); }

// Rounds are counted anew after each start, and the primary is read again.
void put(JsonWriter& to, const RrsetLedger& ledger) {
    object(to, "versions", ledger.versions, "ttls", ledger.ttls, "servers", ledger.servers, "complete", ledger.complete, "last_round", ledger.last_round);
}

void put(JsonWriter& to, const Serving& serving) {
    std::optional<std::int64_t> generation;
    if (serving.generation) generation = static_cast<std::int64_t>(*serving.generation);
    object(to, "body", serving.body, "intent", serving.intent, "generation", generation, "live", serving.live, "id", serving.id, "bump_intent", serving.bump_intent, "complete",
           serving.complete, "disturbed", serving.disturbed, "outdated", serving.outdated);
}

void put(JsonWriter& to, const EndpointAddress& address) { object(to, "address", address.address, "gone_since", address.gone_since); }
void put(JsonWriter& to, const SharedId& shared) { object(to, "id", shared.id, "intent", shared.intent); }
void put(JsonWriter& to, const PastBody& past) { object(to, "body", past.body, "last_served", past.last_served, "replaced", past.replaced); }

} // namespace

} // namespace mxseal::agent

// Reading: the throw of what does not fit ends in from_policy_document() and from_shared_document().
namespace mxseal::document {

using namespace rotation::mta_sts;

template <>
struct In<PolicyBody> {
    static PolicyBody read(const Json& json, const char*) {
        return {given(parse_mode(in<std::string>(json, "mode")), "mode"), in<std::chrono::seconds>(json, "max_age"), in<std::vector<std::string>>(json, "mx")};
    }
};
template <>
struct In<RrsetVersion> {
    static RrsetVersion read(const Json& json, const char*) { return {in<Values>(json, "values"), in<Instant>(json, "first_seen"), in<std::optional<Instant>>(json, "closed_at")}; }
};
template <>
struct In<RrsetServer> {
    static RrsetServer read(const Json& json, const char*) {
        return {in<std::string>(json, "server"), in<std::string>(json, "address"), in<std::optional<Values>>(json, "values"), in<std::optional<Instant>>(json, "silent_since"),
                in<std::string>(json, "trouble"), in<std::optional<bool>>(json, "by_alias").value_or(false)};
    }
};
template <>
struct In<RrsetLedger::Sighting> {
    static RrsetLedger::Sighting read(const Json& json, const char*) { return {in<Ttl>(json, "ttl"), in<Instant>(json, "at")}; }
};
template <>
struct In<RrsetLedger::Complete> {
    static RrsetLedger::Complete read(const Json& json, const char*) { return {in<Values>(json, "values"), in<Instant>(json, "at")}; }
};
template <>
struct In<RrsetLedger> {
    static RrsetLedger read(const Json& json, const char*) {
        RrsetLedger ledger;
        ledger.versions = in<std::vector<RrsetVersion>>(json, "versions");
        ledger.ttls = in<std::vector<RrsetLedger::Sighting>>(json, "ttls");
        ledger.servers = in<std::vector<RrsetServer>>(json, "servers");
        ledger.complete = in<std::optional<RrsetLedger::Complete>>(json, "complete");
        ledger.last_round = in<std::optional<Instant>>(json, "last_round");
        return ledger;
    }
};
template <>
struct In<Serving> {
    static Serving read(const Json& json, const char*) {
        Serving serving;
        serving.body = in<PolicyBody>(json, "body");
        serving.intent = in<Instant>(json, "intent");
        if (auto generation = in<std::optional<std::int64_t>>(json, "generation")) serving.generation = static_cast<std::uint64_t>(*generation);
        serving.live = in<std::optional<Instant>>(json, "live");
        serving.id = in<std::optional<std::string>>(json, "id");
        serving.bump_intent = in<std::optional<Instant>>(json, "bump_intent");
        serving.complete = in<std::optional<Instant>>(json, "complete");
        serving.disturbed = in<bool>(json, "disturbed");
        if (!json["outdated"].is_null()) serving.outdated = in<std::string>(json, "outdated"); // absent until 2026-11: the record gets one more id
        return serving;
    }
};
template <>
struct In<SharedId> {
    static SharedId read(const Json& json, const char*) { return {in<std::string>(json, "id"), in<Instant>(json, "intent")}; }
};
template <>
struct In<EndpointAddress> {
    static EndpointAddress read(const Json& json, const char*) { return {in<std::string>(json, "address"), in<std::optional<Instant>>(json, "gone_since")}; }
};
template <>
struct In<PastBody> {
    static PastBody read(const Json& json, const char*) {
        return {in<PolicyBody>(json, "body"), in<std::optional<Instant>>(json, "last_served"), in<std::optional<Instant>>(json, "replaced")};
    }
};

} // namespace mxseal::document

namespace mxseal::agent {

using namespace document;

namespace {

Status check_version(const Json& document) {
    const auto version = document["version"].as_integer();
    if (!version) return Error(ErrorCode::invalid, "the stored state of a policy has no version; restore a backup of the state folder");
    if (*version > kVersion) return Error(ErrorCode::refused, fmt::format("the stored state of a policy has version {}, written by a newer mxseal; install that one again", *version));
    return done();
}

Error damaged(const Misfit& misfit) { return {ErrorCode::invalid, fmt::format("the stored state of a policy is damaged at '{}'; restore a backup of the state folder", misfit.field)}; }

} // namespace

Json to_shared_document(const SharedState& state, const Json& clock) {
    std::string text;
    JsonWriter to(text);
    object(to, "version", kVersion, "txt", state.txt, "ids", state.ids, "announced", state.announced, "clock", clock);
    return *Json::parse(text);
}

Result<SharedState> from_shared_document(const Json& document) {
    if (auto checked = check_version(document); !checked.ok()) return std::move(checked).error();
    try {
        SharedState state;
        state.txt = in<RrsetLedger>(document, "txt");
        state.ids = in<std::vector<std::string>>(document, "ids");
        state.announced = in<std::optional<SharedId>>(document, "announced");
        return state;
    } catch (const Misfit& misfit) {
        return damaged(misfit);
    }
}

std::string to_policy_document(const DomainState& state, const Json& clock) {
    std::string text;
    JsonWriter to(text);
    object(to, "version", kVersion, "txt", state.txt, "mx", state.mx, "ids", state.ids, "serving", state.serving, "past", state.past, "withdrawn", state.withdrawn, "clean_since", state.clean_since,
           "addresses", state.addresses, "shares", state.shares, "clock", clock);
    return text;
}

Result<DomainState> from_policy_document(const Json& document) {
    if (auto checked = check_version(document); !checked.ok()) return std::move(checked).error();
    try {
        DomainState state;
        state.txt = in<RrsetLedger>(document, "txt");
        state.mx = in<RrsetLedger>(document, "mx");
        state.ids = in<std::vector<std::string>>(document, "ids");
        state.serving = in<std::optional<Serving>>(document, "serving");
        state.past = in<std::vector<PastBody>>(document, "past");
        state.withdrawn = in<std::optional<Instant>>(document, "withdrawn");
        state.clean_since = in<std::optional<Instant>>(document, "clean_since");
        if (!document["shares"].is_null()) state.shares = in<std::string>(document, "shares"); // absent until 2026-11
        if (!document["addresses"].is_null()) state.addresses = in<std::vector<EndpointAddress>>(document, "addresses"); // absent until 2026-11
        return state;
    } catch (const Misfit& misfit) {
        return damaged(misfit);
    }
}

} // namespace mxseal::agent
