// How each event changes what is known. No decision is made here.
#include "rotation/planted.hpp"
#include "rotation/tlsa/context.hpp"
#include "rotation/tlsa/match.hpp"

#include <algorithm>

#include <fmt/format.h>

namespace mxseal::rotation::tlsa {

namespace {

// Section 0.1: how far our clock may be from an authenticated one.
constexpr Duration kSkewMax = std::chrono::seconds(300);

Ledger& ledger_of(HostState& state, std::uint16_t port) {
    for (Ledger& ledger : state.ledgers)
        if (ledger.port == port) return ledger;
    state.ledgers.emplace_back();
    state.ledgers.back().port = port;
    return state.ledgers.back();
}

bool complete_everywhere(const HostState& state, const dns::TlsaRecord& record) {
    return !state.ledgers.empty() && std::all_of(state.ledgers.begin(), state.ledgers.end(), [&](const Ledger& ledger) {
        return ledger.complete && ledger.complete->records.contains(record);
    });
}

bool absent_everywhere(const HostState& state, const dns::TlsaRecord& record) {
    return !state.ledgers.empty() && std::all_of(state.ledgers.begin(), state.ledgers.end(), [&](const Ledger& ledger) {
        return ledger.complete && !ledger.complete->records.contains(record);
    });
}

Instant complete_at(const HostState& state) {
    Instant at{};
    for (const Ledger& ledger : state.ledgers)
        if (ledger.complete) at = std::max(at, ledger.complete->at);
    return at;
}

void note_key_records(Context& context) {
    for (Key& key : context.state.keys) {
        if (!key.published && complete_everywhere(context.state, record_of(key.spki))) {
            key.published = complete_at(context.state);
            if (!context.state.first_complete) context.state.first_complete = key.published;
        }
        if (key.retired && !key.removed && absent_everywhere(context.state, record_of(key.spki))) key.removed = complete_at(context.state);
        if (key.removed) key.chain.reset(); // of a removed key only the hash matters: years of rolls stay small
    }
}

// A round that was begun after the provider answered shows what became of the write.
void settle_write(Context& context, const DnsObservation& seen) {
    auto& write = context.state.write;
    if (!write || !write->answered || seen.started < *write->answered) return;
    const Ledger& ledger = ledger_of(context.state, write->port);
    if (!ledger.primary) return;
    if (*ledger.primary == write->target) {
        context.succeeded(Task::write);
    } else if (*ledger.primary == write->base) {
        context.failed(Task::write, {"the provider accepted the change of the TLSA RRset, but its server does not show it", std::nullopt, false});
    }
    write.reset();
}

void apply(Context& context, const Started&) {
    HostState& state = context.state;
    state.under_way.clear();
    state.wire = Wire{};
    state.started_at = context.now;
    state.observed_at.reset();
    state.time_validated.reset();
    state.time_trouble.clear();
    state.file_read = false;
    // What the provider made of an unfinished write, the next round shows.
    if (state.write && !state.write->answered) state.write->answered = context.now;
    // Files and reload of an unfinished deployment are done again: both are idempotent.
    if (state.deployment && !state.deployment->shown) state.deployment->written.reset();
    if (state.deployment && !state.deployment->shown) state.deployment->reloaded.reset();
}

void apply(Context&, const TimeReached&) {}

void apply(Context& context, const PolicyChanged&) {
    context.state.file_read = false;
    context.state.retries.clear();
}

// A.4: with what the picture of `mxseal timeline` needs later, when the ledger has forgotten the version: since when it is served,
// and until when the versions before it may be held.
void note_complete(Context& context, const Ledger& ledger) {
    const Complete& complete = *ledger.complete;
    const Duration ttl = effective_ttl(ledger, context.now, context.policy);
    const Duration stale = stale_margin(context.policy, Urgency::planned);
    const auto arithmetic = fmt::format("TTL {} + safety_margin {} + stale_margin {}", mxseal::to_string(ttl), mxseal::to_string(context.policy.safety_margin), mxseal::to_string(stale));
    std::vector<std::pair<std::string, std::string>> fields{{"owner", fmt::format("_{}._tcp.{}", ledger.port, context.policy.host)},
                                                            {"records", complete.records.to_string()},
                                                            {"count", std::to_string(complete.records.size())},
                                                            {"complete_at", to_rfc3339(complete.at)},
                                                            {"served_since", ledger.rounds ? to_rfc3339(ledger.rounds->first_finished) : ""},
                                                            {"older_held_until", to_rfc3339(complete.at + ttl + context.policy.safety_margin + stale)},
                                                            {"older_held_for", arithmetic}};
    // Section 0, unseen_ttl: what stood there before the first look counts as a version too.
    if (ledger.first_observed) {
        fields.emplace_back("first_look", to_rfc3339(*ledger.first_observed));
        fields.emplace_back("unseen_held_until", to_rfc3339(*ledger.first_observed + context.policy.unseen_ttl + context.policy.safety_margin + stale));
    }
    context.note("tlsa.complete", std::move(fields), fmt::format("every name server answers with {}, complete at {}", complete.records.to_string(), to_rfc3339(complete.at)));
}

void apply(Context& context, const Observed& event) {
    HostState& state = context.state;
    state.under_way.erase(Task::observe);
    const DnsObservation& seen = event.seen;
    state.observed_at = seen.finished;
    state.observe_trouble = seen.error;
    state.address_security = seen.address_security;
    state.address_detail = seen.address_detail;
    state.dnssec_rollover = seen.dnssec_rollover;
    for (const OwnerObservation& owner : seen.owners) {
        Ledger& ledger = ledger_of(state, owner.port);
        const auto before = ledger.complete;
        note_round(ledger, owner, seen.started, seen.finished, context.policy);
        const bool grown_by_us = before && ledger.primary && ledger.primary->includes(before->records);
        if (before && !ledger.complete && !grown_by_us && !(state.roll && state.roll->cleanup_intent))
            context.note("tlsa.incomplete", {{"owner", fmt::format("_{}._tcp.{}", owner.port, context.policy.host)}, {"records", before->records.to_string()}},
                         fmt::format("a name server shows another version than {}: waits that count on it start again; {}", before->records.to_string(),
                                     incomplete_because(ledger, before->records, context.now)));
        if (ledger.complete && (!before || before->records != ledger.complete->records)) note_complete(context, ledger);
        forget_expired(ledger, context.now, context.policy);
    }
    note_key_records(context);
    settle_write(context, seen);
}

std::string_view name_of(EndpointProbe::Sni sni) {
    switch (sni) {
    case EndpointProbe::Sni::base: return "base";
    case EndpointProbe::Sni::none: return "none";
    case EndpointProbe::Sni::other: return "other";
    }
    return "";
}

std::string trouble_of(const EndpointProbe& probe) {
    switch (probe.failure) {
    case EndpointProbe::Failure::none: return "";
    case EndpointProbe::Failure::unreachable: return "does not answer: " + probe.detail;
    case EndpointProbe::Failure::no_starttls: return "offers no STARTTLS: " + probe.detail;
    case EndpointProbe::Failure::handshake: return probe.absent_algorithm ? "" : "TLS handshake fails: " + probe.detail;
    }
    return "";
}

// A chain that some held version does not match, in words; empty: none (INV-1).
std::string mismatch_of(const std::vector<std::pair<std::uint16_t, Held>>& versions, const EndpointProbe& probe) {
    for (const auto& [port, version] : versions)
        if (port == probe.port && !version.unseen && !matches(version.records, *probe.chain))
            return fmt::format("presents key {}, which does not match {}", probe.chain->key.short_hex(), version.records.to_string());
    if (!probe.mismatches.empty()) return "OpenSSL's DANE verification fails against " + probe.mismatches.front();
    return "";
}

Wire digest(const Context& context, const ProbeRound& seen) {
    Wire wire;
    wire.at = seen.finished;
    wire.reachable = !seen.endpoints.empty();
    wire.sound = wire.reachable;
    wire.trouble = seen.error;
    std::vector<std::pair<std::uint16_t, Held>> versions;
    for (const Ledger& ledger : context.state.ledgers)
        for (Held& version : held(ledger, context.now, context.policy, Urgency::planned)) versions.emplace_back(ledger.port, std::move(version));
    for (const EndpointProbe& probe : seen.endpoints) {
        EndpointView view{probe.port, probe.address, std::string(name_of(probe.sni)), std::nullopt, trouble_of(probe)};
        if (!view.trouble.empty()) wire.reachable = wire.sound = false;
        if (probe.chain) {
            view.key = probe.chain->key;
            if (std::find(wire.chains.begin(), wire.chains.end(), *probe.chain) == wire.chains.end()) wire.chains.push_back(*probe.chain);
            if (auto mismatch = mismatch_of(versions, probe); !mismatch.empty()) {
                wire.sound = false;
                view.trouble = mismatch;
            }
        }
        if (wire.trouble.empty() && !view.trouble.empty()) wire.trouble = fmt::format("{} port {} (SNI {}) {}", probe.address, probe.port, view.sni, view.trouble);
        if (!probe.absent_algorithm) wire.endpoints.push_back(std::move(view));
    }
    return wire;
}

bool shows_only(const Wire& wire, const std::vector<SpkiHash>& keys) {
    return wire.reachable && !keys.empty() && std::all_of(wire.chains.begin(), wire.chains.end(), [&](const Chain& chain) {
        return std::find(keys.begin(), keys.end(), chain.key) != keys.end();
    });
}

void confirm_switch(Context& context, const ProbeRound& seen) {
    auto& roll = context.state.roll;
    if (!roll || !roll->intent || roll->back || !context.state.deployment) return;
    // Section 0, S(h,t), W2: processes from before a reload that failed may serve the old pair, although no handshake meets one.
    if (!context.state.deployment->reloaded || !shows(context.state, *context.state.deployment, seen)) {
        roll->confirmations = 0;
        return;
    }
    const bool spaced = !roll->last_confirmed || seen.finished - *roll->last_confirmed >= context.policy.observe_every;
    if (roll->confirmations == 0 || spaced) {
        ++roll->confirmations;
        roll->last_confirmed = seen.finished;
    }
}

void apply(Context& context, const Probed& event) {
    HostState& state = context.state;
    state.under_way.erase(Task::probe);
    const std::string trouble_before = state.wire.trouble;
    state.wire = digest(context, event.seen);
    if (state.wire.trouble != trouble_before && !state.wire.trouble.empty())
        context.note("wire.trouble", {}, state.wire.trouble);
    for (const Chain& chain : state.wire.chains) state.seen_on_wire[chain.key] = event.seen.finished;
    if (state.roll && state.roll->from && state.seen_on_wire.contains(*state.roll->from))
        state.roll->old_seen = std::max(state.roll->old_seen, state.seen_on_wire[*state.roll->from]);

    // W3: at least 8 fresh handshakes an address in 3 rounds; a round has three free ones and one for each algorithm.
    if (!state.adopted || !state.first_complete) {
        const bool spaced = !state.last_precheck_round || event.seen.finished - *state.last_precheck_round >= context.policy.observe_every;
        if (!shows_only(state.wire, served_keys(state)))
            state.precheck_rounds = 0;
        else if (spaced) {
            ++state.precheck_rounds;
            state.last_precheck_round = event.seen.finished;
        }
    }
    if (state.deployment && !state.deployment->shown && shows(state, *state.deployment, event.seen)) {
        state.deployment->shown = event.seen.finished;
        if (state.deployment->reloaded) context.succeeded(Task::deploy);
    }
    confirm_switch(context, event.seen);
}

void apply(Context& context, const FileRead& event) {
    HostState& state = context.state;
    state.under_way.erase(Task::read_file);
    state.file_read = true;
    state.file_keys.clear();
    state.file_trouble = event.failure ? event.failure->sentence : "";
    for (const Key& key : event.keys) {
        state.file_keys.emplace_back(key.spki, key.description);
        if (find_key(state, key.spki) == nullptr) state.keys.push_back(key);
    }
}

void apply(Context& context, const KeyGenerated& event) {
    HostState& state = context.state;
    state.under_way.erase(Task::generate);
    if (event.failure || !event.key) {
        context.failed(Task::generate, event.failure.value_or(Failure{"no key was made", std::nullopt, false}));
        return;
    }
    context.succeeded(Task::generate);
    Line* line = find_line(state, event.algorithm);
    // a key that was ever used is not used again; generation is random, so this only guards against a broken port.
    if (line == nullptr || find_key(state, event.key->spki) != nullptr) return;
    state.keys.push_back(*event.key);
    if (state.own_pair && !line->current)
        line->current = event.key->spki;
    else
        line->next.push_back(event.key->spki);
    context.note("key.generated", {{"key", event.key->spki.hex()}, {"algorithm", std::string(to_string(event.algorithm))}},
                 fmt::format("made {} key {}", event.key->description, event.key->spki.short_hex()));
}

void apply(Context& context, const CertificateObtained& event) {
    context.state.under_way.erase(Task::certificate);
    context.succeeded(Task::certificate);
    Key* key = find_key(context.state, event.key);
    if (key == nullptr || event.chain.key != event.key) return; // a certificate for another key is nobody's
    key->chain = event.chain;
    context.note("certificate.issued", {{"key", event.key.hex()}, {"not_after", to_rfc3339(event.chain.not_after)}},
                 fmt::format("certificate for key {} is here, valid until {}", event.key.short_hex(), to_rfc3339(event.chain.not_after)));
    // E-14: a CA whose certificates are old when they come, or a clock far ahead: not asked again without a pause.
    if (certificate_is_due(*key, context.policy, context.now))
        context.failed(Task::certificate, {fmt::format("the certificate for key {} that came is due for renewal already: valid from {} until {}", event.key.short_hex(), to_rfc3339(event.chain.not_before),
                                                       to_rfc3339(event.chain.not_after)),
                                           std::nullopt, false});
}

void apply(Context& context, const CertificateFailed& event) {
    context.state.under_way.erase(Task::certificate);
    context.failed(Task::certificate, event.failure);
}

void apply(Context& context, const TlsaWritten& event) {
    HostState& state = context.state;
    state.under_way.erase(Task::write);
    state.observed_at.reset(); // what the servers say now decides, whatever the provider answered (F-06)
    if (state.write) state.write->answered = context.now;
    switch (event.outcome) {
    case TlsaWritten::Outcome::written:
        context.succeeded(Task::write);
        if (state.write)
            context.note("tlsa.written", {{"owner", fmt::format("_{}._tcp.{}", state.write->port, context.policy.host)}, {"records", state.write->target.to_string()}, {"before", state.write->base.to_string()}},
                         fmt::format("TLSA RRset changed from {} to {}", state.write->base.to_string(), state.write->target.to_string()));
        return;
    case TlsaWritten::Outcome::lost_race: // F-03: read again, plan again
        state.write.reset();
        if (event.failure) context.failed(Task::write, *event.failure);
        return;
    case TlsaWritten::Outcome::unknown: // F-05: it may have happened or may happen yet
        if (event.failure) context.failed(Task::write, *event.failure);
        return;
    case TlsaWritten::Outcome::failed:
        state.write.reset();
        context.failed(Task::write, event.failure.value_or(Failure{"the TLSA RRset could not be written", std::nullopt, false}));
        return;
    }
}

// The answer to an earlier deployment that comes once more must not pass for that of the next one, which puts another key out.
bool of_another_deployment(const HostState& state, const Deployed& event) {
    return state.deployment && std::any_of(event.chains.begin(), event.chains.end(), [&](const Chain& chain) {
        return std::find(state.deployment->keys.begin(), state.deployment->keys.end(), chain.key) == state.deployment->keys.end();
    });
}

void apply(Context& context, const Deployed& event) {
    HostState& state = context.state;
    if (of_another_deployment(state, event)) return;
    state.under_way.erase(Task::deploy);
    state.wire.at.reset(); // the wire decides
    if (state.deployment && (!event.failure || event.file_changed)) {
        if (!event.chains.empty()) state.deployment->certificates.clear();
        for (const Chain& chain : event.chains) {
            state.deployment->certificates.push_back(chain.certificates.front().certificate_sha256);
            if (Key* key = find_key(state, chain.key); key != nullptr) key->chain = chain;
        }
        state.deployment->written = context.now;
        state.deployment->reloaded = event.failure ? std::nullopt : std::optional(context.now);
        if (state.roll && state.roll->intent) state.roll->old_seen = std::max(state.roll->old_seen, context.now);
    }
    if (event.failure)
        context.failed(Task::deploy, *event.failure);
    else
        context.succeeded(Task::deploy);
}

void apply(Context& context, const TimeChecked& event) {
    HostState& state = context.state;
    state.under_way.erase(Task::validate_time);
    if (event.failure || !event.skew) {
        const Failure failure = event.failure.value_or(Failure{"nobody told the time", std::nullopt, false});
        if (!state.time_validated) state.time_trouble = failure.sentence;
        context.failed(Task::validate_time, failure);
        return;
    }
    if (*event.skew > kSkewMax || *event.skew < -kSkewMax) {
        state.time_validated.reset();
        state.time_trouble = fmt::format("the clock of this machine is {} {} the peer's", mxseal::to_string(std::chrono::abs(*event.skew)), *event.skew > Duration{0} ? "ahead of" : "behind");
        context.failed(Task::validate_time, {state.time_trouble + "; set the clock", std::nullopt, false});
        return;
    }
    state.time_validated = context.now;
    state.time_trouble.clear();
    context.succeeded(Task::validate_time);
}

// After a clock that was ahead was set back nothing that failed meanwhile would be tried again for as long as it was ahead; what a peer asked for stays.
void put_right(Context& context, Duration back) {
    const Duration longest = longest_pause(context.policy);
    for (auto& [task, retry] : context.state.retries) not_later(retry, std::max(context.now, retry.next - back - longest), longest);
}

// Section 0.1: a wall clock that ran ahead would end waits too early, so everything that a wait counts from moves with it.
void apply(Context& context, const ClockStepped& event) {
    HostState& state = context.state;
    if (planted(Mistake::clock_trusted)) return;
    state.time_validated.reset();
    state.time_trouble = fmt::format("the wall clock and the boot clock disagree by {}", mxseal::to_string(event.forward));
    state.wire.at.reset();
    state.observed_at.reset();
    if (event.forward <= Duration{0}) return put_right(context, -event.forward);
    auto later = [&](std::optional<Instant>& at) {
        if (at) *at += event.forward;
    };
    for (Ledger& ledger : state.ledgers) {
        later(ledger.first_observed);
        for (Version& version : ledger.versions) {
            version.first_seen += event.forward;
            later(version.closed_at);
        }
        for (TtlSighting& sighting : ledger.ttls) sighting.at += event.forward;
        if (ledger.complete) ledger.complete->at += event.forward;
        ledger.rounds.reset();
    }
    if (state.roll) {
        state.roll->old_seen += event.forward;
        later(state.roll->verified);
    }
}

} // namespace

void apply(Context& context, const Event& event) {
    std::visit([&](const auto& each) { apply(context, each); }, event);
}

} // namespace mxseal::rotation::tlsa
