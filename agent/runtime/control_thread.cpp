#include "agent/runtime/control_thread.hpp"

#include <algorithm>
#include <future>
#include <memory>

namespace mxseal::agent {

namespace {

constexpr Duration kTurnMax = std::chrono::seconds(1);   // signals and steps of the clock are noticed at least this often
constexpr Duration kCallMax = std::chrono::seconds(20);  // a call from the control API waits no longer

} // namespace

void ControlThread::post(Arrival arrival) {
    {
        std::lock_guard lock(mutex_);
        arrivals_.push_back(std::move(arrival));
    }
    changed_.notify_one();
}

void ControlThread::post(std::function<void(Runtime&)> call) {
    {
        std::lock_guard lock(mutex_);
        if (closed_) return;
        calls_.push_back(std::move(call));
    }
    changed_.notify_one();
}

Status ControlThread::run_on_loop(std::function<void(Runtime&)> call) {
    auto finished = std::make_shared<std::promise<void>>();
    auto future = finished->get_future();
    {
        std::lock_guard lock(mutex_);
        if (closed_) return Error(ErrorCode::busy, "the agent is stopping", Retry::transient());
        calls_.push_back([call = std::move(call), finished](Runtime& runtime) {
            call(runtime);
            finished->set_value();
        });
    }
    changed_.notify_one();
    // A call that is dropped at the end breaks its promise, which ends the wait too.
    if (future.wait_for(kCallMax) != std::future_status::ready) return Error(ErrorCode::busy, "the agent did not answer in time; try again", Retry::transient());
    try {
        future.get();
    } catch (const std::future_error&) {
        return Error(ErrorCode::busy, "the agent is stopping", Retry::transient());
    }
    return done();
}

void ControlThread::turn(Runtime& runtime, const Clock& clock, Duration patience, bool tick) {
    std::deque<Arrival> arrivals;
    std::deque<std::function<void(Runtime&)>> calls;
    {
        std::unique_lock lock(mutex_);
        changed_.wait_for(lock, patience, [this] { return !arrivals_.empty() || !calls_.empty(); });
        arrivals.swap(arrivals_);
        calls.swap(calls_);
    }
    for (const Arrival& arrival : arrivals) runtime.arrived(arrival);
    for (auto& call : calls) call(runtime);
    if (auto due = runtime.next_due(); tick && due && clock.wall() >= *due) runtime.tick();
    if (!tick || guest_ == nullptr) return;
    if (auto due = guest_->next_due(); due && clock.wall() >= *due) guest_->tick();
}

void ControlThread::run(Runtime& runtime, const Clock& clock, const std::function<bool()>& until) {
    while (!until()) {
        Duration patience = kTurnMax;
        if (auto due = runtime.next_due()) patience = std::clamp<Duration>(*due - clock.wall(), Duration{0}, kTurnMax);
        if (auto due = guest_ != nullptr ? guest_->next_due() : std::nullopt) patience = std::min(patience, std::clamp<Duration>(*due - clock.wall(), Duration{0}, kTurnMax));
        turn(runtime, clock, patience, true);
    }
}

void ControlThread::drain(Runtime& runtime, const Clock& clock, Duration limit, const std::function<bool()>& until) {
    const Duration end = clock.boot_time().since_boot + limit;
    while (runtime.under_way() > 0 && clock.boot_time().since_boot < end && !until()) turn(runtime, clock, Duration{100}, false);
}

void ControlThread::close() {
    std::lock_guard lock(mutex_);
    closed_ = true;
    calls_.clear();
}

namespace {

template <class Call>
Result<Json> ask(ControlThread& loop, Call call) {
    auto answer = std::make_shared<std::optional<Result<Json>>>();
    auto ran = loop.run_on_loop([answer, call](Runtime& runtime) { answer->emplace(call(runtime)); });
    if (!ran.ok()) return std::move(ran).error();
    return std::move(**answer);
}

} // namespace

Result<Json> LoopDesk::status() {
    return ask(loop_, [this](Runtime& runtime) -> Result<Json> {
        Json status = runtime.status();
        if (loop_.guest() != nullptr) loop_.guest()->add_to(status);
        status.set("agent", Json::object({{"running", true}}));
        return status;
    });
}

Result<Json> LoopDesk::plan(const std::vector<std::string>& hosts) {
    return ask(loop_, [this, hosts](Runtime& runtime) {
        auto plan = runtime.plan(hosts);
        if (plan.ok() && hosts.empty() && loop_.guest() != nullptr) loop_.guest()->add_plans(*plan);
        return plan;
    });
}

Result<Json> LoopDesk::request(const Json& body) {
    return ask(loop_, [body](Runtime& runtime) { return runtime.request(body); });
}

Result<Json> LoopDesk::log(const LogFilter& filter) {
    auto entries = store_.read_log(filter);
    if (!entries.ok()) return std::move(entries).error();
    return log_to_json(*entries);
}

Json log_to_json(const LogEntry& entry) {
    return Json::object({{"id", entry.id}, {"at", to_rfc3339(entry.at)}, {"host", entry.host}, {"event", entry.event}, {"fields", entry.fields}, {"sentence", entry.sentence}});
}

Json log_to_json(const std::vector<LogEntry>& entries) {
    Json all = Json::array();
    for (const LogEntry& entry : entries) all.push(log_to_json(entry));
    return all;
}

} // namespace mxseal::agent
