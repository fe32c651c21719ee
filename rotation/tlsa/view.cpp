#include "rotation/tlsa/view.hpp"

#include <algorithm>

namespace mxseal::rotation::tlsa {

namespace {

// A client that makes the keys brings each when its turn is near: none waits then.
bool standby_ready(const HostState& state, const Policy& policy) {
    return !state.lines.empty() && std::all_of(state.lines.begin(), state.lines.end(), [&](const Line& line) {
        if (!line.current) return false;
        if (line.next.empty()) return !policy.makes_keys;
        const Key* key = find_key(state, line.next.front());
        return key != nullptr && key->ready;
    });
}

bool standby_certified(const HostState& state, const Policy& policy) {
    // A hook brings the standby's certificate when its turn comes.
    if (!policy.brings_certificates && !wants_switch(state)) return true;
    return std::all_of(state.lines.begin(), state.lines.end(), [&](const Line& line) {
        if (line.next.empty()) return !policy.makes_keys;
        const Key* key = find_key(state, line.next.front());
        return key != nullptr && key->chain;
    });
}

// No server that answers is known to leave out the record of a served key.
bool current_published(const HostState& state) {
    for (const Line& line : state.lines)
        for (const Ledger& ledger : state.ledgers)
            for (const ServerMemory& server : ledger.servers)
                if (line.current && !server.silent_since && server.records && !server.records->contains(record_of(*line.current))) return false;
    return true;
}

// No endpoint is known to present a key that is not in service.
bool current_served(const HostState& state) {
    return std::all_of(state.wire.chains.begin(), state.wire.chains.end(), [&](const Chain& chain) {
        return std::any_of(state.lines.begin(), state.lines.end(), [&](const Line& line) { return line.current == chain.key; });
    });
}

HostPhase rolling_phase(const HostState& state) {
    const Roll& roll = *state.roll;
    if (roll.back || !roll.verified) return state.deployment && state.deployment->written ? HostPhase::verifying : HostPhase::switching;
    return roll.confirmations < kRounds && !roll.cleanup_intent ? HostPhase::verifying : HostPhase::cleanup;
}

} // namespace

std::string_view to_string(HostPhase phase) {
    switch (phase) {
    case HostPhase::absent: return "absent";
    case HostPhase::precheck: return "precheck";
    case HostPhase::waiting_for_mta: return "waiting_for_mta";
    case HostPhase::publishing: return "publishing";
    case HostPhase::steady: return "steady";
    case HostPhase::certificate_pending: return "certificate_pending";
    case HostPhase::switching: return "switching";
    case HostPhase::verifying: return "verifying";
    case HostPhase::cleanup: return "cleanup";
    case HostPhase::halted: return "halted";
    }
    return "";
}

HostPhase phase_of(const HostState& state, const Policy& policy, const Reason& reason) {
    if (state.halt || reason.code.starts_with("halt.")) return HostPhase::halted;
    if (!policy.dane) return HostPhase::absent;
    if (state.own_pair && !state.adopted) return HostPhase::waiting_for_mta;
    if (!state.adopted) return state.ledgers.empty() && state.keys.empty() ? HostPhase::absent : HostPhase::precheck;
    if (state.roll && state.roll->intent) return rolling_phase(state);
    if (!current_served(state)) return HostPhase::verifying;
    if (!state.first_complete || !current_published(state) || !standby_ready(state, policy)) return HostPhase::publishing;
    if (!standby_certified(state, policy)) return HostPhase::certificate_pending;
    return HostPhase::steady;
}

std::string_view to_string(KeyState state) {
    switch (state) {
    case KeyState::generated: return "generated";
    case KeyState::published: return "published";
    case KeyState::ready: return "ready";
    case KeyState::active: return "active";
    case KeyState::retired: return "retired";
    case KeyState::removed: return "removed";
    }
    return "";
}

KeyState state_of(const HostState&, const Key& key) {
    if (key.removed) return KeyState::removed;
    if (key.retired) return KeyState::retired;
    if (key.active) return KeyState::active;
    if (key.ready) return KeyState::ready;
    if (key.published) return KeyState::published;
    return KeyState::generated;
}

std::string_view to_string(KeyRole role) {
    switch (role) {
    case KeyRole::current: return "current";
    case KeyRole::next: return "next";
    case KeyRole::retired: return "retired";
    }
    return "";
}

KeyRole role_of(const HostState& state, const SpkiHash& key) {
    for (const Line& line : state.lines) {
        if (line.current == key) return KeyRole::current;
        if (std::find(line.next.begin(), line.next.end(), key) != line.next.end()) return KeyRole::next;
    }
    return KeyRole::retired;
}

bool is_switching(const HostState& state) { return state.roll && ((state.roll->intent && !state.roll->verified) || state.roll->back); }

std::string unhealthy_because(const HostState& state, const Policy& policy) {
    if (!policy.dane || (!state.adopted && !state.own_pair && state.ledgers.empty() && !state.wire.at)) return "";
    if (!state.wire.trouble.empty()) return policy.host + ": " + state.wire.trouble;
    if (state.halt && !state.halt->by_operator) return policy.host + " is halted: " + state.halt->reason.text;
    if (state.adopted && !state.wire.at) return policy.host + " has not been probed yet";
    return "";
}

bool wants_switch(const HostState& state) { return (state.roll && !state.roll->intent) || !state.requests.empty(); }

} // namespace mxseal::rotation::tlsa
