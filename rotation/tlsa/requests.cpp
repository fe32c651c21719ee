// What operators ask for. Each gets a reply in words; a repeated request does nothing and is no error.
#include "rotation/planted.hpp"
#include "rotation/tlsa/context.hpp"

#include <algorithm>

#include <fmt/format.h>

namespace mxseal::rotation::tlsa {

namespace {

bool raise(RollKind& kind, RollKind wanted) {
    if (kind == wanted || wanted == RollKind::planned) return false;
    kind = wanted;
    return true;
}

std::string request_roll(Context& context, const OperatorRoll& event, const SpkiHash& retire) {
    HostState& state = context.state;
    const bool emergency = event.kind == RollKind::emergency;
    Key* key = find_key(state, retire);
    if (key == nullptr) {
        context.out.refused = true;
        return fmt::format("{} has no key {}", context.policy.host, retire.short_hex());
    }
    if (emergency) key->compromised = true;
    if (state.roll && state.roll->from == retire) {
        if (event.accepted_risk) state.roll->accepted_risk = event.accepted_risk;
        return raise(state.roll->kind, event.kind) ? fmt::format("the roll of key {} under way is now an emergency roll", retire.short_hex())
                                                   : fmt::format("a roll of key {} is under way already", retire.short_hex());
    }
    for (RollRequest& request : state.requests)
        if (request.retire == retire) {
            if (event.accepted_risk) request.accepted_risk = event.accepted_risk;
            return raise(request.kind, event.kind) ? fmt::format("the queued roll of key {} is now an emergency roll", retire.short_hex())
                                                   : fmt::format("a roll of key {} is queued already", retire.short_hex());
        }
    const auto served = served_keys(state);
    if (std::find(served.begin(), served.end(), retire) == served.end()) {
        // naming a key that is retired already does nothing; a standby is not rolled but replaced by the next roll.
        if (key->retired) return fmt::format("key {} is retired already, nothing to do", retire.short_hex());
        context.out.refused = true;
        return fmt::format("key {} is not served by {}: only a current key can be rolled", retire.short_hex(), context.policy.host);
    }
    state.requests.push_back({event.kind, retire, context.now, "asked by " + event.who, event.accepted_risk});
    context.note("roll.requested", {{"from", retire.hex()}, {"kind", std::string(to_string(event.kind))}, {"who", event.who}},
                 fmt::format("{} roll of key {} asked by {}", to_string(event.kind), retire.short_hex(), event.who));
    return fmt::format("{} roll of key {} is stored", to_string(event.kind), retire.short_hex());
}

} // namespace

void apply(Context& context, const OperatorRoll& event) {
    std::vector<SpkiHash> retire;
    if (event.retire)
        retire.push_back(*event.retire);
    else if (context.state.roll && context.state.roll->from)
        retire.push_back(*context.state.roll->from); // a repeat names the roll under way, not the key that has just come
    else
        retire = served_keys(context.state);
    if (retire.empty() || !context.state.adopted) {
        context.out.refused = true;
        context.out.reply = fmt::format("{} has no served key of mxseal's yet; see `mxseal status`", context.policy.host);
        return;
    }
    for (const SpkiHash& key : retire) {
        auto reply = request_roll(context, event, key);
        context.out.reply += (context.out.reply.empty() ? "" : "; ") + reply;
    }
    if (context.state.halt) context.out.reply += fmt::format("; but the host is halted: {}", context.state.halt->reason.sentence());
}

void apply(Context& context, const OperatorRollBack& event) {
    auto refuse = [&](std::string why) {
        context.out.refused = true;
        context.out.reply = std::move(why);
    };
    auto& roll = context.state.roll;
    if (!roll || !roll->intent) return refuse(fmt::format("no switch of {} is under way, there is nothing to roll back", context.policy.host));
    if (roll->back) {
        context.out.reply = "the roll is being rolled back already";
        return;
    }
    // the old record may be gone from some server from the intent on.
    if (roll->cleanup_intent && !planted(Mistake::rolled_back_too_late))
        return refuse(fmt::format("the removal of the old record was decided at {}: the old key may only be served again after W1; roll forward instead",
                                  to_rfc3339(*roll->cleanup_intent)));
    if (!roll->from) return refuse("an added algorithm cannot be rolled back; remove it from `keys`");
    // an emergency roll never puts a compromised key back.
    if (roll->kind == RollKind::emergency) return refuse("the old key is compromised: it is not put back; roll forward instead");
    if (auto refused = back_refused(context, *roll)) return refuse(refused->sentence());
    roll->back = context.now;
    context.out.reply = fmt::format("key {} goes back into service", roll->from->short_hex());
    context.note("roll.back", {{"to", roll->from->hex()}, {"who", event.who}}, fmt::format("roll back to key {} asked by {}", roll->from->short_hex(), event.who));
}

void apply(Context& context, const OperatorHalt& event) {
    if (context.state.halt && context.state.halt->by_operator) {
        context.out.reply = context.policy.host + " is halted already";
        return;
    }
    const auto why = event.why.empty() ? std::string() : ": " + event.why;
    context.state.halt = Halt{because("halt.operator", fmt::format("halted by {}{}", event.who, why), "`mxseal resume " + context.policy.host + "` lets it go on"), context.now, true};
    context.note("host.halted", {{"who", event.who}}, context.state.halt->reason.sentence());
    context.out.reply = context.policy.host + " is halted: nothing moves but renewals with the same key and monitoring";
}

void apply(Context& context, const OperatorResume& event) {
    if (!context.state.halt) {
        context.out.reply = context.policy.host + " is not halted";
        return;
    }
    if (planted(Mistake::halted_for_ever)) return;
    context.state.halt.reset();
    context.state.retries.clear();
    context.state.repairs.clear();
    context.state.file_read = false;
    context.note("host.resumed", {{"who", event.who}}, fmt::format("resumed by {}", event.who));
    context.out.reply = context.policy.host + " goes on";
}

} // namespace mxseal::rotation::tlsa
