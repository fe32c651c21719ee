// Keys and their certificates: the standby's is there before its turn, a renewal keeps the key.
#include "rotation/planted.hpp"
#include "rotation/tlsa/context.hpp"

#include <algorithm>

#include <fmt/format.h>

namespace mxseal::rotation::tlsa {

namespace {

// How many keys should stand behind the current one: the standby, and before a switch the one after it.
std::size_t wanted_next(const HostState& state, const Line& line) {
    const bool rolling = state.roll && state.roll->line == line.algorithm && !state.roll->verified && !state.roll->back;
    return rolling && state.roll->from ? 2 : 1;
}

void keep_generating(Context& context) {
    HostState& state = context.state;
    if (!context.policy.makes_keys || (!state.adopted && !state.own_pair)) return;
    for (Line& line : state.lines) {
        const bool first = state.own_pair && !state.adopted && !line.current;
        if (!first && line.next.size() >= wanted_next(state, line)) continue;
        const auto old = std::find_if(state.keys.begin(), state.keys.end(), [&](const Key& key) { return key.removed && key.algorithm == line.algorithm; });
        if (planted(Mistake::retired_key_returns) && old != state.keys.end()) {
            line.next.push_back(old->spki);
            old->removed.reset();
            return;
        }
        if (context.may_start(Task::generate)) context.start(GenerateKey{line.algorithm});
        return;
    }
}

// In the order in which they are needed; the standby before the current one, which works as it is.
std::vector<SpkiHash> keys_in_need_order(const HostState& state) {
    std::vector<SpkiHash> keys;
    for (const Line& line : state.lines)
        if (line.current && (state.own_pair && !state.adopted)) keys.push_back(*line.current);
    for (const Line& line : state.lines)
        if (!line.next.empty()) keys.push_back(line.next.front());
    for (const Line& line : state.lines)
        if (line.current) keys.push_back(*line.current);
    for (const Line& line : state.lines) keys.insert(keys.end(), line.next.begin(), line.next.end());
    return keys;
}

void keep_obtaining(Context& context) {
    if (!context.policy.brings_certificates) return;
    for (const SpkiHash& spki : keys_in_need_order(context.state)) {
        const Key* key = find_key(context.state, spki);
        if (key == nullptr) continue;
        if (!certificate_is_due(*key, context.policy, context.now)) {
            if (auto due = certificate_due_at(*key, context.policy)) context.wake_at(*due);
            continue;
        }
        if (context.may_start(Task::certificate)) context.start(ObtainCertificate{spki});
        return;
    }
}

} // namespace

std::optional<Instant> certificate_due_at(const Key& key, const Policy& policy) {
    if (!key.chain || !policy.brings_certificates) return std::nullopt;
    const Duration lifetime = key.chain->not_after - key.chain->not_before;
    // E-14: at a third of the lifetime left; certificates of less than ten days at half.
    return renewal_due_at(key, key.chain->not_after - (lifetime < std::chrono::hours(240) ? lifetime / 2 : lifetime / 3));
}

bool certificate_is_due(const Key& key, const Policy& policy, Instant now) {
    if (!key.chain) return true;
    if (policy.publicly_trusted && key.chain->self_signed) return true;
    if (!key.chain->names_host) return true;
    auto due = certificate_due_at(key, policy);
    return due && now >= *due;
}

void keep_keys(Context& context) {
    keep_generating(context);
    keep_obtaining(context);
    keep_asking(context);
}

} // namespace mxseal::rotation::tlsa
