// The part of PolicyKeeper that keeps a TXT record which many domains share (C-38): looked at and written once for all of them.
#include "agent/config/zones.hpp"
#include "agent/domains/policy_document.hpp"
#include "agent/domains/policy_entry.hpp"

#include <algorithm>

#include <fmt/format.h>

namespace mxseal::agent {

using namespace rotation::mta_sts;

namespace {

constexpr const char* kFact = "shared_record/"; // and the name of the record

} // namespace

void PolicyKeeper::join_group(Entry& entry) {
    const std::string target = entry.settings != nullptr && entry.settings->txt_target ? entry.settings->txt_target->text() : entry.settings == nullptr ? entry.shares : std::string();
    if (entry.shares != target) leave_group(entry);
    if (target.empty() || !entry.shares.empty()) return;
    entry.shares = target;
    auto& group = groups_[target];
    if (!group) {
        group = std::make_unique<Group>();
        group->name = target;
        auto stored = store_.get_document("agent", kFact + target);
        auto state = stored.ok() && *stored ? from_shared_document(**stored) : Result<SharedState>(SharedState{});
        // Without what was written down no id may be changed: nobody knows which were used.
        if (!stored.ok() || !state.ok()) group->reason = rotation::because("halt.state", stored.ok() ? state.error().to_string() : stored.error().to_string());
        if (state.ok()) group->state = std::move(*state);
    }
    if (entry.settings != nullptr) group->txt_ttl = entry.settings->txt_ttl;
    group->members.insert(entry.name);
    group->due = time_.now();
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
    auto found = groups_.find(entry.shares);
    if (found == groups_.end() || !entry.state) return;
    Group& group = *found->second;
    const auto& serving = entry.state->serving;
    const bool pending = serving && !serving->live && !entry.state->past.empty() && now < serving->intent + config_.timing.policy_refresh;
    if (entry.shared_wants != decision.wants_shared_id || entry.shared_pending != pending) group.due = now;
    group.wanting = group.wanting - entry.shared_wants + decision.wants_shared_id;
    group.pending = group.pending - entry.shared_pending + pending;
    entry.shared_wants = decision.wants_shared_id;
    entry.shared_pending = pending;
}

Policy PolicyKeeper::terms_of(const Group& group) const {
    const Timing& timing = config_.timing;
    Policy policy;
    policy.domain = group.name;
    policy.manage_txt = may_write(config_, group.name);
    policy.txt_ttl = group.txt_ttl;
    policy.safety_margin = timing.safety_margin;
    policy.resolver_min_ttl = timing.resolver_min_ttl;
    policy.stale_margin = timing.stale_margin;
    policy.anycast_margin = timing.anycast_margin;
    policy.observe_every = timing.observe_every;
    policy.monitor_every = timing.monitor_every;
    return policy;
}

std::string PolicyKeeper::first_pending_of(const Group& group) const {
    for (const std::string& name : group.members)
        if (const Entry* entry = find(name); entry != nullptr && entry->shared_pending)
            return name + (entry->state && !entry->state->fetch_trouble.empty() ? ": " + entry->state->fetch_trouble : "");
    return {};
}

void PolicyKeeper::process(Group& group, const SharedEvent& event) {
    if (group.reason.code == "halt.state") return;
    const Instant now = time_.now();
    Sharers sharers{group.members.size(), group.wanting, group.pending, group.pending > 0 ? first_pending_of(group) : "", group.name};
    const Policy policy = terms_of(group);
    const auto announced = group.state.announced;
    const Json before = to_shared_document(group.state);
    SharedDecision decision;
    if (!std::exchange(group.started, true)) {
        decision = step(group.state, Started{}, now, policy, sharers);
        if (!std::holds_alternative<TimeReached>(event)) decision = step(group.state, event, now, policy, sharers);
    } else {
        decision = step(group.state, event, now, policy, sharers);
    }
    for (const rotation::Note& note : decision.notes) log(group.name, note.event, Json::object(), note.sentence);
    group.reason = decision.reason;
    group.ask = decision.ask ? decision.reason.sentence() : "";
    group.due = decision.wake;
    if (Json after = to_shared_document(group.state); after.dump() != before.dump()) commit_.facts.emplace_back(kFact + group.name, std::move(after));
    if (decision.observe) {
        ++under_way_;
        starts_.push_back([this, name = group.name] { outside_.observe_record(name); });
    }
    if (decision.write) {
        ++under_way_;
        starts_.push_back([this, name = group.name, write = *decision.write] { outside_.write_record(name, write.base, write.target, write.ttl); });
    }
    const bool is_new = group.state.announced && (!announced || announced->intent != group.state.announced->intent);
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

void PolicyKeeper::on(RecordLook& look) {
    auto found = groups_.find(look.name);
    if (found == groups_.end()) return;
    Group& group = *found->second;
    const bool was_complete = group.state.txt.complete.has_value();
    group.last = look.seen;
    process(group, SharedSeenHere{std::move(look.seen)});
    // At rest the record is looked at for all, and nobody need be woken to hear that it is as it was.
    if (group.last.error.empty() && (!was_complete || !group.state.txt.complete)) wake_members(group, true);
}

void PolicyKeeper::on(RecordWritten& written) {
    if (auto found = groups_.find(written.name); found != groups_.end()) process(*found->second, SharedWritten{std::move(written.failure)});
}

} // namespace mxseal::agent
