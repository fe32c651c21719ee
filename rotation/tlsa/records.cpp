// The TLSA RRsets: what mxseal wants in them, and the writes that get there. Each write is a pure grow or a pure shrink.
#include "rotation/planted.hpp"
#include "rotation/tlsa/context.hpp"

#include <algorithm>

#include <fmt/format.h>

namespace mxseal::rotation::tlsa {

namespace {

// Our choice: a foreign hand that takes our records out this often within an hour is not fought (F-11, F-13).
constexpr std::size_t kRepairsMax = 3;
constexpr Duration kRepairsWindow = std::chrono::hours(1);

// W3: before the first record, every endpoint is confirmed in three rounds and right before the write, and every server answers.
bool first_write_allowed(Context& context, const Ledger& ledger) {
    HostState& state = context.state;
    if (!ledger.last_round_clean) {
        context.waits(because("wait.servers", "the first TLSA waits until every name server answers: " + incomplete_because(ledger, dns::TlsaSet(), context.now)));
        return false;
    }
    if (state.dnssec_rollover) {
        context.waits(because("wait.dnssec", "a DNSSEC key rollover is under way (DS and CDS differ)"));
        return false;
    }
    if (state.precheck_rounds < kRounds) {
        context.waits(because("wait.precheck", fmt::format("every endpoint has to show the current key in {} rounds before the first TLSA; {} made{}", kRounds, state.precheck_rounds,
                                                           state.wire.trouble.empty() ? "" : ", " + state.wire.trouble)));
        return false;
    }
    return looked_just_now(context, Urgency::planned);
}

bool repair_allowed(Context& context, const dns::TlsaSet& missing) {
    HostState& state = context.state;
    const bool was_there = std::any_of(state.keys.begin(), state.keys.end(), [&](const Key& key) { return key.published && missing.contains(record_of(key.spki)); });
    if (!was_there) return true;
    if (planted(Mistake::repair_never)) return false;
    std::erase_if(state.repairs, [&](Instant at) { return context.now >= at + kRepairsWindow; });
    if (state.repairs.size() >= kRepairsMax) {
        context.waits(because("halt.conflict", fmt::format("{} was taken out of the zone {} times within an hour by somebody else; mxseal does not fight", missing.to_string(), state.repairs.size()),
                              "find who edits the zone, then `mxseal resume " + context.policy.host + "`"));
        return false;
    }
    state.repairs.push_back(context.now);
    context.note("tlsa.repair", {{"records", missing.to_string()}}, fmt::format("{} is gone from the zone and is published again", missing.to_string()));
    return true;
}

// Right after a first publication: an endpoint that does not match takes the set back again (W3).
bool first_write_undone(Context& context, const Ledger& ledger) {
    HostState& state = context.state;
    if (state.first_complete || ledger.primary->empty() || !state.wire.at || !state.wire.reachable) return false;
    const bool ours_only = std::all_of(ledger.primary->records().begin(), ledger.primary->records().end(), [&](const dns::TlsaRecord& record) {
        return std::any_of(state.keys.begin(), state.keys.end(), [&](const Key& key) { return record_of(key.spki) == record; });
    });
    const bool strange = std::any_of(state.wire.chains.begin(), state.wire.chains.end(), [&](const Chain& chain) { return !ledger.primary->contains(record_of(chain.key)); });
    if (!ours_only || !strange || !context.may_start(Task::write)) return false;
    context.note("tlsa.withdrawn", {}, "an endpoint presents another key right after the first publication: the records are taken back: " + state.wire.trouble);
    state.precheck_rounds = 0;
    write_records(context, ledger, dns::TlsaSet());
    return true;
}

bool ttl_differs(const HostState& state, const Ledger& ledger, const Policy& policy) {
    return ledger.primary_ttl && *ledger.primary_ttl != policy.tlsa_ttl && !ledger.primary->empty() && state.ttl_asked != policy.tlsa_ttl;
}

// A client's key that was superseded before it was ever in service; W2 all the same, should somebody have served it.
bool given_up(const Context& context, const Key& key) {
    if (!key.retired || key.active || key.removed) return false;
    auto seen = context.state.seen_on_wire.find(key.spki);
    return seen == context.state.seen_on_wire.end() || context.now >= seen->second + context.policy.safety_margin + context.policy.rollback_hold;
}

// Records of ours that nobody needs: one that came back after its removal (a restored zone, F-05), or one that was given up. R2: only when
// nothing can serve its key.
dns::TlsaSet needless_records(const Context& context, const Ledger& ledger) {
    const HostState& state = context.state;
    std::vector<dns::TlsaRecord> needless;
    for (const Key& key : state.keys) {
        auto seen = state.seen_on_wire.find(key.spki);
        const bool served = seen != state.seen_on_wire.end() && key.removed && seen->second >= *key.removed;
        const bool gone = (key.removed && !served) || given_up(context, key);
        if (gone && ledger.primary->contains(record_of(key.spki))) needless.push_back(record_of(key.spki));
    }
    return dns::TlsaSet(std::move(needless));
}

// True when this owner needs nothing.
bool keep_owner(Context& context, const Ledger& ledger, const dns::TlsaSet& wanted) {
    HostState& state = context.state;
    if (!ledger.primary) {
        context.waits(because("wait.primary", "the server that is written to cannot be read: " + ledger.primary_error));
        return false;
    }
    if (first_write_undone(context, ledger)) return false;
    const auto missing = wanted.without(*ledger.primary);
    if (!missing.empty()) {
        if (ledger.primary->empty() && !state.first_complete && !first_write_allowed(context, ledger)) return false;
        if (!context.may_start(Task::write) || !repair_allowed(context, missing)) return false;
        write_records(context, ledger, planted(Mistake::grown_by_replacing) && state.roll && state.roll->from ? ledger.primary->without(dns::TlsaSet({record_of(*state.roll->from)})).with(missing)
                                                                                                             : ledger.primary->with(missing));
        return false;
    }
    if (state.roll && state.roll->intent) return true;
    if (auto needless = needless_records(context, ledger); !needless.empty() && state.wire.reachable) {
        if (context.may_start(Task::write)) write_records(context, ledger, ledger.primary->without(needless));
        return false;
    }
    if (ttl_differs(state, ledger, context.policy) && context.may_start(Task::write)) {
        write_records(context, ledger, *ledger.primary);
        return false;
    }
    return true;
}

} // namespace

dns::TlsaSet wanted_records(const HostState& state, const Policy& policy) {
    std::vector<dns::TlsaRecord> wanted;
    if (!policy.dane) return {};
    for (const Line& line : state.lines) {
        if (line.current) wanted.push_back(record_of(*line.current));
        for (const SpkiHash& spki : line.next) wanted.push_back(record_of(spki));
    }
    if (state.roll && state.roll->from && !state.roll->cleanup_intent && !planted(Mistake::grown_by_replacing)) wanted.push_back(record_of(*state.roll->from));
    return dns::TlsaSet(std::move(wanted));
}

void write_records(Context& context, const Ledger& ledger, dns::TlsaSet target) {
    HostState& state = context.state;
    Write write;
    write.port = ledger.port;
    write.base = *ledger.primary;
    write.target = std::move(target);
    write.intent = context.now;
    write.first = write.base.empty();
    for (Ledger& each : state.ledgers)
        if (each.port == write.port) note_intended(each, write.target, context.policy.tlsa_ttl, context.now);
    state.ttl_asked = context.policy.tlsa_ttl;
    context.start(WriteTlsa{write.port, write.base, write.target, context.policy.tlsa_ttl});
    state.write = std::move(write);
}

void mend_records(Context& context) {
    HostState& state = context.state;
    if (dns_refuses(state, context.policy) || clock_refuses(state, Urgency::planned) || state.write || !context.idle(Task::write)) return;
    std::vector<dns::TlsaRecord> served;
    for (const Chain& chain : state.wire.chains)
        if (const Key* key = find_key(state, chain.key); key != nullptr && key->published && !key->removed) served.push_back(record_of(chain.key));
    const dns::TlsaSet wanted(std::move(served));
    for (const Ledger& ledger : state.ledgers) {
        // An RRset that is gone as a whole asks nobody for a match; to bring it back is a transition.
        const auto missing = wanted.without(*ledger.primary);
        if (ledger.primary->empty() || missing.empty()) continue;
        if (context.may_start(Task::write) && repair_allowed(context, missing)) write_records(context, ledger, ledger.primary->with(missing));
        return;
    }
}

bool keep_records(Context& context) {
    HostState& state = context.state;
    if (auto refused = dns_refuses(state, context.policy)) {
        context.waits(std::move(*refused));
        return false;
    }
    if (auto refused = clock_refuses(state, Urgency::planned)) {
        context.waits(std::move(*refused));
        return false;
    }
    if (state.write || !context.idle(Task::write)) {
        auto retry = state.retries.find(Task::write);
        const bool answered = state.write && state.write->answered;
        context.waits(retry != state.retries.end() ? retry->second.reason
                                                   : because("wait.write", answered ? "waits for the next look at the name servers, which shows what became of a change of the TLSA RRset"
                                                                                    : "waits for the provider's answer to a change of the TLSA RRset"));
        return false;
    }
    for (const Line& line : state.lines)
        if (line.next.empty() && context.policy.makes_keys) {
            context.waits(because("wait.key", "makes a standby key"));
            return false;
        }
    const auto wanted = wanted_records(state, context.policy);
    bool all = true;
    for (const Ledger& ledger : state.ledgers) {
        if (keep_owner(context, ledger, wanted)) continue;
        all = false;
        if (auto retry = state.retries.find(Task::write); retry != state.retries.end()) context.waits(retry->second.reason);
        break; // one write at a time
    }
    if (!all) context.waits(because("wait.write", "changes the TLSA RRset"));
    return all;
}

bool withdraw(Context& context) {
    HostState& state = context.state;
    std::vector<dns::TlsaRecord> ours;
    for (const Key& key : state.keys) ours.push_back(record_of(key.spki));
    const dns::TlsaSet own(std::move(ours));
    for (const Ledger& ledger : state.ledgers) {
        if (!ledger.primary || state.write) return false;
        const auto rest = ledger.primary->without(own);
        if (rest != *ledger.primary) {
            if (!looked_just_now(context, Urgency::planned) || !context.may_start(Task::write)) return false;
            context.note("tlsa.off", {}, "`dane: off`: the records are taken out of the zone; the served keys stay until no cache can hold them");
            write_records(context, ledger, rest);
            return false;
        }
    }
    // W4: keys stay as they are until T_all(empty) + TTL_eff + margins.
    for (const Ledger& ledger : state.ledgers) {
        Readiness gone = nothing_held(ledger, context.now, context.policy);
        if (gone.ready) continue;
        gone.reason.text = "`dane: off`: the served keys stay; " + gone.reason.text;
        context.waits(std::move(gone.reason));
        state.off_since.reset();
        return false;
    }
    if (!state.off_since) state.off_since = context.now;
    return true;
}

} // namespace mxseal::rotation::tlsa
