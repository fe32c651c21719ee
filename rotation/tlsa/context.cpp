#include "rotation/tlsa/context.hpp"

#include <algorithm>

namespace mxseal::rotation::tlsa {

bool Context::may_start(Task task) {
    if (!idle(task)) return false;
    auto retry = state.retries.find(task);
    if (retry == state.retries.end() || now >= retry->second.next) return true;
    wake_at(retry->second.next);
    return false;
}

void Context::start(Action action) {
    state.under_way.insert(task_of(action));
    out.actions.push_back(std::move(action));
}

void Context::wake_at(Instant at) {
    // An instant that is over and did not let the step go on: something else has to come first, and brings its own wake or event.
    if (at <= now) return;
    if (!out.wake || at < *out.wake) out.wake = at;
}

void Context::waits(Reason reason) {
    if (reason.until) wake_at(*reason.until);
    if (out.reason.empty()) out.reason = std::move(reason);
}

void Context::note(std::string event, std::vector<std::pair<std::string, std::string>> fields, std::string sentence) {
    out.notes.push_back({std::move(event), std::move(fields), std::move(sentence)});
}

void Context::failed(Task task, const Failure& failure) {
    Retry& retry = state.retries[task];
    out.notes.push_back(count_failure(retry, failure, to_string(task), now, policy.observe_every, longest_pause(policy)));
    wake_at(retry.next);
}

const Bytes& leaf_digest(const Chain& chain) { return chain.certificates.front().certificate_sha256; }

std::vector<SpkiHash> served_keys(const HostState& state) {
    std::vector<SpkiHash> keys;
    for (const Line& line : state.lines)
        if (line.current) keys.push_back(*line.current);
    return keys;
}

} // namespace mxseal::rotation::tlsa
