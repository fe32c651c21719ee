// The body first, then its id (RFC 8461 section 8.1; C-28), and the end of both (C-36).
#include "rotation/mta_sts/context.hpp"
#include "rotation/mta_sts/record.hpp"

#include "rotation/planted.hpp"

#include <algorithm>

#include <fmt/format.h>

namespace mxseal::rotation::mta_sts {

namespace {

bool writes_txt(const Policy& policy) { return policy.manage_txt && policy.txt_target.empty(); }

const Values* txt_base(const Context& context) { return txt_base(context.state.txt, writes_txt(context.policy)); }

// Of several records one stays: which, where mxseal may not replace it.
std::string one_record_advice(const Context& context) {
    const auto& serving = context.state.serving;
    if (writes_txt(context.policy)) return "remove all but one; mxseal replaces that one";
    if (!serving || !serving->id || serving->disturbed) return "remove all but one; mxseal goes on when it sees it";
    return fmt::format("remove all but \"{}\"; mxseal goes on when it sees it", record_of(*serving->id));
}

bool txt_refuses(Context& context) {
    const RrsetLedger& txt = context.state.txt;
    const Values* base = txt_base(context);
    if (!context.around.clock_trouble.empty()) return context.waits(because("wait.clock", context.around.clock_trouble)), true;
    if (base == nullptr && !writes_txt(context.policy))
        return context.waits(because("wait.look", fmt::format("no name server says what stands at _mta-sts.{}", context.policy.domain))), true;
    if (base == nullptr)
        return context.waits(because("wait.primary", fmt::format("the server that _mta-sts.{} is written to cannot be read: {}", context.policy.domain,
                                                                 txt.primary_error.empty() ? "not asked yet" : txt.primary_error))),
               true;
    // RFC 8461 section 3.1 (C-03): senders see no policy at all, and whose record is whose nobody can tell.
    if (sts_records(*base) > 1)
        return context.waits(because("halt.two_records", fmt::format("_mta-sts.{} has {} records that begin with v=STSv1, and senders ignore them all", context.policy.domain, sts_records(*base)), one_record_advice(context))),
               true;
    return false;
}

// What stands at the name that nobody asked for: an id that was seen first after ours was made, or a record that senders cannot read.
std::string unasked_record(const DomainState& state, const Values& stands) {
    const auto place = [&](const std::string& id) { return std::find(state.ids.begin(), state.ids.end(), id); };
    for (const std::string& value : stands) {
        if (!value.starts_with("v=STSv1")) continue;
        const auto id = id_of(value);
        if (!id) return fmt::format("'{}', which senders cannot read", escape_untrusted(value, 120));
        if (state.serving && state.serving->id && *id != *state.serving->id && place(*id) > place(*state.serving->id)) return fmt::format("id {}, which mxseal did not ask for", *id);
    }
    return {};
}

// The operator is asked, unless some name server shows that it was done: then the others are waited for.
void ask_for_txt(Context& context, const WriteTxt& write, const std::string& record) {
    const auto& servers = context.state.txt.servers;
    if (std::any_of(servers.begin(), servers.end(), [&](const RrsetServer& server) { return server.values == write.target && !server.silent_since; })) return;
    context.out.ask_txt = write;
    const std::string unasked = record.empty() ? "" : unasked_record(context.state, write.base);
    const std::string why = unasked.empty() ? fmt::format("mxseal may not write _mta-sts.{}, which can be changed now", context.policy.domain) : fmt::format("_mta-sts.{} has {}", context.policy.domain, unasked);
    const std::string what = record.empty() ? "remove the record that begins with v=STSv1" : fmt::format("set the TXT record \"{}\" there, and no other that begins with v=STSv1", record);
    context.waits(because("wait.operator", why, what + "; mxseal goes on when it sees it"));
}

void write_txt(Context& context, const std::string& record) {
    RrsetLedger& txt = context.state.txt;
    const Values base = *txt_base(context);
    const Values target = with_record(base, record);
    if (target == base) return;
    const WriteTxt write{base, target, context.policy.txt_ttl};
    if (!context.policy.txt_target.empty()) {
        // The record is that of others too: this domain leaves it by its own alias.
        context.out.ask_txt = write;
        return context.waits(because("wait.operator", fmt::format("_mta-sts.{} can be taken away now", context.policy.domain), fmt::format("remove the CNAME _mta-sts.{}; mxseal goes on when it sees it", context.policy.domain)));
    }
    if (context.policy.manage_txt) {
        note_intended(txt, target, context.policy.txt_ttl, context.now);
        return context.start(write);
    }
    ask_for_txt(context, write, record);
}

// A write is made by looks of this moment; an operator is slower than any, and is not told and untold while the next look is made.
bool may_change_txt(Context& context) {
    if (txt_refuses(context) || !context.may_start(Task::write_txt)) return false;
    return writes_txt(context.policy) ? looked_just_now(context) : looked_lately(context);
}

// C-38: who leaves has taken the alias away. No sender is told of `mode: none` any more, and what they hold runs out by itself (C-36).
bool is_taken_away(Context& context) {
    if (context.state.txt.complete && sts_records(context.state.txt.complete->values) == 0) return true;
    context.waits(because("wait.withdrawn", fmt::format("waits until no name server answers with the alias _mta-sts.{}: {}", context.policy.domain, incomplete_because(context.state.txt, {}))));
    return false;
}

// C-38: the id is that of all who share the record. It announces this body when it was chosen after every address served it; told by the id itself, since
// the instants of two states move apart when the clock is put right.
bool keep_shared(Context& context) {
    DomainState& state = context.state;
    Serving& serving = *state.serving;
    const Policy& policy = context.policy;
    const auto& shared = context.around.shared;
    state.shares = policy.txt_target;
    if (shared && !serving.outdated) {
        serving.outdated = *shared;
        serving.disturbed = serving.id.has_value();
    }
    if (shared && shared != serving.outdated && shared != serving.id) {
        serving.id = *shared;
        serving.bump_intent = context.now;
        serving.complete.reset();
        serving.disturbed = false;
        context.note("policy.id", {{"id", *shared}, {"live_at", to_rfc3339(*serving.live)}},
                     fmt::format("{} announces the policy, mode {}, with id {}; its body is live since {}", policy.txt_target, to_string(serving.body.mode), *shared, to_rfc3339(*serving.live)));
    }
    const bool announced = serving.id && !serving.disturbed;
    context.out.wants_shared_id = !announced;
    if (state.observed_at && state.txt_alias != policy.txt_target && policy.mode == Mode::none) return is_taken_away(context);
    if (state.observed_at && state.txt_alias != policy.txt_target) {
        const std::string what = state.txt_alias ? fmt::format("an alias of {}", *state.txt_alias) : "no alias";
        context.waits(because("wait.delegation", fmt::format("_mta-sts.{} is {}, so senders see no policy of this endpoint's", policy.domain, what),
                              fmt::format("set _mta-sts.{} CNAME {}", policy.domain, policy.txt_target)));
        serving.complete.reset();
        return false;
    }
    if (!announced) {
        context.waits(because("wait.shared", fmt::format("{} gets a new id once the policies of all domains that share it are served everywhere", policy.txt_target)));
        return false;
    }
    if (serving.complete) return true;
    context.waits(because("wait.id", fmt::format("waits until every name server answers with id {}: {}", *serving.id, incomplete_because(state.txt, {record_of(*serving.id)}))));
    return false;
}

void bump(Context& context) {
    Serving& serving = *context.state.serving;
    serving.id = new_id(context.now, serving.body.text(), context.state.ids);
    if (planted(Mistake::id_used_again)) serving.id = new_id(Instant{}, serving.body.text(), {});
    serving.bump_intent = context.now;
    serving.complete.reset();
    serving.disturbed = false;
    context.state.ids.push_back(*serving.id);
    context.note("policy.id", {{"id", *serving.id}, {"live_at", to_rfc3339(*serving.live)}},
                 fmt::format("{} the policy, mode {}, with id {}; its body is live since {}", context.policy.manage_txt ? "announces" : "the operator may announce", to_string(serving.body.mode), *serving.id,
                             to_rfc3339(*serving.live)));
    write_txt(context, record_of(*serving.id));
}

} // namespace

void serve(Context& context, PolicyBody body) {
    DomainState& state = context.state;
    if (state.serving) {
        std::erase_if(state.past, [&](const PastBody& past) { return past.body == state.serving->body; });
        state.past.push_back({state.serving->body, std::nullopt, std::nullopt});
    }
    std::erase_if(state.past, [&](const PastBody& past) { return past.body == body; });
    context.note("policy.serve", {{"mode", std::string(to_string(body.mode))}, {"max_age", std::to_string(body.max_age.count())}},
                 fmt::format("the endpoint is to serve a policy of mode {}, max_age {}", to_string(body.mode), mxseal::to_string(Duration{body.max_age})));
    state.serving = Serving{std::move(body), context.now, std::nullopt, std::nullopt, std::nullopt, std::nullopt, std::nullopt, false};
    state.withdrawn.reset();
    state.retries.erase(Task::serve);
    context.start(Serve{state.serving->body, context.now});
}

bool keep_announced(Context& context) {
    DomainState& state = context.state;
    Serving& serving = *state.serving;
    if (!serving.live && !planted(Mistake::id_before_body)) {
        const bool failed = state.retries.contains(Task::serve);
        if (failed && context.may_start(Task::serve)) context.start(Serve{serving.body, serving.intent});
        context.waits(failed ? state.retries.at(Task::serve).reason
                             : because("wait.body", "waits until every address of the endpoint serves the policy" + (state.fetch_trouble.empty() ? "" : ": " + state.fetch_trouble)));
        return false;
    }
    if (!context.policy.txt_target.empty()) {
        if (context.now >= *serving.live) return keep_shared(context);
        context.waits(wait_until("wait.proxy", "the id follows from", "served everywhere at", *serving.live - context.policy.proxy_margin, {{"proxy_margin", context.policy.proxy_margin}}));
        return false;
    }
    const bool announced = serving.id && !serving.disturbed;
    if (announced) {
        const Values* base = txt_base(context);
        const Values wanted = base != nullptr ? with_record(*base, record_of(*serving.id)) : Values{};
        const bool elsewhere = base != nullptr && wanted != *base;
        if (elsewhere && may_change_txt(context)) write_txt(context, record_of(*serving.id));
        if (serving.complete) return true;
        context.waits(because("wait.id", fmt::format("waits until every name server answers with id {}: {}", *serving.id,
                                                     incomplete_because(state.txt, wanted))));
        return false;
    }
    if (planted(Mistake::id_before_body)) serving.live = context.now;
    if (context.now < *serving.live) {
        context.waits(wait_until("wait.proxy", "the id follows from", "served everywhere at", *serving.live - context.policy.proxy_margin, {{"proxy_margin", context.policy.proxy_margin}}));
        return false;
    }
    const bool hasty = planted(Mistake::id_before_body) || planted(Mistake::one_replica_enough);
    // D-04: reports come before the first policy, so that nothing it does goes unheard.
    if (!serving.id && state.past.empty() && !context.around.reports_trouble.empty()) {
        context.waits(because("wait.reports", context.around.reports_trouble));
        return false;
    }
    if (txt_refuses(context) || !context.may_start(Task::write_txt) || (!hasty && !looked_just_now(context))) return false;
    bump(context);
    return false;
}

void withdraw(Context& context) {
    DomainState& state = context.state;
    if (!state.withdrawn) {
        const Admission end = may_withdraw(state, context.now, context.policy);
        if (!end.allowed) return context.waits(end.reason);
        if (txt_refuses(context) || !looked_just_now(context)) return;
        state.withdrawn = context.now;
        context.note("policy.withdrawn", {}, fmt::format("no sender holds a policy of {} any more: its TXT record goes", context.policy.domain));
    }
    const RrsetLedger& txt = state.txt;
    const Values* base = txt_base(context);
    if (base != nullptr && sts_records(*base) > 0) {
        if (may_change_txt(context)) write_txt(context, "");
        return context.waits(because("wait.withdrawn", "the TXT record goes: " + incomplete_because(txt, with_record(*base, ""))));
    }
    if (!txt.complete || sts_records(txt.complete->values) > 0)
        return context.waits(because("wait.withdrawn", "waits until no name server answers with the TXT record: " + incomplete_because(txt, base != nullptr ? *base : Values{})));
    const Reason wait = wait_until("wait.withdrawn", "the endpoint stops to serve the policy at", "TXT record gone at", txt.complete->at,
                                   {{"TTL", effective_ttl(txt, context.now, context.policy)}, {"safety_margin", context.policy.safety_margin}, {"stale_margin", context.policy.stale_margin}});
    if (context.now < *wait.until) return context.waits(wait);
    context.note("policy.ended", {}, fmt::format("MTA-STS of {} has ended: nothing is served any more", context.policy.domain));
    state.serving.reset();
    state.past.clear();
    state.withdrawn.reset();
    state.clean_since.reset();
    state.under_way.erase(Task::serve);
    context.start(Serve{std::nullopt, context.now});
}

} // namespace mxseal::rotation::mta_sts
