// The part of PolicyKeeper that keeps a TXT record which many domains share (C-38): looked at and written once for all of them.
#include "agent/config/zones.hpp"
#include "agent/domains/policy_entry.hpp"

#include <algorithm>

#include <fmt/format.h>

namespace mxseal::agent {

using namespace rotation::mta_sts;

// One that nobody wants any more stays with the record that announces its policy, also after a start: an id of its own would stand nowhere.
std::string PolicyKeeper::target_of(const Entry& entry) {
    if (entry.settings != nullptr) return entry.settings->txt_target ? entry.settings->txt_target->text() : "";
    return entry.shares.empty() && entry.state ? entry.state->shares : entry.shares;
}

void PolicyKeeper::join_group(Entry& entry) {
    const std::string target = target_of(entry);
    if (entry.shares != target) leave_group(entry);
    if (target.empty() || !entry.shares.empty()) return;
    entry.shares = target;
    auto& group = groups_[target];
    if (!group) {
        group = std::make_unique<Group>();
        group->name = target;
        load(*group, time_.now());
    }
    if (entry.settings != nullptr) group->txt_ttl = entry.settings->txt_ttl;
    group->members.insert(entry.name);
    group->due = time_.now();
    // Until it was read and decided on, nobody knows whether the others may go ahead.
    if (entry.stored && !entry.at_rest && !entry.state) count_in_group(entry, false, true);
}

void PolicyKeeper::leave_group(Entry& entry) {
    auto found = groups_.find(std::exchange(entry.shares, {}));
    if (found == groups_.end()) return;
    Group& group = *found->second;
    group.members.erase(entry.name);
    group.wanting -= std::exchange(entry.shared_wants, false);
    group.pending -= std::exchange(entry.shared_pending, false);
    group.due = time_.now();
}

// One that was announced with another body before holds the others up until its body is served everywhere, for a day at most: C-38 asks for all of them, and
// one customer whose name leads nowhere any more must not keep thousands from their policies. Its own waits go on from its own fetches.
void PolicyKeeper::count_in_group(Entry& entry, const Decision& decision, Instant now) {
    const auto& serving = entry.state->serving;
    const bool pending = serving && !serving->live && !entry.state->past.empty() && now < serving->intent + config_.timing.policy_refresh;
    count_in_group(entry, decision.wants_shared_id, pending);
}

void PolicyKeeper::count_in_group(Entry& entry, bool wants, bool pending) {
    auto found = groups_.find(entry.shares);
    if (found == groups_.end()) return;
    Group& group = *found->second;
    if (entry.shared_wants != wants || entry.shared_pending != pending) group.due = time_.now();
    group.wanting = group.wanting - entry.shared_wants + wants;
    group.pending = group.pending - entry.shared_pending + pending;
    entry.shared_wants = wants;
    entry.shared_pending = pending;
}

Policy PolicyKeeper::terms_of(const Group& group) const {
    Policy policy = paces();
    policy.domain = group.name;
    policy.manage_txt = may_write(config_, group.name);
    policy.txt_ttl = group.txt_ttl;
    return policy;
}

std::string PolicyKeeper::first_pending_of(const Group& group) const {
    for (const std::string& name : group.members)
        if (const Entry* entry = find(name); entry != nullptr && entry->shared_pending)
            return name + (entry->state && !entry->state->fetch_trouble.empty() ? ": " + entry->state->fetch_trouble : "");
    return {};
}

SharedDecision PolicyKeeper::decide(Group& group, const SharedEvent& event, Instant now) {
    const Sharers sharers{group.members.size(), group.wanting, group.pending, group.pending > 0 ? first_pending_of(group) : "", group.name};
    const Policy policy = terms_of(group);
    SharedDecision all;
    const auto add = [&](const SharedEvent& each) {
        SharedDecision next = step(group.state, each, now, policy, sharers);
        next.observe = next.observe || all.observe;
        if (!next.write) next.write = all.write;
        next.notes.insert(next.notes.begin(), all.notes.begin(), all.notes.end());
        all = std::move(next);
    };
    if (const auto stepped = group.time->step()) add(ClockStepped{*stepped});
    if (!std::exchange(group.started, true)) add(Started{});
    add(event);
    return all;
}

void PolicyKeeper::process(Group& group, const SharedEvent& event) {
    const Instant now = time_.now();
    if (is_given_up(group)) {
        group.due = group.under_way > 0 ? std::nullopt : flush_again_;
        return;
    }
    if (!load(group, now)) return;
    touched_groups_.insert(&group);
    const auto announced = group.state.announced;
    SharedDecision decision = decide(group, event, now);
    for (const rotation::Note& note : decision.notes) log(group.name, note.event, Json::object(), note.sentence);
    group.reason = decision.reason;
    ask(group, decision.reason, decision.ask ? std::optional(asked_records(group.name, dns::Type::txt, decision.ask->base, decision.ask->target, decision.ask->ttl)) : std::nullopt);
    group.due = decision.wake;
    if (decision.observe) begin(&group, [this, name = group.name] { outside_.observe_record(name); });
    if (decision.write) begin(&group, [this, name = group.name, write = *decision.write] { outside_.write_record(name, write.base, write.target, write.ttl); });
    const bool is_new = group.state.announced && (!announced || announced->id != group.state.announced->id);
    if (is_new) wake_members(group, false);
}

// A new id, or a round over the record: everybody who shares it has to know.
void PolicyKeeper::wake_members(Group& group, bool with_round) {
    const Instant now = time_.now();
    for (const std::string& name : group.members) {
        Entry* entry = find(name);
        if (entry == nullptr) continue;
        if (!with_round) group.wanting -= std::exchange(entry->shared_wants, false); // who still wants one says so again
        entry->tell_shared = entry->tell_shared || with_round;
        set_due(*entry, now);
    }
}

bool PolicyKeeper::is_heard(Group& group) {
    --group.under_way;
    if (group.given_up) group.due = time_.now();
    return !group.given_up;
}

void PolicyKeeper::on(RecordLook& look) {
    auto found = groups_.find(look.name);
    if (found == groups_.end()) return;
    Group& group = *found->second;
    if (!is_heard(group)) return;
    void_if_before_step(look.seen);
    const bool was_complete = group.state.txt.complete.has_value();
    group.last = look.seen;
    process(group, SharedSeenHere{std::move(look.seen)});
    // At rest the record is looked at for all, and nobody need be woken to hear that it is as it was.
    if (group.last.error.empty() && (!was_complete || !group.state.txt.complete)) wake_members(group, true);
}

void PolicyKeeper::on(RecordWritten& written) {
    auto found = groups_.find(written.name);
    if (found != groups_.end() && is_heard(*found->second)) process(*found->second, SharedWritten{std::move(written.failure)});
}

} // namespace mxseal::agent
