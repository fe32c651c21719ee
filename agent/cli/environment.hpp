// Environment: all that a command needs of the world, handed in by main(), so that tests hand in their own.
#pragma once

#include "agent/cli/arguments.hpp"
#include "agent/cli/console.hpp"
#include "agent/config/config.hpp"
#include "agent/domains/roster.hpp"
#include "agent/runtime/desk.hpp"
#include "agent/runtime/main_entry.hpp"
#include "base/time.hpp"

#include <functional>
#include <memory>
#include <string>

namespace mxseal::cli {

// What `simulate` asks for; the simulation itself stands above agent/ and is handed in.
struct SimulationOrder {
    Duration length = std::chrono::hours(24 * 365);
    std::uint64_t seed = 1;
    std::string host;                                 // empty: the first one
    SimulatedFaults faults = SimulatedFaults::apart;
    std::vector<std::string> fault_names;             // empty: all
    std::function<void(std::string_view what, std::size_t done, std::size_t all)> on_progress;
};

struct Environment {
    Console& console;
    const Clock& clock;
    bool out_is_terminal = false;
    std::filesystem::path home = "/"; // of who asks: where lego and acme.sh keep their files
    // A variable of the process; empty: not set. Read by hooks alone, for their clients speak by variables.
    std::function<std::string(std::string_view name)> variable = [](std::string_view) { return std::string(); };
    std::string operator_name{};                      // "who" of requests
    std::string notify_socket{};                      // of systemd; empty: none
    int inherited_sockets = 0;                        // sd_listen_fds(3): from descriptor 3 on
    std::string inherited_names{};                    // theirs, separated by colons
    std::function<Result<std::unique_ptr<agent::Desk>>(const agent::Config&)> find_desk{};
    std::function<Result<std::unique_ptr<agent::DomainRoster>>(const agent::Config&)> open_roster{};
    std::function<void(Duration)> pause{};            // between two looks
    // Rows and columns of the terminal that stdout is.
    std::function<std::pair<std::size_t, std::size_t>()> screen_size{};
    // Ends the process at once; what was printed is out.
    std::function<void(int exit_code)> leave{};
    // The runtime: run_agent() and run_apply().
    std::function<Status(const agent::Config&, agent::Signals&, agent::AgentHooks)> run_agent{};
    std::function<Result<agent::ApplySummary>(const agent::Config&, agent::Signals&, agent::AgentHooks)> run_apply{};
    // The forecast as JSON (simulation/forecast.hpp, to_json); `invalid`: the order or the configuration cannot be simulated.
    std::function<Result<Json>(const agent::Config&, const SimulationOrder&)> simulate{};
};

} // namespace mxseal::cli
