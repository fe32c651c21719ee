// Signals as things that one waits for, in place of handlers that would need global state. To be made before any other thread starts,
// for threads inherit the mask.
#pragma once

#include "agent/runtime/main_entry.hpp"
#include "base/time.hpp"

#include <initializer_list>
#include <optional>
#include <thread>

#include <csignal>

namespace mxseal::cli {

// Blocks the signals and hands them out, one a wait(); the old mask comes back at the end.
class HeldSignals {
public:
    explicit HeldSignals(std::initializer_list<int> signals);
    HeldSignals(const HeldSignals&) = delete;
    HeldSignals& operator=(const HeldSignals&) = delete;
    ~HeldSignals();

    std::optional<int> wait(Duration duration);
    int descriptor() const { return descriptor_; }
    std::optional<int> next(); // without waiting

private:
    sigset_t before_{};
    int descriptor_ = -1; // signalfd(2)
};

// Turns SIGTERM, SIGINT and SIGHUP into agent::Signals by a thread of its own.
class SignalWatcher {
public:
    explicit SignalWatcher(agent::Signals& signals);
    SignalWatcher(const SignalWatcher&) = delete;
    SignalWatcher& operator=(const SignalWatcher&) = delete;
    ~SignalWatcher();

private:
    void watch();
    agent::Signals& signals_;
    HeldSignals held_;
    int leave_ = -1; // eventfd(2)
    std::thread thread_;
};

} // namespace mxseal::cli
