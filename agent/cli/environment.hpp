// Environment: all that a command needs of the world, handed in by main(), so that tests hand in their own.
#pragma once

#include "agent/cli/arguments.hpp"
#include "agent/cli/console.hpp"
#include "agent/config/config.hpp"
#include "agent/runtime/desk.hpp"
#include "agent/runtime/main_entry.hpp"
#include "base/time.hpp"

#include <functional>
#include <memory>
#include <string>

namespace mxseal::cli {

struct Environment {
    Console& console;
    const Clock& clock;
    bool out_is_terminal = false;
    std::string operator_name{};                      // "who" of requests
    std::string notify_socket{};                      // of systemd; empty: none
    std::function<Result<std::unique_ptr<agent::Desk>>(const agent::Config&)> find_desk{};
    std::function<void(Duration)> pause{};            // between two looks
    // Rows and columns of the terminal that stdout is.
    std::function<std::pair<std::size_t, std::size_t>()> screen_size{};
    // Ends the process at once; what was printed is out.
    std::function<void(int exit_code)> leave{};
    // The runtime: run_agent() and run_apply().
    std::function<Status(const agent::Config&, agent::Signals&, agent::AgentHooks)> run_agent{};
    std::function<Result<agent::ApplySummary>(const agent::Config&, agent::Signals&, agent::AgentHooks)> run_apply{};
};

} // namespace mxseal::cli
