#include "rotation/mta_sts/site.hpp"

#include "base/bytes.hpp"

#include <algorithm>

namespace mxseal::rotation::mta_sts {

namespace {

using std::chrono::hours;
using std::chrono::minutes;

// Our choice: soon after a slip, rarely where a customer's CNAME is missing for weeks. A CA that names a time is waited for longer.
constexpr Duration kFirstRetry = minutes(1), kLongestRetry = hours(24), kSuspendedRetry = hours(7 * 24);
constexpr unsigned kDoublingsMax = 11; // 1 min * 2^11 is above kLongestRetry
constexpr unsigned kSuspendedAfter = kDoublingsMax + 5; // E-24: five failed days
// A name that leads nowhere costs one question: asked each hour for five days, then each day.
constexpr Duration kLongestLook = hours(1), kSuspendedLook = hours(24);
constexpr unsigned kLooksSuspendedAfter = 6 + 5 * 24;
constexpr Duration kFetchPatience = minutes(15);    // C-27
constexpr Duration kCriticalBefore = hours(48);     // C-27

Duration lifetime_of(const SiteState& state) { return std::max<Duration>(*state.not_after - *state.not_before, Duration{1}); }

// C-27: 48 h before the end, for a short-lived certificate a quarter of its lifetime.
Instant critical_from(const SiteState& state) { return *state.not_after - std::min(kCriticalBefore, lifetime_of(state) / 4); }
Instant warning_from(const SiteState& state) { return *state.not_after - lifetime_of(state) / 3; }

Duration part_of(Duration window, double share) { return Duration(static_cast<std::int64_t>(static_cast<double>(window.count()) * share)); }

bool is_suspended(unsigned failures, bool was_asked) { return failures > (was_asked ? kSuspendedAfter : kLooksSuspendedAfter); }

Duration retry_after(unsigned failures, bool was_asked) {
    if (is_suspended(failures, was_asked)) return was_asked ? kSuspendedRetry : kSuspendedLook;
    return std::min(was_asked ? kLongestRetry : kLongestLook, kFirstRetry * (std::int64_t{1} << std::min(failures - 1, kDoublingsMax)));
}

std::optional<Instant> order_due(const SiteState& state, const SitePolicy& policy, Instant now) {
    if (state.ordering) return std::nullopt;
    auto due = renewal_of(state, policy).value_or(now);
    return state.again ? std::max(due, *state.again) : due;
}

class Step {
public:
    Step(SiteState& state, Instant now, const SitePolicy& policy) : state_(state), now_(now), policy_(policy) {}

    void operator()(const SiteTimeReached&) {}

    void operator()(const CertificateIssued& issued) {
        if (!state_.ordering && state_.not_after == issued.not_after) return; // told twice
        state_.not_before = issued.not_before;
        state_.not_after = issued.not_after;
        state_.ordering = false;
        state_.failures = 0;
        state_.again.reset();
        state_.trouble.clear();
        decision_.store = true;
        note("site.certificate", "a new certificate is there until " + to_rfc3339(issued.not_after));
    }

    void operator()(const OrderFailed& failed) {
        if (!state_.ordering) return;
        state_.ordering = false;
        ++state_.failures;
        state_.trouble = failed.failure.sentence;
        // E-07: never before the CA allows it.
        state_.again = now_ + std::max(retry_after(state_.failures, failed.was_asked), failed.failure.retry_after.value_or(Duration{0}));
        decision_.store = true;
        const std::string suspended = is_suspended(state_.failures, failed.was_asked) ? "; its orders are suspended" : "";
        note("site.order_failed", (failed.was_asked ? "no certificate came: " : "no certificate is ordered: ") + state_.trouble + suspended + "; tried again at " + to_rfc3339(*state_.again));
    }

    void operator()(const SiteServed&) { state_.served = true; }

    void operator()(const SiteWithdrawn&) {
        state_.served = false;
        state_.failing_since.reset();
        state_.fetched_at.reset();
        state_.fetch_trouble.clear();
    }

    void operator()(const PolicyFetched&) {
        if (!state_.served) return;
        state_.fetched_at = now_;
        state_.failing_since.reset();
        state_.fetch_trouble.clear();
    }

    void operator()(const PolicyFetchFailed& failed) {
        if (!state_.served) return;
        if (!state_.failing_since) {
            state_.failing_since = now_;
            note("site.fetch_failed", "the policy could not be fetched as a sender does: " + failed.sentence);
        }
        state_.fetch_trouble = failed.sentence;
    }

    SiteDecision finish() && {
        order_if_due();
        tell_alarm();
        decision_.wake = wake();
        return std::move(decision_);
    }

private:
    void note(std::string event, std::string sentence) { decision_.notes.push_back({std::move(event), {}, std::move(sentence)}); }

    void order_if_due() {
        const auto due = order_due(state_, policy_, now_);
        if (!due || now_ < *due) return;
        state_.ordering = true;
        decision_.order = true;
    }

    void tell_alarm() {
        const SiteAlarm alarm = alarm_of(state_, now_);
        if (alarm == state_.alarm) return;
        if (alarm == SiteAlarm::none) note("site.recovered", "certificate and policy are sound again");
        else note("site.alarm", std::string(to_string(alarm)) + ": " + reason_of(state_, now_, policy_).sentence());
        state_.alarm = alarm;
    }

    // The next instant at which something begins, or an alarm may change.
    std::optional<Instant> wake() const {
        std::optional<Instant> next;
        const auto consider = [&](std::optional<Instant> at) {
            if (at && (!next || *at < *next)) next = at;
        };
        consider(order_due(state_, policy_, now_));
        const auto later = [&](Instant at) { consider(at > now_ ? std::optional(at) : std::nullopt); };
        if (state_.not_after) {
            later(warning_from(state_));
            later(critical_from(state_));
        }
        if (state_.failing_since) later(*state_.failing_since + kFetchPatience + Duration{1});
        return next;
    }

    SiteState& state_;
    const Instant now_;
    const SitePolicy& policy_;
    SiteDecision decision_;
};

} // namespace

std::string_view to_string(SiteAlarm alarm) {
    switch (alarm) {
    case SiteAlarm::none: return "none";
    case SiteAlarm::warning: return "warning";
    case SiteAlarm::critical: return "critical";
    }
    return "none";
}

double spread_of(std::string_view domain) {
    const auto digest = sha256(view_of(domain));
    return static_cast<double>(digest[0] << 16 | digest[1] << 8 | digest[2]) / static_cast<double>(1 << 24);
}

SiteDecision step(SiteState& state, const SiteEvent& event, Instant now, const SitePolicy& policy) {
    Step step(state, now, policy);
    std::visit(step, event);
    return std::move(step).finish();
}

std::optional<Instant> renewal_of(const SiteState& state, const SitePolicy& policy) {
    if (!state.not_before || !state.not_after) return std::nullopt;
    const Duration lifetime = lifetime_of(state);
    return *state.not_before + lifetime * 2 / 3 - lifetime / 24 - part_of(lifetime / 8, policy.spread);
}

SiteAlarm alarm_of(const SiteState& state, Instant now) {
    if (state.not_after && now >= critical_from(state)) return SiteAlarm::critical;
    if (state.not_after && now >= warning_from(state)) return SiteAlarm::warning;
    if (state.failing_since && now - *state.failing_since > kFetchPatience) return SiteAlarm::warning;
    return SiteAlarm::none;
}

Reason reason_of(const SiteState& state, Instant now, const SitePolicy& policy) {
    const bool renewal_is_late = state.not_after && now >= warning_from(state);
    if (state.failures > 0) {
        const std::string end = state.not_after ? ", the one there ends at " + to_rfc3339(*state.not_after) : std::string();
        Reason reason = because("wait.order", "there is no new certificate" + end + ": " + state.trouble, state.ordering ? "an order is under way again" : "");
        reason.until = state.ordering ? std::nullopt : state.again;
        return reason;
    }
    if (renewal_is_late) return because("alarm.certificate", "the certificate ends at " + to_rfc3339(*state.not_after) + " and its renewal is late", "see the log for the last order");
    if (state.failing_since)
        return because("alarm.fetch", "the policy cannot be fetched since " + to_rfc3339(*state.failing_since) + ": " + state.fetch_trouble, "look whether mta-sts.<domain> leads to this endpoint");
    if (!state.not_after) return because("wait.certificate", state.ordering ? "a certificate is being ordered" : "a certificate is to be ordered");
    Reason reason = because("plan.renewal", "the certificate holds until " + to_rfc3339(*state.not_after) + " and is renewed from " + to_rfc3339(*renewal_of(state, policy)));
    return reason;
}

} // namespace mxseal::rotation::mta_sts
