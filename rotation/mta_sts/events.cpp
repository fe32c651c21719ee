// What each event changes in the state: facts are recorded here, and only here.
#include "rotation/mta_sts/context.hpp"
#include "rotation/mta_sts/record.hpp"
#include "rotation/planted.hpp"

#include <algorithm>

#include <fmt/format.h>

namespace mxseal::rotation::mta_sts {

namespace {

// Whether some server last answered with none of the newest `count` ids.
bool shows_older_id(const DomainState& state, std::size_t count) {
    const std::size_t known = state.ids.size();
    return std::any_of(state.txt.servers.begin(), state.txt.servers.end(), [&](const RrsetServer& server) {
        if (!server.values) return false;
        for (std::size_t back = 1; back <= std::min(count, known); ++back)
            if (std::find(server.values->begin(), server.values->end(), record_of(state.ids[known - back])) != server.values->end()) return false;
        return true;
    });
}

void begin_waits_again(DomainState& state) {
    for (PastBody& past : state.past) past.replaced.reset();
}

// T_t, and what it means for the bodies before.
void settle_id(Context& context) {
    DomainState& state = context.state;
    if (!state.serving) return;
    Serving& serving = *state.serving;
    if (!serving.id) {
        // Between two ids the former one stands: a server without it has fallen back.
        if (shows_older_id(state, 1) && !planted(Mistake::id_fall_back_ignored)) begin_waits_again(state);
        return;
    }
    const auto& complete = state.txt.complete;
    // RFC 8461 section 3.1 (C-03): beside another STSv1 record it announces nothing; senders keep the policy that they hold.
    const bool announced = complete && sts_records(complete->values) == 1 && std::find(complete->values.begin(), complete->values.end(), record_of(*serving.id)) != complete->values.end();
    if (!announced) {
        if (planted(Mistake::id_fall_back_ignored)) return;
        // A name server fell back: senders may take the former id for the newest again. An id on its way takes nothing back.
        if (serving.complete || shows_older_id(state, 2)) begin_waits_again(state);
        serving.complete.reset();
        return;
    }
    if (!serving.complete) {
        serving.complete = complete->at;
        context.note("policy.announced", {{"id", *serving.id}, {"complete_at", to_rfc3339(complete->at)}},
                     fmt::format("every name server answers with id {}, complete at {}", *serving.id, to_rfc3339(complete->at)));
    }
    // C-06: what was seen under this id is replaced by the next one alone.
    if (serving.disturbed) return;
    for (PastBody& past : state.past)
        if (past.last_served && !past.replaced) past.replaced = serving.complete;
}

PastBody& past_of(DomainState& state, const PolicyBody& body) {
    for (PastBody& past : state.past)
        if (past.body == body) return past;
    return state.past.emplace_back(PastBody{body, std::nullopt, std::nullopt});
}

void not_live(Serving& serving) {
    serving.live.reset();
    serving.outdated.reset();
}

// C-06: once a node has served another body under the current id, the next stable one gets a new id.
void note_other_body(DomainState& state, const std::string& text) {
    if (state.serving) {
        not_live(*state.serving);
        if (state.serving->bump_intent) state.serving->disturbed = true;
    }
    auto body = parse_body(text);
    if (!body.ok()) return;
    PastBody& past = past_of(state, *body);
    past.last_served.reset();
    past.replaced.reset();
}

void note_served_everywhere(Context& context, Instant finished) {
    DomainState& state = context.state;
    const Instant live = finished + context.policy.proxy_margin;
    if (!state.serving->live) {
        state.serving->live = live;
        context.note("policy.live", {{"mode", std::string(to_string(state.serving->body.mode))}, {"live_at", to_rfc3339(live)}},
                     fmt::format("every address of the endpoint serves the policy, mode {}", to_string(state.serving->body.mode)));
    }
    for (PastBody& past : state.past)
        if (!past.last_served) past.last_served = live;
}

void apply(Context& context, const Started&) {
    DomainState& state = context.state;
    state.under_way.clear();
    state.observed_at.reset();
    state.fetched_at.reset();
    state.txt.rounds.reset();
    state.mx.rounds.reset();
    // The body may have come to any node before the end of the process, or to none.
    if (state.serving && !state.serving->live && context.may_start(Task::serve)) context.start(Serve{state.serving->body, state.serving->intent});
}

void apply(Context&, const TimeReached&) {}
void apply(Context&, const PolicyChanged&) {}

void apply(Context& context, const Observed& event) {
    DomainState& state = context.state;
    state.under_way.erase(Task::observe);
    state.observe_trouble = event.seen.error;
    state.observed_at = std::min(event.seen.started, context.now); // the clock may have been set back since
    if (!event.seen.error.empty()) return;
    const Instant finished = std::min(event.seen.finished, context.now);
    state.txt_alias = event.seen.txt_alias;
    remember_ids(state.ids, event.seen.txt);
    note_round(state.txt, event.seen.txt, finished, context.policy);
    note_round(state.mx, event.seen.mx, finished, context.policy);
    settle_id(context);
}

// What the servers of the shared record say counts for a domain only where its own name is an alias of it.
void apply(Context& context, const SharedSeen& event) {
    DomainState& state = context.state;
    if (state.txt_alias != context.policy.txt_target) return;
    remember_ids(state.ids, event.txt);
    note_round(state.txt, event.txt, std::min(event.finished, context.now), context.policy);
    settle_id(context);
}

bool is_served(const DomainState& state, const PolicyFetch& fetch) {
    if (!state.serving || fetch.body != state.serving->body.text()) return false;
    return !fetch.generation || (state.serving->generation && *fetch.generation >= *state.serving->generation);
}

std::string trouble_of(const PolicyFetch& fetch, const std::string& wanted) {
    const std::string what = fetch.body ? fetch.body == wanted ? "serves an older snapshot" : "serves another policy" : fetch.detail;
    return fmt::format("{}{}: {}", fetch.address, fetch.departed ? ", which left the address set and may still be held," : "", what);
}

void note_addresses(DomainState& state, const FetchRound& seen, Instant finished) {
    if (!seen.error.empty() && !seen.nowhere) return;
    for (EndpointAddress& address : state.addresses)
        if (!address.gone_since) address.gone_since = finished;
    for (const PolicyFetch& fetch : seen.fetches) {
        if (fetch.departed) continue;
        const auto known = std::find_if(state.addresses.begin(), state.addresses.end(), [&](const EndpointAddress& address) { return address.address == fetch.address; });
        if (known != state.addresses.end())
            known->gone_since.reset();
        else
            state.addresses.push_back({fetch.address, std::nullopt});
    }
}

// The round that finds an address gone has not asked it yet.
bool asked_all(const DomainState& state, const FetchRound& seen) {
    return std::all_of(state.addresses.begin(), state.addresses.end(), [&](const EndpointAddress& known) {
        return std::any_of(seen.fetches.begin(), seen.fetches.end(), [&](const PolicyFetch& fetch) { return fetch.address == known.address; });
    });
}

void apply(Context& context, const Fetched& event) {
    DomainState& state = context.state;
    const FetchRound& seen = event.seen;
    const Instant finished = std::min(seen.finished, context.now);
    note_addresses(state, seen, finished);
    state.under_way.erase(Task::fetch);
    state.fetched_at = std::min(seen.started, context.now);
    // C-38: who leaves takes the name away, and nobody fetches from it once no resolver holds an address.
    const bool has_left = seen.nowhere && context.policy.mode == Mode::none;
    state.fetch_trouble = has_left ? "" : seen.error;
    const std::string text = state.serving ? state.serving->body.text() : "";
    for (const PolicyFetch& fetch : seen.fetches) {
        if (is_served(state, fetch)) continue;
        if (state.fetch_trouble.empty()) state.fetch_trouble = trouble_of(fetch, text);
        if (fetch.body == text) { // from an older snapshot: what came between the two may still reach that replica
            not_live(*state.serving);
            continue;
        }
        // A round from before the body was put in place shows what stood there then.
        if (fetch.body && (!state.serving || seen.started >= state.serving->intent)) note_other_body(state, *fetch.body);
    }
    const bool any = state.serving && std::any_of(seen.fetches.begin(), seen.fetches.end(), [&](const PolicyFetch& fetch) { return is_served(state, fetch); });
    if (planted(Mistake::one_replica_enough) && any) state.fetch_trouble.clear();
    if (!state.fetch_trouble.empty()) {
        state.clean_since.reset();
        return;
    }
    if (!state.clean_since) state.clean_since = finished;
    if (state.serving && seen.started >= state.serving->intent && asked_all(state, seen)) note_served_everywhere(context, finished);
}

void end_of(Context& context, Task task, const std::optional<Failure>& failure) {
    context.state.under_way.erase(task);
    if (failure)
        context.failed(task, *failure);
    else
        context.state.retries.erase(task);
    // What became of it the next look shows.
    if (task != Task::serve) context.state.observed_at.reset();
    if (task == Task::serve) context.state.fetched_at.reset();
}

void apply(Context& context, const Served& event) {
    auto& serving = context.state.serving;
    if (!event.failure && serving && !serving->generation && event.intent == serving->intent) serving->generation = event.generation;
    end_of(context, Task::serve, event.failure);
}

void apply(Context& context, const TxtWritten& event) { end_of(context, Task::write_txt, event.failure); }
void apply(Context& context, const MxWritten& event) { end_of(context, Task::write_mx, event.failure); }

void serve_from(Context& context, Instant intent) {
    auto& serving = context.state.serving;
    serving->intent = intent;
    if (serving->live) return;
    serving->generation.reset();
    context.state.under_way.erase(Task::serve);
    if (context.may_start(Task::serve)) context.start(Serve{serving->body, serving->intent});
}

// After a clock that was ahead was set back nothing would be tried again, announced, or fetched after the intent to serve, for as long as it was ahead.
void put_right(Context& context) {
    DomainState& state = context.state;
    for (auto& [task, retry] : state.retries) not_later(retry, context.now, longest_pause(context.policy));
    if (!state.serving) return;
    if (state.serving->live) state.serving->live = std::min(*state.serving->live, context.now + context.policy.proxy_margin);
    if (state.serving->intent > context.now) serve_from(context, context.now);
}

// Section 0.1: a wall clock that ran ahead would end waits too early, so everything that a wait counts from moves with it.
void apply(Context& context, const ClockStepped& event) {
    DomainState& state = context.state;
    state.observed_at.reset();
    state.fetched_at.reset();
    if (event.forward <= Duration{0}) return put_right(context);
    const auto later = [&](std::optional<Instant>& at) {
        if (at) *at += event.forward;
    };
    move(state.txt, event.forward);
    move(state.mx, event.forward);
    for (PastBody& past : state.past) {
        later(past.last_served);
        later(past.replaced);
    }
    for (EndpointAddress& address : state.addresses) later(address.gone_since);
    later(state.clean_since);
    if (!state.serving) return;
    // C-38: those who share a record wait for this body for a while that counts from here.
    serve_from(context, state.serving->intent + event.forward);
    later(state.serving->live);
    later(state.serving->complete);
    later(state.serving->bump_intent); // compared with `live`
}

} // namespace

void apply(Context& context, const Event& event) {
    std::visit([&](const auto& each) { apply(context, each); }, event);
}

} // namespace mxseal::rotation::mta_sts
