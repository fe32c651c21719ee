// ControlThread: the loop around Runtime: arrivals from workers and calls from the control API come in by a queue, time by waiting.
#pragma once

#include "agent/runtime/desk.hpp"
#include "agent/runtime/loop_guest.hpp"
#include "agent/runtime/main_entry.hpp"
#include "agent/runtime/runtime.hpp"

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>

namespace mxseal::agent {

class ControlThread {
public:
    // Any thread.
    void post(Arrival arrival);
    // Runs `call` on the loop, some time.
    void post(std::function<void(Runtime&)> call);
    // Runs `call` on the loop and waits for it; `busy` when the agent is stopping or being set up anew for too long.
    Status run_on_loop(std::function<void(Runtime&)> call);

    // Driven beside Runtime from now on; null: nobody. Not while the loop runs.
    void set_guest(LoopGuest* guest) { guest_ = guest; }
    LoopGuest* guest() const { return guest_; }
    // Until `until` says so (looked at after each turn). Arrivals and calls are handled in order.
    void run(Runtime& runtime, const Clock& clock, const std::function<bool()>& until);
    // Handles arrivals until no action is under way or `until` says so, at most `limit`.
    void drain(Runtime& runtime, const Clock& clock, Duration limit, const std::function<bool()>& until = [] { return false; });
    // Whoever waits in run_on_loop, now and later, is told that the agent stops.
    void close();

private:
    void turn(Runtime& runtime, const Clock& clock, Duration patience, bool tick);

    std::mutex mutex_;
    std::condition_variable changed_;
    std::deque<Arrival> arrivals_;
    std::deque<std::function<void(Runtime&)>> calls_;
    bool closed_ = false;
    LoopGuest* guest_ = nullptr;
};

// The desk of a running agent.
class LoopDesk final : public Desk {
public:
    LoopDesk(ControlThread& loop, Store& store) : loop_(loop), store_(store) {}
    Result<Json> status() override;
    Result<Json> plan(const std::vector<std::string>& hosts) override;
    Result<Json> request(const Json& body) override;
    Result<Json> log(const LogFilter& filter) override;

private:
    ControlThread& loop_;
    Store& store_;
};

Json log_to_json(const std::vector<LogEntry>& entries);
Json log_to_json(const LogEntry& entry);

} // namespace mxseal::agent
