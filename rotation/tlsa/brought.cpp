#include "rotation/tlsa/brought.hpp"

#include "rotation/planted.hpp"
#include "rotation/tlsa/context.hpp"
#include "rotation/tlsa/delays.hpp"
#include "rotation/tlsa/view.hpp"

#include <algorithm>

#include <fmt/format.h>

namespace mxseal::rotation::tlsa {

namespace {

// With one line and one key the line takes it whatever its algorithm, as in adopt.cpp.
const Line* line_for(const HostState& state, Algorithm algorithm) { return state.lines.size() == 1 ? &state.lines.front() : find_line(state, algorithm); }
Line* line_for(HostState& state, Algorithm algorithm) { return const_cast<Line*>(line_for(std::as_const(state), algorithm)); }

bool in_a_line(const HostState& state, const SpkiHash& key) { return role_of(state, key) != KeyRole::retired; }

// Waits for its turn, so that a newer pair takes the place behind it. Clients that renew faster than caches forget would else never get
// any key into service.
bool keeps_its_turn(const HostState& state, const Line& line, Instant now) {
    const Key* front = find_key(state, line.next.front());
    if (state.roll && state.roll->intent && state.roll->to == line.next.front()) return true;
    return front != nullptr && front->published && front->brought && front->chain && front->chain->not_after > now;
}

// It was never in service: its record leaves the RRset again, and the key does not come back.
void supersede(Context& context, const SpkiHash& spki, const SpkiHash& by) {
    Key* key = find_key(context.state, spki);
    if (key == nullptr) return;
    key->retired = context.now;
    key->brought.reset();
    context.note("pair.superseded", {{"key", spki.hex()}, {"by", by.hex()}},
                 fmt::format("key {} was never served and gives way to the newer key {} of the client: its record is removed again", spki.short_hex(), by.short_hex()));
}

void place(Context& context, Line& line, const SpkiHash& spki) {
    HostState& state = context.state;
    if (!line.current && state.own_pair && !state.adopted) {
        line.current = spki;
        return;
    }
    const std::size_t keep = !line.next.empty() && keeps_its_turn(state, line, context.now) ? 1 : 0;
    while (line.next.size() > keep) {
        supersede(context, line.next.back(), spki);
        line.next.pop_back();
    }
    line.next.push_back(spki);
    if (planted(Mistake::brought_pair_deployed_at_once) && line.current) deploy(context, DeployPurpose::renewal, {spki});
}

std::string whose(const Key& key) { return fmt::format("the certificate of key {}, valid until {},", key.spki.short_hex(), to_rfc3339(key.chain->not_after)); }

std::string refusal_of(const HostState& state, const Policy& policy, const Key& pair, Instant now) {
    // a certificate for another key is nobody's.
    if (!pair.chain || pair.chain->key != pair.spki) return "the certificate is not for the key that came with it";
    if (!pair.chain->names_host) return fmt::format("{} does not name {}", whose(pair), policy.host);
    if (pair.chain->not_after <= now) return fmt::format("{} has expired", whose(pair));
    if (policy.brings_certificates) return fmt::format("{} gets its certificates by mxseal itself; set `certificate: external` to let a client bring them", policy.host);
    const Key* known = find_key(state, pair.spki);
    // neither a key that was in service and is retired, nor one that was published and given up.
    if (known != nullptr && known->retired)
        return fmt::format("key {} was retired at {} and never comes back; let the client renew with a new key", pair.spki.short_hex(), to_rfc3339(*known->retired));
    const bool begun = state.adopted || (state.own_pair && !served_keys(state).empty());
    if (begun && policy.makes_keys && !in_a_line(state, pair.spki))
        return fmt::format("key {} was made by the client, and `external.keys` of {} is mxseal: let the client use the request that `mxseal hook prepare {}` writes", pair.spki.short_hex(), policy.host,
                           policy.host);
    if (!state.lines.empty() && line_for(state, pair.algorithm) == nullptr)
        return fmt::format("{} key {} is of no algorithm in `keys` of {}", pair.description, pair.spki.short_hex(), policy.host);
    return "";
}

} // namespace

std::string_view to_string(PairFate fate) {
    switch (fate) {
    case PairFate::renewal: return "renewal";
    case PairFate::standby: return "standby";
    case PairFate::offered: return "offered";
    case PairFate::same: return "same";
    case PairFate::older: return "older";
    case PairFate::refused: return "refused";
    }
    return "";
}

PairJudgement judge_pair(const HostState& state, const Policy& policy, const Key& pair, Instant now) {
    if (auto why = refusal_of(state, policy, pair, now); !why.empty()) return {PairFate::refused, std::move(why)};
    const Key* known = find_key(state, pair.spki);
    const bool placed = in_a_line(state, pair.spki);
    if (known != nullptr && known->chain && (placed || known->brought)) {
        if (leaf_digest(*known->chain) == leaf_digest(*pair.chain)) return {PairFate::same, fmt::format("{} is here already; nothing changes", whose(pair))};
        if (pair.chain->not_before < known->chain->not_before)
            return {PairFate::older, fmt::format("{} is older than the one of the same key that is here (valid until {}); the newer one stays", whose(pair), to_rfc3339(known->chain->not_after))};
    }
    if (placed) return {PairFate::renewal, fmt::format("{} renews a key in use: it is deployed, and no DNS change is needed", whose(pair))};
    if (!state.adopted) return {PairFate::offered, fmt::format("{} is taken; {} is adopted with it when every endpoint serves it", whose(pair), policy.host)};
    return {PairFate::standby, fmt::format("{} has a new key: what is served stays, its TLSA is published, and {} switches to it when every cache holds it", whose(pair), policy.host)};
}

void apply(Context& context, const PairBrought& event) {
    HostState& state = context.state;
    const PairJudgement judgement = judge_pair(state, context.policy, event.pair, context.now);
    context.out.reply = judgement.sentence;
    context.out.refused = judgement.fate == PairFate::refused;
    if (!judgement.taken()) return;
    Key* key = find_key(state, event.pair.spki);
    if (key == nullptr) key = &state.keys.emplace_back(event.pair);
    key->chain = event.pair.chain;
    key->overdue.reset();
    const bool is_current = role_of(state, key->spki) == KeyRole::current;
    if (!is_current) key->brought = context.now;
    context.note("pair.brought",
                 {{"key", key->spki.hex()}, {"algorithm", std::string(to_string(key->algorithm))}, {"fate", std::string(to_string(judgement.fate))}, {"not_after", to_rfc3339(key->chain->not_after)}},
                 judgement.sentence);
    settle_brought(context);
}

void settle_brought(Context& context) {
    HostState& state = context.state;
    const bool first = state.own_pair && !state.adopted;
    if (!state.adopted && !first) return;
    std::vector<SpkiHash> waiting; // copied: placing changes the keys
    for (const Key& key : state.keys)
        if (key.brought && key.chain && !key.retired && !in_a_line(state, key.spki)) waiting.push_back(key.spki);
    for (const SpkiHash& spki : waiting) {
        Line* line = line_for(state, find_key(state, spki)->algorithm);
        if (line != nullptr && (!context.policy.makes_keys || (first && !line->current))) place(context, *line, spki);
    }
    // After a roll back that an operator asked for, a newer key of the client goes first.
    for (Line& line : state.lines) {
        const auto newer = std::find_if(line.next.begin(), line.next.end(), [&](const SpkiHash& spki) { return find_key(state, spki)->brought.has_value(); });
        if (newer != line.next.end() && !state.roll) std::rotate(line.next.begin(), newer, newer + 1);
    }
}

std::vector<SpkiHash> keys_for_client(const HostState& state, Instant now, const Policy& policy) {
    std::vector<SpkiHash> keys;
    for (const Line& line : state.lines) {
        const Roll* roll = state.roll && state.roll->line == line.algorithm ? &*state.roll : nullptr;
        const bool under_way = roll != nullptr && roll->intent && !roll->back;
        const bool due = roll != nullptr && !roll->intent && !line.next.empty();
        const auto from = due ? servable_from(state, line.next.front(), now, policy, urgency_of(roll->kind)) : std::nullopt;
        if (under_way)
            keys.push_back(roll->to);
        else if (from && now >= *from)
            keys.push_back(line.next.front());
        else if (line.current)
            keys.push_back(*line.current);
    }
    return keys;
}

Reason client_renews(const Key& key) {
    return because("plan.client", fmt::format("the ACME client renews the certificate of key {}, valid until {} and called overdue from {}", key.spki.short_hex(), to_rfc3339(key.chain->not_after),
                                              to_rfc3339(overdue_at(*key.chain))));
}

void take_over_unpinned(Context& context) {
    HostState& state = context.state;
    bool changed = false;
    for (Line& line : state.lines) {
        Key* next = line.next.empty() ? nullptr : find_key(state, line.next.front());
        if (!line.current || next == nullptr || !next->brought || !next->chain || !context.idle(Task::deploy)) continue;
        find_key(state, *line.current)->retired = context.now;
        line.current = next->spki;
        line.next.erase(line.next.begin());
        next->active = context.now;
        changed = true;
    }
    if (changed) deploy(context, DeployPurpose::renewal, served_keys(state));
}

Instant overdue_at(const Chain& chain) {
    // E-14 lets a third of the lifetime for renewing; our choice: a client that has not managed within the first quarter of that needs a look.
    return chain.not_after - (chain.not_after - chain.not_before) / 4;
}

namespace {

// A newer certificate is here and waits for its turn with its own key.
bool newer_waits(const HostState& state, const Line& line, const Chain& served) {
    return std::any_of(line.next.begin(), line.next.end(), [&](const SpkiHash& spki) {
        const Key* key = find_key(state, spki);
        return key != nullptr && key->brought && key->chain && key->chain->not_after > served.not_after;
    });
}

} // namespace

std::optional<Reason> keep_client_awake(Context& context) {
    if (context.policy.brings_certificates) return std::nullopt;
    std::optional<Reason> first;
    for (const Line& line : context.state.lines) {
        Key* key = line.current ? find_key(context.state, *line.current) : nullptr;
        if (key == nullptr || !key->chain) continue;
        const Instant from = newer_waits(context.state, line, *key->chain) ? key->chain->not_after : overdue_at(*key->chain);
        context.wake_at(from);
        if (context.now < from) continue;
        const bool expired = context.now >= key->chain->not_after;
        context.wake_at(key->chain->not_after);
        Reason reason = because("note.overdue", fmt::format("the certificate of key {} {} {} and no hook has brought a newer one", key->spki.short_hex(), expired ? "expired at" : "expires at", to_rfc3339(key->chain->not_after)),
                                "see why the ACME client does not renew, or does not call `mxseal hook`");
        const bool said = key->overdue && (!expired || *key->overdue >= key->chain->not_after);
        if (!said) context.note(expired ? "certificate.expired" : "certificate.overdue", {{"key", key->spki.hex()}, {"not_after", to_rfc3339(key->chain->not_after)}}, reason.sentence());
        if (!said) key->overdue = context.now;
        if (!first) first = std::move(reason);
    }
    return first;
}

} // namespace mxseal::rotation::tlsa
