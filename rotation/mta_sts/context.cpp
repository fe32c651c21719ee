#include "rotation/mta_sts/context.hpp"

#include <algorithm>

namespace mxseal::rotation::mta_sts {

std::string_view to_string(Task task) {
    switch (task) {
    case Task::observe: return "observe";
    case Task::fetch: return "fetch";
    case Task::serve: return "serve";
    case Task::write_txt: return "write_txt";
    case Task::write_mx: return "write_mx";
    }
    return "observe";
}

Task task_of(const Action& action) {
    constexpr Task kTasks[] = {Task::observe, Task::fetch, Task::serve, Task::write_txt, Task::write_mx}; // in the order of Action
    return kTasks[action.index()];
}

bool Context::may_start(Task task) {
    if (state.under_way.contains(task)) return false;
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

} // namespace mxseal::rotation::mta_sts
