#include "rotation/tlsa/plan.hpp"

#include "rotation/tlsa/brought.hpp"
#include "rotation/tlsa/context.hpp"
#include "rotation/tlsa/delays.hpp"
#include "rotation/tlsa/view.hpp"

#include <algorithm>

#include <fmt/format.h>

namespace mxseal::rotation::tlsa {

namespace {

class Planner {
public:
    Planner(const HostState& state, Instant now, const Policy& policy, const Group& group) : state_(state), now_(now), policy_(policy), group_(group) {}

    std::vector<PlannedStep> run(const Reason& now_reason) {
        if (state_.halt || !policy_.dane || !state_.adopted) {
            add(state_.halt ? "go on after the halt" : policy_.dane ? "take the host over" : "end DANE",
                now_reason.empty() ? because("plan.look", "nothing was looked at yet: `mxseal agent`, or `mxseal apply`, begins with that") : now_reason);
            if (!state_.halt && policy_.dane) add_first_steps();
            return std::move(steps_);
        }
        add_publication();
        for (const Line& line : state_.lines) add_line(line);
        return std::move(steps_);
    }

private:
    void add(std::string what, Reason reason) {
        auto earliest = reason.until;
        if (earliest && *earliest < now_) earliest = now_;
        steps_.push_back({std::move(what), earliest, std::move(reason)});
    }

    void add_first_steps() {
        add("publish the current key and a standby in one TLSA RRset",
            because("plan.publish", fmt::format("after {} rounds in which every endpoint shows the current key", kRounds)));
    }

    void add_publication() {
        const auto wanted = wanted_records(state_, policy_);
        for (const Ledger& ledger : state_.ledgers) {
            if (ledger.complete && ledger.complete->records.includes(wanted)) continue;
            add(fmt::format("TLSA RRset of port {} holds {} at every name server", ledger.port, wanted.to_string()),
                because("wait.complete", fmt::format("complete after {} rounds {} apart + anycast_margin {}; {}", kRounds, mxseal::to_string(policy_.observe_every),
                                                     mxseal::to_string(policy_.anycast_margin), incomplete_because(ledger, wanted, now_))));
        }
        if (auto effective = fully_effective(state_, policy_); effective && now_ < *effective->until) add("DANE is fully effective", *effective);
    }

    void add_line(const Line& line) {
        const bool rolling = state_.roll && state_.roll->line == line.algorithm;
        const Roll* roll = rolling ? &*state_.roll : nullptr;
        if (roll != nullptr && roll->intent) return add_rest(*roll);
        const RollRequest* request = nullptr;
        for (const RollRequest& each : state_.requests)
            if (line.current == each.retire) request = &each;
        add_certificates(line);
        add_switch(line, roll, request);
    }

    void add_certificates(const Line& line) {
        std::vector<SpkiHash> keys = line.next;
        if (line.current) keys.insert(keys.begin(), *line.current);
        for (const SpkiHash& spki : keys) {
            const Key* key = find_key(state_, spki);
            if (!policy_.brings_certificates && key->chain && line.current == spki) {
                add(fmt::format("the ACME client renews the certificate of key {}", spki.short_hex()),
                    client_renews(*key));
                continue;
            }
            if (certificate_is_due(*key, policy_, now_)) {
                auto retry = state_.retries.find(Task::certificate);
                add(fmt::format("certificate for key {}", spki.short_hex()),
                    retry != state_.retries.end() ? retry->second.reason : because("wait.certificate", policy_.brings_certificates ? "ordered" : "a renewal hook brings it"));
            } else if (auto due = certificate_due_at(*key, policy_)) {
                add(fmt::format("renew the certificate of key {} (same key, no DNS change)", spki.short_hex()),
                    renewal_due(*key, *due));
            }
        }
    }

    // The latest of all waits of the switch; the others are listed before it.
    void add_switch(const Line& line, const Roll* roll, const RollRequest* request) {
        if (line.next.empty()) return;
        const RollKind kind = roll != nullptr ? roll->kind : request != nullptr ? request->kind : RollKind::planned;
        const auto& to = line.next.front();
        Reason latest = may_serve(state_, to, now_, policy_, urgency_of(kind)).reason;
        add(fmt::format("standby {} may be served", to.short_hex()), latest);
        const bool known = latest.until.has_value();
        if (roll == nullptr && request == nullptr)
            if (auto due = rotation_due(state_, line, policy_)) later(latest, *due);
        if (kind == RollKind::planned && group_.last_switch)
            later(latest, wait_until("wait.stagger", "may be switched from", "last switch in the group", *group_.last_switch, {{"stagger", policy_.stagger}}));
        if (!known) latest.until.reset();
        const auto before = policy_.makes_keys ? fmt::format("add the standby after {}, then ", to.short_hex()) : std::string();
        add(fmt::format("{}switch from key {} to key {} ({})", before, line.current ? line.current->short_hex() : "none", to.short_hex(), to_string(kind)), latest);
        if (latest.until) {
            const Duration hold = kind == RollKind::emergency ? Duration{0} : policy_.rollback_hold;
            add("remove the old key's record", wait_until("wait.cleanup", "at the earliest", "switch", std::max(*latest.until, now_), {{"safety_margin", policy_.safety_margin}, {"rollback_hold", hold}}));
        }
    }

    void add_rest(const Roll& roll) {
        if (roll.back) return add(fmt::format("key {} serves again", roll.from->short_hex()), because("wait.back", "as soon as every endpoint shows it"));
        if (!roll.verified) add(fmt::format("every endpoint shows key {}", roll.to.short_hex()), because("wait.verify", "probed until it does"));
        if (roll.from && !roll.cleanup_intent) add(fmt::format("remove the record of key {}", roll.from->short_hex()), may_remove(roll, policy_));
        if (roll.cleanup_intent) add("the old record is gone from every name server", because("wait.complete", "observed until it is"));
    }

    static void later(Reason& latest, Reason other) {
        if (other.until && (!latest.until || *other.until > *latest.until)) latest = std::move(other);
    }

    const HostState& state_;
    const Instant now_;
    const Policy& policy_;
    const Group& group_;
    std::vector<PlannedStep> steps_;
};

} // namespace

std::vector<PlannedStep> plan(const HostState& state, Instant now, const Policy& policy, const Group& group, const Reason& now_reason) {
    return Planner(state, now, policy, group).run(now_reason);
}

} // namespace mxseal::rotation::tlsa
