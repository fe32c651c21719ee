#include "rotation/decision.hpp"

#include <algorithm>

namespace mxseal::rotation {

Note count_failure(Retry& retry, const Failure& failure, std::string_view task, Instant now, Duration shortest, Duration longest) {
    ++retry.failures;
    Duration delay = shortest * (1LL << std::min(retry.failures - 1, 12));
    if (failure.permanent || delay > longest) delay = longest;
    if (failure.retry_after) delay = *failure.retry_after;
    retry.next = now + delay;
    retry.reason = because("retry." + std::string(task), failure.sentence);
    retry.reason.advice = "tried again at " + to_rfc3339(retry.next);
    return {"action.failed", {{"task", std::string(task)}, {"failures", std::to_string(retry.failures)}, {"retry_at", to_rfc3339(retry.next)}}, retry.reason.sentence()};
}

void not_later(Retry& retry, Instant now, Duration longest) {
    if (retry.next <= now + longest) return;
    retry.next = now + longest;
    retry.reason.advice = "tried again at " + to_rfc3339(retry.next);
}

} // namespace mxseal::rotation
