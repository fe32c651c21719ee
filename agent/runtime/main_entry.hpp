// What the commands need of the runtime: the agent, one `apply`, and a desk without an agent.
#pragma once

#include "agent/config/config.hpp"
#include "agent/runtime/desk.hpp"

#include <atomic>
#include <functional>
#include <memory>

namespace mxseal::agent {

struct Signals {
    std::atomic<bool> stop{false};    // SIGTERM, SIGINT
    std::atomic<bool> reload{false};  // SIGHUP
};

struct AgentHooks {
    // sd_listen_fds(3): descriptors for the embedded endpoint, from 3 on, with their names separated by colons.
    int inherited_sockets = 0;
    std::string inherited_names{};
    // Called once the agent holds the lease and answers; the control API starts here. What it returns lives as long as the agent.
    std::function<Result<std::shared_ptr<void>>(Desk&)> started{};
    // Ends the process at once, without the threads that still wait for a server; called last, after agent.stopped is stored. Empty:
    // they are waited for.
    std::function<void()> leave{};
    // One call a log entry, from any thread.
    std::function<void(const LogEntry&)> logged{};
};

// Runs until signals.stop. `busy`: another agent holds the lease (its words say which).
Status run_agent(const Config& config, Signals& signals, AgentHooks hooks);

struct ApplySummary {
    int failed = 0;      // hosts whose last action failed, or halted
    Json plan;           // as Desk::plan()
};
// Does what is due, stays through the rounds of an observation that is due, stores them, returns. `busy` as above.
Result<ApplySummary> run_apply(const Config& config, Signals& signals, AgentHooks hooks);

// A desk on the store, for when no agent runs. Reading needs no lease; request() takes it, does the request and gives it back; when
// another process (an `apply`) holds it, the request is left in the store and the reply says so.
Result<std::unique_ptr<Desk>> open_desk(const Config& config);

} // namespace mxseal::agent
