#include "rotation/mta_sts/shared.hpp"

#include "rotation/mta_sts/record.hpp"
#include "rotation/planted.hpp"

#include <algorithm>

#include <fmt/format.h>

namespace mxseal::rotation::mta_sts {

namespace {

// Our choice: who is served a moment later shares the next id with others. Five minutes at the usual pace, seconds in a lab.
constexpr int kLooksApart = 5;
constexpr Duration kApartMost = std::chrono::minutes(5);

Duration ids_apart(const Policy& policy) { return std::min(kLooksApart * policy.observe_every, kApartMost); }

class SharedStep {
public:
    SharedStep(SharedState& state, Instant now, const Policy& policy, const Sharers& sharers) : state_(state), now_(now), policy_(policy), sharers_(sharers) {}

    SharedDecision run(const SharedEvent& event) {
        std::visit([&](const auto& each) { apply(each); }, event);
        // It moved with a clock that ran ahead and was put right: the next id does not wait for as long as that.
        if (state_.announced) state_.announced->intent = std::min(state_.announced->intent, now_);
        forget_expired(state_.txt, now_, policy_);
        look();
        keep_announced();
        return std::move(out_);
    }

private:
    void apply(const Started&) {
        state_.under_way.clear();
        state_.observed_at.reset();
        state_.txt.rounds.reset();
    }
    void apply(const TimeReached&) {}
    void apply(const SharedSeenHere& event) {
        state_.under_way.erase(Task::observe);
        state_.observe_trouble = event.round.error;
        state_.observed_at = std::min(event.round.started, now_);
        if (!event.round.error.empty()) return;
        remember_ids(state_.ids, event.round.rrset);
        note_round(state_.txt, event.round.rrset, std::min(event.round.finished, now_), policy_);
    }
    void apply(const SharedWritten& event) {
        state_.under_way.erase(Task::write_txt);
        state_.observed_at.reset();
        if (!event.failure) {
            state_.retries.erase(Task::write_txt);
            return;
        }
        Retry& retry = state_.retries[Task::write_txt];
        out_.notes.push_back(count_failure(retry, *event.failure, to_string(Task::write_txt), now_, policy_.observe_every, longest_pause(policy_)));
        wake_at(retry.next);
    }
    void apply(const ClockStepped& event) {
        state_.observed_at.reset();
        if (event.forward <= Duration{0}) {
            for (auto& [task, retry] : state_.retries) not_later(retry, now_, longest_pause(policy_));
            return;
        }
        move(state_.txt, event.forward);
        if (state_.announced) state_.announced->intent += event.forward;
    }

    void wake_at(Instant at) {
        if (at > now_ && (!out_.wake || at < *out_.wake)) out_.wake = at;
    }
    void waits(Reason reason) {
        if (reason.until) wake_at(*reason.until);
        if (out_.reason.empty()) out_.reason = std::move(reason);
    }
    bool may_start(Task task) {
        if (state_.under_way.contains(task)) return false;
        auto retry = state_.retries.find(task);
        if (retry == state_.retries.end() || now_ >= retry->second.next) return true;
        wake_at(retry->second.next);
        return false;
    }

    void look() {
        if (sharers_.all == 0) return;
        const Duration pace = state_.txt.complete && sharers_.wanting == 0 && sharers_.pending == 0 ? policy_.monitor_every : policy_.observe_every;
        const Instant due = state_.observed_at ? *state_.observed_at + pace : now_;
        if (now_ < due) return wake_at(due);
        observe();
    }
    void observe() {
        if (!may_start(Task::observe)) return;
        state_.under_way.insert(Task::observe);
        out_.observe = true;
    }
    bool looked_just_now() {
        const bool fresh = state_.observed_at && now_ < *state_.observed_at + std::max<Duration>(policy_.observe_every, std::chrono::seconds(2)) && state_.observe_trouble.empty();
        if (!fresh) observe();
        return fresh;
    }
    void keep_announced() {
        if (sharers_.all == 0 || (sharers_.wanting == 0 && !state_.announced)) return;
        const Values* stands = txt_base(state_.txt, policy_.manage_txt);
        if (stands == nullptr)
            return waits(because("wait.primary", fmt::format("the server that {} is written to cannot be read: {}", policy_.domain, state_.txt.primary_error.empty() ? state_.observe_trouble.empty() ? "not asked yet" : state_.observe_trouble : state_.txt.primary_error)));
        if (sts_records(*stands) > 1)
            return waits(because("halt.two_records", fmt::format("{} has more than one record that begins with v=STSv1", policy_.domain), policy_.manage_txt ? "remove all but one; mxseal replaces that one" : "remove all but one; mxseal goes on when it sees it"));
        if (sharers_.wanting > 0 && !bump()) return;
        if (!state_.announced) return;
        const Values target = with_record(*stands, record_of(state_.announced->id));
        if (target != *stands && looked_just_now()) write(*stands, target);
        if (!state_.txt.complete || state_.txt.complete->values != target)
            waits(because("wait.id", fmt::format("waits until every name server answers with id {}: {}", state_.announced->id, incomplete_because(state_.txt, target))));
    }

    // True: the id that stands, or one that was chosen now, is to be kept there.
    bool bump() {
        if (sharers_.pending > 0 && !planted(Mistake::shared_id_before_last_body)) {
            waits(because("wait.shared", fmt::format("{} gets a new id once the policies of {} more domains are served everywhere: {}", policy_.domain, sharers_.pending, sharers_.first_pending)));
            return true;
        }
        if (state_.under_way.contains(Task::write_txt) || !may_start(Task::write_txt)) return true;
        if (state_.announced && now_ < state_.announced->intent + ids_apart(policy_)) {
            waits(wait_until("wait.shared", fmt::format("{} may get its next id at", policy_.domain), "last id written at", state_.announced->intent, {{"ids_apart", ids_apart(policy_)}}));
            return true;
        }
        if (!looked_just_now()) return false;
        state_.announced = SharedId{new_id(now_, sharers_.salt, state_.ids), now_};
        state_.ids.push_back(state_.announced->id);
        out_.notes.push_back({"policy.shared_id", {{"id", state_.announced->id}, {"domains", std::to_string(sharers_.wanting)}},
                              fmt::format("{} announces the policies of {} domains with id {}; all {} that share it are served everywhere", policy_.domain, sharers_.wanting, state_.announced->id, sharers_.all)});
        return true;
    }

    void write(const Values& stands, const Values& target) {
        const WriteTxt change{stands, target, policy_.txt_ttl};
        if (!policy_.manage_txt) {
            out_.ask = change;
            return waits(because("wait.operator", fmt::format("mxseal may not write {}, which can be changed now", policy_.domain),
                                 fmt::format("set the TXT record \"{}\" there; mxseal goes on when it sees it", record_of(state_.announced->id))));
        }
        if (!may_start(Task::write_txt)) return;
        note_intended(state_.txt, target, policy_.txt_ttl, now_);
        state_.under_way.insert(Task::write_txt);
        out_.write = change;
    }

    SharedState& state_;
    Instant now_;
    const Policy& policy_;
    const Sharers& sharers_;
    SharedDecision out_;
};

} // namespace

SharedDecision step(SharedState& state, const SharedEvent& event, Instant now, const Policy& policy, const Sharers& sharers) { return SharedStep(state, now, policy, sharers).run(event); }

} // namespace mxseal::rotation::mta_sts
