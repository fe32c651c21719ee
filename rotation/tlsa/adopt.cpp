// From an unknown host to one whose served pair is ours: adopt what it serves, or put a pair of our own beside an MTA whose
// key nobody can have pinned, or say what was found and change nothing.
#include "rotation/tlsa/context.hpp"

#include <algorithm>

#include <fmt/format.h>

namespace mxseal::rotation::tlsa {

namespace {

bool in_file(const HostState& state, const SpkiHash& key) {
    return std::any_of(state.file_keys.begin(), state.file_keys.end(), [&](const auto& pair) { return pair.first == key; });
}

// The private half is here: in the MTA's file, or brought by the ACME client from whose folder the MTA reads.
bool in_hand(const HostState& state, const SpkiHash& key) {
    const Key* known = find_key(state, key);
    return in_file(state, key) || (known != nullptr && known->brought);
}

std::vector<SpkiHash> keys_on_wire(const HostState& state) {
    std::vector<SpkiHash> keys;
    for (const Chain& chain : state.wire.chains)
        if (std::find(keys.begin(), keys.end(), chain.key) == keys.end()) keys.push_back(chain.key);
    return keys;
}

std::string in_words(const std::vector<SpkiHash>& keys) {
    std::string out;
    for (const SpkiHash& key : keys) out += (out.empty() ? "" : ", ") + key.short_hex();
    return out.empty() ? "none" : out;
}

void make_lines(HostState& state, const Policy& policy) {
    for (Algorithm algorithm : policy.algorithms)
        if (find_line(state, algorithm) == nullptr) state.lines.push_back({algorithm, std::nullopt, {}});
}

// Which configured line takes which served key; with one line and one key the line takes it whatever its algorithm: the
// roll to the configured algorithm publishes both records first, so no sender sees a pair that does not match.
bool place_keys(Context& context, const std::vector<SpkiHash>& served) {
    HostState& state = context.state;
    if (served.size() == 1 && state.lines.size() == 1) {
        state.lines.front().current = served.front();
        return true;
    }
    for (const SpkiHash& spki : served) {
        const Key* key = find_key(state, spki);
        Line* line = key == nullptr ? nullptr : find_line(state, key->algorithm);
        if (line == nullptr || (line->current && *line->current != spki)) {
            for (Line& each : state.lines) each.current.reset();
            context.waits(because("halt.algorithms", fmt::format("{} serves the keys {}, more than `keys` names algorithms for; nothing was changed", context.policy.host, in_words(served)),
                                  "name each served algorithm once in `keys`, or let every endpoint serve one key"));
            return false;
        }
        line->current = spki;
    }
    return true;
}

void adopt(Context& context, const std::vector<SpkiHash>& served) {
    HostState& state = context.state;
    make_lines(state, context.policy);
    if (!place_keys(context, served)) return;
    state.adopted = context.now;
    for (const SpkiHash& spki : served) {
        Key* key = find_key(state, spki);
        key->active = context.now;
        context.note("key.adopted", {{"key", spki.hex()}, {"algorithm", std::string(rotation::to_string(key->algorithm))}, {"description", key->description}},
                     fmt::format("every endpoint serves {} key {} and its private key is {}: adopted as current", key->description, spki.short_hex(),
                                 in_file(state, spki) ? "in the MTA's file" : "the client's"));
    }
    settle_brought(context);
}

// No sender can hold a TLSA record of the host, so any key may be served (issue of a new host, Debian's snakeoil pair).
void start_own_pair(Context& context) {
    context.state.own_pair = true;
    make_lines(context.state, context.policy);
    settle_brought(context);
    context.note("host.own_pair", {}, fmt::format("what {} serves cannot be adopted and nobody can hold a TLSA record of it: mxseal makes a pair of its own", context.policy.host));
}

void refuse_to_adopt(Context& context, const std::vector<SpkiHash>& served, const Readiness& denial) {
    const HostState& state = context.state;
    std::vector<SpkiHash> missing;
    for (const SpkiHash& key : served)
        if (!in_hand(state, key)) missing.push_back(key);
    const auto found = !state.file_trouble.empty() ? state.file_trouble
                       : state.file_keys.empty()   ? std::string("the MTA's file holds no key")
                                                   : fmt::format("the MTA's file holds other keys ({})", state.file_keys.front().first.short_hex());
    auto text = fmt::format("{} serves key {}, whose private key mxseal does not have: {}", context.policy.host, in_words(missing), found);
    if (denial.reason.code == "found.records") {
        context.waits(because("halt.not_adoptable", fmt::format("{}; {}; nothing was changed", text, denial.reason.text),
                              "put the served key and certificate into the deploy file, or remove the TLSA RRset"));
    } else {
        Reason reason = denial.reason;
        reason.text = text + "; before a new pair may take its place, " + reason.text;
        context.waits(std::move(reason));
    }
}

void judge(Context& context) {
    HostState& state = context.state;
    if (!state.wire.reachable) {
        // no TLSA for a host that does not offer STARTTLS to everybody on every address.
        context.waits(because("wait.endpoints", fmt::format("not every endpoint can be judged: {}", state.wire.trouble), "mxseal tries again by itself"));
        return;
    }
    const auto served = keys_on_wire(state);
    if (std::all_of(served.begin(), served.end(), [&](const SpkiHash& key) { return in_hand(state, key); })) return adopt(context, served);

    Readiness denial{true, {}};
    for (const Ledger& ledger : state.ledgers) {
        Readiness each = nothing_held(ledger, context.now, context.policy);
        const bool worse = !each.ready && (denial.ready || each.reason.code == "found.records" || (each.reason.until && denial.reason.until && *each.reason.until > *denial.reason.until));
        if (worse) denial = std::move(each);
    }
    if (denial.ready)
        start_own_pair(context);
    else
        refuse_to_adopt(context, served, denial);
}

void wait_for_mta(Context& context) {
    HostState& state = context.state;
    for (const Line& line : state.lines) {
        const Key* key = line.current ? find_key(state, *line.current) : nullptr;
        if (key == nullptr)
            return context.waits(context.policy.makes_keys ? because("wait.key", "makes a key")
                                                           : because("wait.key", "waits for the first pair of the ACME client", "run its hook once for the certificate that is there: docs/manual/hooks.md"));
        if (!key->chain) return context.waits(because("wait.certificate", fmt::format("waits for the certificate of key {}", key->spki.short_hex())));
    }
    if (!state.deployment && context.may_start(Task::deploy)) deploy(context, DeployPurpose::first, served_keys(state));
    if (state.deployment && !state.deployment->reloaded && context.may_start(Task::deploy)) context.start(Deploy{state.deployment->keys});
    if (!state.deployment || !state.deployment->written) {
        auto retry = state.retries.find(Task::deploy);
        return context.waits(retry != state.retries.end() ? retry->second.reason : because("wait.deployment", "writes a pair of mxseal's own into the deploy file"));
    }
    if (state.precheck_rounds < kRounds) {
        auto seen = state.wire.trouble.empty() ? fmt::format("endpoints serve key {}", in_words(keys_on_wire(state))) : state.wire.trouble;
        context.waits(because("wait.mta", fmt::format("mxseal's pair is written, the MTA does not serve it yet on every endpoint ({})", seen),
                              fmt::format("set in the MTA: {}", context.policy.deploy_hint)));
        return;
    }
    state.adopted = context.now;
    for (const SpkiHash& spki : served_keys(state)) {
        find_key(state, spki)->active = context.now;
        context.note("key.active", {{"key", spki.hex()}}, fmt::format("every endpoint of {} serves mxseal's pair, key {}", context.policy.host, spki.short_hex()));
    }
}

} // namespace

bool adopted(Context& context) {
    HostState& state = context.state;
    if (state.adopted) {
        make_lines(state, context.policy);
        return true;
    }
    if (!state.file_read) {
        if (context.may_start(Task::read_file)) context.start(ReadFile{});
        context.waits(because("wait.look", "reads the MTA's file"));
        return false;
    }
    if (!state.wire.at || !state.observed_at) {
        context.waits(because("wait.look", "looks at every name server and every endpoint"));
        return false;
    }
    if (auto refused = dns_refuses(state, context.policy)) {
        state.file_read = false; // read again with the next look
        context.waits(std::move(*refused));
        return false;
    }
    if (state.own_pair)
        wait_for_mta(context);
    else
        judge(context);
    if (!state.adopted && !state.own_pair) state.file_read = false;
    return state.adopted.has_value();
}

} // namespace mxseal::rotation::tlsa
