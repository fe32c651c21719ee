#include "agent/runtime/report.hpp"

#include "rotation/tlsa/view.hpp"

#include <algorithm>

#include <fmt/format.h>

namespace mxseal::agent {

using namespace rotation::tlsa;

namespace {

Json at(const std::optional<Instant>& instant) { return instant ? Json(to_rfc3339(*instant)) : Json(); }

// Current and standby keys; retired ones while their record may still be somewhere.
Json keys_of(const HostState& state) {
    Json keys = Json::array();
    for (const Key& key : state.keys) {
        const bool in_file_only = role_of(state, key.spki) == KeyRole::retired && !key.retired;
        if (key.removed || in_file_only) continue;
        keys.push(Json::object({{"spki_sha256", key.spki.hex()}, {"algorithm", rotation::to_string(key.algorithm)}, {"description", key.description},
                                {"role", to_string(role_of(state, key.spki))}, {"state", to_string(state_of(state, key))}, {"ready_at", at(key.ready)},
                                {"active_since", at(key.active)}, {"generated_at", to_rfc3339(key.generated)}, {"published_at", at(key.published)}, {"retired_at", at(key.retired)},
                                {"certificate_until", key.chain ? Json(to_rfc3339(key.chain->not_after)) : Json()}}));
    }
    return keys;
}

// Every version that some cache may hold, the unknown one from before the first look too (requirements A.4).
Json held_of(const Ledger& ledger, Instant now, const Policy& policy) {
    Json versions = Json::array();
    for (const Held& held_version : held(ledger, now, policy, Urgency::planned)) {
        const auto known = std::find_if(ledger.versions.begin(), ledger.versions.end(), [&](const Version& each) { return each.records == held_version.records; });
        const bool seen = !held_version.unseen && known != ledger.versions.end();
        versions.push(Json::object({{"records", held_version.unseen ? Json() : Json(held_version.records.to_string())},
                                    {"live_from", seen ? Json(to_rfc3339(known->first_seen)) : Json()},
                                    {"live_until", seen ? at(known->closed_at) : at(ledger.first_observed)},
                                    {"held_until", at(held_version.until)}}));
    }
    return versions;
}

Json tlsa_of(const Ledger& ledger, Instant now, const Policy& policy) {
    Json records = Json::array();
    const auto& shown = ledger.complete ? ledger.complete->records : ledger.primary.value_or(dns::TlsaSet());
    for (const auto& record : shown.records()) records.push(record.to_string());
    return Json::object({{"owner", fmt::format("_{}._tcp.{}", ledger.port, policy.host)}, {"records", std::move(records)},
                         {"complete_at", ledger.complete ? Json(to_rfc3339(ledger.complete->at)) : Json()}, {"held", held_of(ledger, now, policy)}});
}

Json next_of(const std::vector<PlannedStep>& steps, const Reason& reason) {
    const PlannedStep* next = nullptr;
    for (const PlannedStep& step : steps)
        if (next == nullptr && step.reason.code != "plan.renewal") next = &step;
    if (next == nullptr && !steps.empty()) next = &steps.front();
    if (next == nullptr) return Json();
    return Json::object({{"what", next->what}, {"at", at(next->earliest)}, {"reason", reason.empty() ? next->reason.sentence() : reason.sentence()}});
}

} // namespace

Json status_of(const HostState& state, Instant now, const Policy& policy, const Group& group, const Reason& reason) {
    const auto phase = phase_of(state, policy, reason);
    const auto steps = plan(state, now, policy, group, reason);
    Json owners = Json::array();
    for (const Ledger& ledger : state.ledgers) owners.push(tlsa_of(ledger, now, policy));
    const bool halted = phase == HostPhase::halted;
    return Json::object({{"host", policy.host},
                         {"state", to_string(phase)},
                         {"keys", keys_of(state)},
                         {"tlsa", state.ledgers.empty() ? Json() : tlsa_of(state.ledgers.front(), now, policy)},
                         {"tlsa_owners", std::move(owners)},
                         {"next", next_of(steps, reason)},
                         {"reason", reason.sentence()},
                         {"rolling", state.roll ? Json(to_string(state.roll->kind)) : Json()},
                         {"healthy", state.wire.sound},
                         {"trouble", state.wire.trouble},
                         {"halted", halted ? Json::object({{"reason", reason.sentence()}, {"since", state.halt ? Json(to_rfc3339(state.halt->since)) : Json()}}) : Json()}});
}

Json plan_of(const HostState& state, Instant now, const Policy& policy, const Group& group, const Reason& reason) {
    Json steps = Json::array();
    for (const PlannedStep& step : plan(state, now, policy, group, reason))
        steps.push(Json::object({{"what", step.what}, {"earliest", at(step.earliest)}, {"reason", step.reason.sentence()}}));
    return Json::object({{"host", policy.host}, {"state", to_string(phase_of(state, policy, reason))}, {"waits_for", reason.sentence()}, {"steps", std::move(steps)}});
}

} // namespace mxseal::agent
