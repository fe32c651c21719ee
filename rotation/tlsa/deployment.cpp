// The MTA's files: what they are meant to hold, renewals of the served key, and putting back a pair that a foreign hand changed.
#include "rotation/planted.hpp"
#include "rotation/tlsa/context.hpp"
#include "rotation/tlsa/match.hpp"

#include <algorithm>

#include <fmt/format.h>

namespace mxseal::rotation::tlsa {

namespace {

bool holds(const Deployment& deployment, const Chain& chain) {
    return std::find(deployment.certificates.begin(), deployment.certificates.end(), leaf_digest(chain)) != deployment.certificates.end();
}

std::vector<Bytes> certificates_of(const HostState& state, const std::vector<SpkiHash>& keys) {
    std::vector<Bytes> digests;
    for (const SpkiHash& spki : keys) {
        const Key* key = find_key(state, spki);
        digests.push_back(key != nullptr && key->chain ? leaf_digest(*key->chain) : Bytes{});
    }
    return digests;
}

// A-31, A.3: the new certificate of the served key may not turn a match with a held version false.
std::optional<Reason> renewal_refused(const Context& context, const std::vector<SpkiHash>& keys) {
    for (const SpkiHash& spki : keys) {
        const Key* key = find_key(context.state, spki);
        if (key == nullptr || !key->chain) return because("wait.certificate", "waits for the certificate of key " + spki.short_hex());
        for (const Chain& served : context.state.wire.chains)
            if (served.key == spki)
                if (auto refused = chain_refused(context.state, context.policy, context.now, served, *key->chain, Urgency::planned)) return refused;
    }
    return std::nullopt;
}

// What the wire shows of a key that was adopted and never deployed counts as deployed.
bool newer_certificate(const Context& context, const std::vector<SpkiHash>& keys) {
    const auto wanted = certificates_of(context.state, keys);
    if (context.state.deployment && context.state.deployment->keys == keys) return context.state.deployment->certificates != wanted;
    for (const Chain& served : context.state.wire.chains)
        if (std::find(wanted.begin(), wanted.end(), leaf_digest(served)) == wanted.end()) return true;
    return false;
}

// Adopted from the client's own folder: the MTA's file of mxseal does not hold the pair yet.
bool never_deployed(const HostState& state, const std::vector<SpkiHash>& keys) {
    return !state.deployment && std::any_of(keys.begin(), keys.end(), [&](const SpkiHash& spki) { return find_key(state, spki)->brought.has_value(); });
}

// an endpoint shows a key that is not ours; what may be done without asking is to deploy again the key that is in V.
bool foreign_key_served(const HostState& state, const std::vector<SpkiHash>& keys) {
    return state.wire.reachable && std::any_of(state.wire.chains.begin(), state.wire.chains.end(),
                                               [&](const Chain& chain) { return std::find(keys.begin(), keys.end(), chain.key) == keys.end(); });
}

} // namespace

void deploy(Context& context, DeployPurpose purpose, std::vector<SpkiHash> keys) {
    Deployment deployment;
    deployment.purpose = purpose;
    deployment.certificates = certificates_of(context.state, keys);
    deployment.keys = std::move(keys);
    deployment.intent = context.now;
    context.start(Deploy{deployment.keys});
    context.state.deployment = std::move(deployment);
}

namespace {

// A.3: what `served` matches and resolvers may hold, the pair of `keys` has to match too.
std::optional<Reason> chains_of_pair_refused(const Context& context, const Chain& served, const std::vector<SpkiHash>& keys) {
    if (std::find(keys.begin(), keys.end(), served.key) != keys.end()) return std::nullopt;
    if (auto refused = unseen_server(context, served)) return refused;
    for (const SpkiHash& spki : keys)
        if (const Key* key = find_key(context.state, spki); key != nullptr && key->chain)
            if (auto refused = chain_refused(context.state, context.policy, context.now, served, *key->chain, Urgency::planned)) return refused;
    return std::nullopt;
}

// G-13: a key of ours is presented whose turn has not come, as far as is known: the state is from a backup and the world is further. What was
// published since that backup and replaced again is in no memory but in caches, and our pair may be missing there.
std::optional<Reason> world_is_ahead(const Context& context, const Chain& served) {
    const HostState& state = context.state;
    const Policy& policy = context.policy;
    const Key* key = find_key(state, served.key);
    if (key == nullptr || key->active || key->retired || (state.roll && state.roll->intent && state.roll->to == served.key)) return std::nullopt;
    if (context.now >= state.started_at + policy.unseen_ttl + policy.safety_margin + policy.stale_margin) return std::nullopt;
    return wait_until("wait.held", "that key's turn has not come, so the stored state is older than the world, and what was published meanwhile may be held until", "started at", state.started_at,
                      {{"unseen_ttl", policy.unseen_ttl}, {"safety_margin", policy.safety_margin}, {"stale_margin", policy.stale_margin}});
}

// A-63, G-13: where resolvers rely on the key that is served and not on ours (a state restored from an old backup knows no better), ours
// would turn a match false.
std::optional<Reason> pair_refused(const Context& context, const std::vector<SpkiHash>& keys) {
    for (const Chain& served : context.state.wire.chains) {
        auto refused = chains_of_pair_refused(context, served, keys);
        if (!refused && std::find(keys.begin(), keys.end(), served.key) == keys.end()) refused = world_is_ahead(context, served);
        if (refused) {
            refused->text = fmt::format("an endpoint presents key {}, which is not of the pair to deploy, and the pair is not put out: {}", served.key.short_hex(), refused->text);
            return refused;
        }
    }
    return std::nullopt;
}

// G-13, R1: a renewal writes the whole pair. A key of it that no endpoint presents now (none answers, or the state is from a backup) would
// begin to be served, so every version that may be held has to match it.
std::optional<Reason> unpresented_refused(const Context& context, const std::vector<SpkiHash>& keys) {
    for (const SpkiHash& spki : keys) {
        const auto& chains = context.state.wire.chains;
        const Key* key = find_key(context.state, spki);
        if (key == nullptr || !key->chain || std::any_of(chains.begin(), chains.end(), [&](const Chain& chain) { return chain.key == spki; })) continue;
        for (const Ledger& ledger : context.state.ledgers)
            for (const Held& version : held(ledger, context.now, context.policy, Urgency::planned))
                if (!version.unseen && !matches(version.records, *key->chain))
                    return because("wait.held", fmt::format("key {}, which no endpoint presents now, would not match {}, which resolvers may hold", spki.short_hex(), version.records.to_string()));
    }
    return std::nullopt;
}

} // namespace

// A-35, G-13: the same for the way back; the files hold the new pair, whether an endpoint presents it yet or not.
std::optional<Reason> back_refused(const Context& context, const Roll& roll) {
    const HostState& state = context.state;
    if (planted(Mistake::rolled_back_too_late)) return std::nullopt;
    if (!state.wire.at || !state.observed_at) return because("wait.look", "looks at every name server and every endpoint after the restart");
    const auto keys = pair_before(state, roll);
    auto refused = pair_refused(context, keys);
    if (const Key* to = find_key(state, roll.to); !refused && to != nullptr && to->chain) refused = chains_of_pair_refused(context, *to->chain, keys);
    if (refused) refused->text = fmt::format("key {} is not put back: {}", roll.from->short_hex(), refused->text);
    return refused;
}

std::vector<SpkiHash> pair_before(const HostState& state, const Roll& roll) {
    std::vector<SpkiHash> keys;
    for (const Line& line : state.lines) {
        if (line.algorithm == roll.line)
            keys.push_back(*roll.from);
        else if (line.current)
            keys.push_back(*line.current);
    }
    return keys;
}

bool redeploy(Context& context) {
    HostState& state = context.state;
    // 0.2: the world is looked at first: what was stored may be older than it.
    if (!state.wire.at || !state.observed_at) {
        context.waits(because("wait.look", "looks at every name server and every endpoint after the restart"));
        return false;
    }
    if (auto refused = pair_refused(context, state.deployment->keys)) {
        context.waits(std::move(*refused));
        return false;
    }
    if (context.may_start(Task::deploy)) context.start(Deploy{state.deployment->keys});
    return true;
}

bool shows(const HostState& state, const Deployment& deployment, const ProbeRound& seen) {
    if (!deployment.written || seen.started < *deployment.written || seen.endpoints.empty()) return false;
    for (const EndpointProbe& probe : seen.endpoints) {
        if (probe.failure != EndpointProbe::Failure::none) {
            // An endpoint need not have an algorithm that is not deployed.
            if (!probe.absent_algorithm || !probe.forced) return false;
            const bool deployed = std::any_of(deployment.keys.begin(), deployment.keys.end(), [&](const SpkiHash& spki) {
                const Key* key = find_key(state, spki);
                return key != nullptr && key->algorithm == *probe.forced;
            });
            if (deployed) return false;
            continue;
        }
        if (!probe.chain || !holds(deployment, *probe.chain)) return false;
    }
    return true;
}

bool keep_deployed(Context& context) {
    HostState& state = context.state;
    const auto keys = served_keys(state);
    auto& deployment = state.deployment;
    if (deployment && (!deployment->shown || !deployment->reloaded)) {
        const bool again = deployment->written && context.now >= *deployment->written + verify_patience(context.policy);
        if ((!deployment->reloaded || again) && !redeploy(context)) return false;
        if (again && deployment->written) context.wake_at(context.now + verify_patience(context.policy));
        auto retry = state.retries.find(Task::deploy);
        if (retry != state.retries.end())
            context.waits(retry->second.reason);
        else
            context.waits(because("wait.deployment", fmt::format("waits until every endpoint shows the certificate that was deployed ({})", to_string(deployment->purpose))));
        return false;
    }
    if (!state.wire.at) return true;
    const bool foreign = foreign_key_served(state, keys);
    const bool missing = never_deployed(state, keys);
    if (!foreign && !missing && !newer_certificate(context, keys)) return true;
    // 0.2: the world is looked at first: what was stored may be older than it (a backup).
    if (!looked_just_now(context, Urgency::emergency)) return true;
    if (auto refused = renewal_refused(context, keys)) {
        context.waits(std::move(*refused));
        return true;
    }
    if (foreign && planted(Mistake::foreign_pair_left)) return true;
    if (foreign && !planted(Mistake::foreign_pair_overwritten))
        if (auto refused = pair_refused(context, keys)) {
            context.waits(std::move(*refused));
            return true;
        }
    if (!foreign && !planted(Mistake::foreign_pair_overwritten))
        if (auto refused = unpresented_refused(context, keys)) {
            context.waits(std::move(*refused));
            return true;
        }
    if (foreign) context.note("wire.foreign_key", {}, "an endpoint presents a key that is not mxseal's: the pair is deployed again");
    if (context.may_start(Task::deploy)) deploy(context, foreign ? DeployPurpose::repair : missing ? DeployPurpose::first : DeployPurpose::renewal, keys);
    return false;
}

} // namespace mxseal::rotation::tlsa
