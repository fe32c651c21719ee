#include "rotation/tlsa/step.hpp"

#include "rotation/tlsa/brought.hpp"
#include "rotation/tlsa/context.hpp"
#include "rotation/tlsa/delays.hpp"
#include "rotation/tlsa/view.hpp"

#include <fmt/format.h>

namespace mxseal::rotation::tlsa {

namespace {

// From the intent to the proof the switch itself says what the files hold; afterwards a foreign hand may have changed them again.
bool switch_is_open(const HostState& state) { return state.roll && state.roll->intent && (!state.roll->verified || state.roll->back); }

// W5: a TTL that was seen seven days ago makes no wait longer any more.
void wake_when_a_ttl_no_longer_counts(Context& context) {
    for (const Ledger& ledger : context.state.ledgers)
        if (!ledger.ttls.empty()) context.wake_at(ledger.ttls.front().at + kTtlLookBack + ledger.ttls.front().ttl);
}

// `ready` is a fact worth a line in the log when it comes about, and when it is lost again.
void note_standbys(Context& context) {
    for (const Line& line : context.state.lines)
        for (const SpkiHash& spki : line.next) {
            Key* key = find_key(context.state, spki);
            const auto from = servable_from(context.state, spki, context.now, context.policy, Urgency::planned);
            const bool ready = from && context.now >= *from;
            if (from && !ready) {
                context.wake_at(*from);
                wake_when_a_ttl_no_longer_counts(context);
            }
            // A record that was never on every server is not published, whatever versions are known.
            if (ready && !key->published) continue;
            if (ready == key->ready.has_value()) continue;
            const auto sentence = may_serve(context.state, spki, context.now, context.policy, Urgency::planned).reason.sentence();
            if (ready) {
                key->ready = from;
                context.note("standby.ready", {{"key", spki.hex()}, {"ready_at", to_rfc3339(*key->ready)}}, sentence);
            } else {
                key->ready.reset();
                context.note("standby.lost", {{"key", spki.hex()}}, "the standby is not held everywhere any more: " + sentence);
            }
        }
}

// G-12: a halt stops transitions; renewals with the same key and monitoring go on, and what is served stays published.
void rest_while_halted(Context& context) {
    context.waits(context.state.halt->reason);
    if (!context.state.adopted) return;
    keep_keys(context);
    keep_client_awake(context);
    if (!switch_is_open(context.state)) keep_deployed(context);
    if (!context.state.halt->by_operator && context.policy.dane) mend_records(context);
}

void stay_off(Context& context) {
    // W4: until the wait is over the key stays; its certificate is renewed all the same.
    if (context.state.adopted) {
        keep_keys(context);
        keep_deployed(context);
        if (auto overdue = keep_client_awake(context)) context.waits(std::move(*overdue));
    }
    if (withdraw(context)) take_over_unpinned(context);
}

void say_what_comes(Context& context) {
    const HostState& state = context.state;
    if (auto overdue = keep_client_awake(context)) context.waits(std::move(*overdue));
    for (const Line& line : state.lines) {
        for (const SpkiHash& spki : line.next) {
            const Key* key = find_key(state, spki);
            // Its end is a wake time already (note_standbys); the words are needed where nothing else was said.
            if (!key->ready && context.out.reason.empty()) context.waits(may_serve(state, spki, context.now, context.policy, Urgency::planned).reason);
            // A hook brings a certificate when its key's turn comes.
            if (!key->chain && (context.policy.brings_certificates || wants_switch(state))) {
                auto retry = state.retries.find(Task::certificate);
                context.waits(retry != state.retries.end() ? retry->second.reason : because("wait.certificate", fmt::format("waits for the certificate of key {}", spki.short_hex())));
            }
        }
    }
    if (!state.wire.trouble.empty()) context.waits(because("note.unhealthy", "an endpoint is unhealthy: " + state.wire.trouble));
    for (const Line& line : state.lines) {
        const auto due = rotation_due_at(state, line, context.policy);
        if (!due) continue;
        context.wake_at(*due);
        if (context.out.reason.empty()) context.waits(*rotation_due(state, line, context.policy));
    }
    if (context.policy.brings_certificates || !context.out.reason.empty()) return;
    for (const Line& line : state.lines)
        if (const Key* key = line.current ? find_key(state, *line.current) : nullptr; key != nullptr && key->chain) context.waits(client_renews(*key));
}

void decide(Context& context) {
    HostState& state = context.state;
    settle_brought(context);
    if (state.halt) return rest_while_halted(context);
    if (!context.policy.dane) return stay_off(context);
    if (state.adopted) begin_roll(context); // before the keys: the following standby is made in the same step
    keep_keys(context);
    if (!adopted(context)) return;
    Ready ready;
    ready.deployed = switch_is_open(state) ? true : keep_deployed(context);
    ready.records = keep_records(context);
    keep_rolling(context, ready);
    if (state.halt) return;
    say_what_comes(context);
}

} // namespace

Decision step(HostState& state, const Event& event, Instant now, const Policy& policy, const Group& group) {
    Decision decision;
    Context context{state, now, policy, group, decision};
    apply(context, event);
    keep_watch(context);
    note_standbys(context);
    decide(context);
    return decision;
}

} // namespace mxseal::rotation::tlsa
