// From the wish to roll to the switch: which roll is next, and every gate before a new key is served.
#include "rotation/planted.hpp"
#include "rotation/tlsa/context.hpp"
#include "rotation/tlsa/delays.hpp"

#include <algorithm>

#include <fmt/format.h>

namespace mxseal::rotation::tlsa {

namespace {

const Line* line_of_current(const HostState& state, const SpkiHash& key) {
    for (const Line& line : state.lines)
        if (line.current == key) return &line;
    return nullptr;
}

Roll new_roll(RollKind kind, const Line& line, Instant requested, std::string why) {
    Roll roll;
    roll.kind = kind;
    roll.line = line.algorithm;
    roll.from = line.current;
    roll.requested = requested;
    roll.why = std::move(why);
    return roll;
}

bool begin_requested(Context& context) {
    HostState& state = context.state;
    std::stable_sort(state.requests.begin(), state.requests.end(),
                     [](const RollRequest& a, const RollRequest& b) { return a.kind == RollKind::emergency && b.kind == RollKind::planned; });
    while (!state.requests.empty() && !state.roll) {
        RollRequest request = state.requests.front();
        state.requests.erase(state.requests.begin());
        const Line* line = line_of_current(state, request.retire);
        if (line == nullptr) continue; // retired meanwhile, nothing to do
        state.roll = new_roll(request.kind, *line, request.at, request.why);
        state.roll->accepted_risk = request.accepted_risk;
    }
    return state.roll.has_value();
}

void begin_due(Context& context) {
    HostState& state = context.state;
    for (const Line& line : state.lines) {
        // an algorithm is added after its records were published and held.
        if (!line.current && !line.next.empty()) {
            state.roll = new_roll(RollKind::planned, line, context.now, "algorithm added");
            return;
        }
        const Key* next = line.next.empty() ? nullptr : find_key(state, line.next.front());
        if (next != nullptr && next->brought) {
            state.roll = new_roll(RollKind::planned, line, *next->brought, "the ACME client brought a new key");
            return;
        }
        const auto due = rotation_due_at(state, line, context.policy);
        if (due && context.now >= *due) {
            state.roll = new_roll(RollKind::planned, line, *due, "rotate_every " + mxseal::to_string(context.policy.rotate_every));
            return;
        }
    }
}

// B-13: a server that fell silent after it had served the needed version delays a planned roll for a while, an emergency not.
std::optional<Reason> silent_server(const Context& context) {
    for (const Ledger& ledger : context.state.ledgers)
        for (const ServerMemory& server : ledger.servers)
            if (server.silent_since && context.now < *server.silent_since + context.policy.unreachable_grace)
                return wait_until("wait.silent", fmt::format("{} ({}) does not answer; the switch waits for it until", server.server, server.address), "silent since", *server.silent_since,
                                  {{"unreachable_grace", context.policy.unreachable_grace}});
    return std::nullopt;
}

std::optional<Reason> not_ready(const Context& context, const Roll& roll, const SpkiHash& to, Readiness& readiness) {
    readiness = may_serve(context.state, to, context.now, context.policy, urgency_of(roll.kind));
    if (readiness.ready || (roll.kind == RollKind::emergency && roll.accepted_risk)) return std::nullopt;
    Reason reason = readiness.reason;
    if (roll.kind == RollKind::emergency) {
        reason.text = "the emergency roll is queued, no standby is held everywhere yet; " + reason.text;
        reason.advice = fmt::format("`mxseal roll {} --emergency --accept-risk REASON` switches now", context.policy.host);
    }
    return reason;
}

std::optional<Reason> no_certificate(const Context& context, const Key& key) {
    if (key.chain && key.chain->not_after > context.now && !(context.policy.publicly_trusted && key.chain->self_signed)) return std::nullopt;
    if (auto retry = context.state.retries.find(Task::certificate); retry != context.state.retries.end()) {
        Reason reason = retry->second.reason;
        reason.code = "wait.certificate";
        return reason;
    }
    if (context.policy.brings_certificates) return because("wait.certificate", fmt::format("waits for the certificate of key {}", key.spki.short_hex()));
    const auto advice = context.policy.makes_keys ? fmt::format("let the ACME client order one with what `mxseal hook prepare {}` lays out", context.policy.host) : std::string("let the ACME client renew");
    if (!key.chain) return because("wait.certificate", fmt::format("waits until a hook brings the certificate of key {}", key.spki.short_hex()), advice);
    return because("wait.certificate", fmt::format("the certificate of key {} expired at {}, before its turn", key.spki.short_hex(), to_rfc3339(key.chain->not_after)), advice);
}

std::optional<Reason> planned_gates(const Context& context, const Roll& roll, const Line& line, Ready ready) {
    const HostState& state = context.state;
    if (auto refused = dns_refuses(state, context.policy)) return refused;
    // the following standby is added before the switch, so that the next roll waits for no DNS either.
    if (roll.from && ((context.policy.makes_keys && line.next.size() < 2) || !ready.records)) return because("wait.following", "the record of the following standby is added before the switch");
    if (!ready.deployed) return because("wait.deployment", "waits until the last deployment is shown by every endpoint");
    if (auto refused = signatures_refuse(state, context.policy, context.now)) return refused;
    if (auto refused = silent_server(context)) return refused;
    // INV-4: no planned switch on an unhealthy host.
    if (!state.wire.sound) return because("wait.health", "no planned switch while an endpoint is unhealthy: " + state.wire.trouble);
    return std::nullopt;
}

std::optional<Reason> chains_refuse(const Context& context, const Roll& roll, const Key& to) {
    for (const Chain& served : context.state.wire.chains) {
        if (roll.from && served.key != *roll.from) continue;
        if (auto refused = chain_refused(context.state, context.policy, context.now, served, *to.chain, urgency_of(roll.kind)))
            if (!roll.accepted_risk || refused->code == "halt.foreign") return refused;
    }
    return std::nullopt;
}

Instant first_possible(const Context& context, const Roll& roll, const Readiness& readiness) {
    Instant earliest = roll.requested;
    if (readiness.reason.until && !roll.accepted_risk) earliest = std::max(earliest, *readiness.reason.until);
    if (const Key* key = find_key(context.state, roll.to); key->ready) earliest = std::max(earliest, *key->ready);
    if (roll.kind == RollKind::planned && context.group.last_switch) earliest = std::max(earliest, *context.group.last_switch + context.policy.stagger);
    // INV-3: one change at a time; the roll of another algorithm of this host came first.
    for (const Key& key : context.state.keys)
        if (key.removed) earliest = std::max(earliest, *key.removed);
    return earliest;
}

void note_risk(Context& context, const Roll& roll, const SpkiHash& to) {
    if (!roll.accepted_risk) return;
    std::string versions;
    for (const Held& version : at_risk(context.state, to, context.now, context.policy, Urgency::emergency))
        versions += fmt::format("{}{}{}", versions.empty() ? "" : ", ", version.unseen ? "unknown records from before the first look" : version.records.to_string(),
                                version.until ? " until " + to_rfc3339(*version.until) : " (still served)");
    if (versions.empty()) return;
    context.note("switch.risk", {{"reason", *roll.accepted_risk}, {"versions", versions}},
                 fmt::format("the risk was accepted ({}): resolvers may hold {}, which the new key does not match", *roll.accepted_risk, versions));
}

void switch_now(Context& context, Roll& roll, const SpkiHash& to, const Readiness& readiness) {
    HostState& state = context.state;
    note_risk(context, roll, to);
    roll.to = to;
    roll.intent = context.now;
    roll.old_seen = context.now;
    roll.earliest = first_possible(context, roll, readiness);
    std::vector<SpkiHash> keys;
    for (const Line& line : state.lines) {
        if (line.algorithm == roll.line)
            keys.push_back(to);
        else if (line.current)
            keys.push_back(*line.current);
    }
    deploy(context, DeployPurpose::roll, std::move(keys));
    const auto from = roll.from ? roll.from->hex() : std::string();
    context.note("switch.started",
                 {{"from", from}, {"to", to.hex()}, {"kind", std::string(to_string(roll.kind))}, {"ready_at", readiness.reason.until ? to_rfc3339(*readiness.reason.until) : ""},
                  {"earliest_safe", to_rfc3339(*roll.earliest)}, {"at", to_rfc3339(context.now)}},
                 fmt::format("switches from key {} to key {} ({}, {}), possible since {}", from.substr(0, 8), to.short_hex(), to_string(roll.kind), roll.why, to_rfc3339(*roll.earliest)));
}

// R1: the keys of the other algorithms are written beside the new one; one that no endpoint presents (the state may come from an old
// backup) would begin to be served, too.
std::optional<Reason> other_line_refuses(const Context& context, const Roll& roll) {
    const HostState& state = context.state;
    for (const Line& line : state.lines) {
        if (line.algorithm == roll.line || !line.current) continue;
        const bool presented = std::any_of(state.wire.chains.begin(), state.wire.chains.end(), [&](const Chain& chain) { return chain.key == *line.current; });
        if (presented) continue;
        Readiness readiness = may_serve(state, *line.current, context.now, context.policy, urgency_of(roll.kind));
        if (!readiness.ready) return std::move(readiness.reason);
    }
    return std::nullopt;
}

void prepare_switch(Context& context, Roll& roll, Ready ready) {
    HostState& state = context.state;
    const Line* line = find_line(state, roll.line);
    if (line == nullptr || line->next.empty())
        return context.waits(context.policy.makes_keys ? because("wait.key", "makes a standby key")
                                                       : because("wait.key", "waits for a pair with a new key", "let the ACME client renew with a new key; its hook brings the pair"));
    const Key& to = *find_key(state, line->next.front());
    Readiness readiness;
    if (auto reason = not_ready(context, roll, to.spki, readiness)) return context.waits(std::move(*reason));
    if (auto reason = no_certificate(context, to)) return context.waits(std::move(*reason));
    if (auto reason = clock_refuses(state, urgency_of(roll.kind))) return context.waits(std::move(*reason));
    if (roll.kind == RollKind::planned)
        if (auto reason = planned_gates(context, roll, *line, ready)) return context.waits(std::move(*reason));
    if (auto reason = group_refuses(context, roll)) return context.waits(std::move(*reason));
    if (!context.idle(Task::deploy)) return context.waits(because("wait.deployment", "waits for the end of another deployment"));
    // B-13, case 24 of a late fall-back: the world is looked at right before the switch.
    if (!looked_just_now(context, urgency_of(roll.kind))) return;
    if (auto reason = chains_refuse(context, roll, to)) return context.waits(std::move(*reason));
    if (auto reason = other_line_refuses(context, roll)) return context.waits(std::move(*reason));
    switch_now(context, roll, to.spki, readiness);
}

} // namespace

void begin_roll(Context& context) {
    if (!context.state.roll && !begin_requested(context)) begin_due(context);
}

void keep_rolling(Context& context, Ready ready) {
    HostState& state = context.state;
    if (!state.roll) {
        for (const Line& line : state.lines)
            if (auto due = rotation_due_at(state, line, context.policy)) context.wake_at(*due);
        return;
    }
    Roll& roll = *state.roll;
    if (planted(Mistake::cleanup_at_the_switch) && roll.intent && !roll.cleanup_intent) roll.cleanup_intent = context.now;
    if (planted(Mistake::cleanup_after_roll_back) && roll.back && state.deployment && state.deployment->purpose == DeployPurpose::back && state.deployment->shown) {
        if (!roll.cleanup_intent) roll.cleanup_intent = context.now;
        return keep_cleaning(context, roll, ready);
    }
    if (roll.back) return keep_rolling_back(context, roll);
    if (!roll.intent) return prepare_switch(context, roll, ready);
    if (roll.verified && (roll.confirmations >= kRounds || planted(Mistake::removed_while_served))) return keep_cleaning(context, roll, ready);
    if (roll.cleanup_intent) return keep_cleaning(context, roll, ready);
    keep_switching(context, roll);
}

} // namespace mxseal::rotation::tlsa
