// The commands, one file each. They print, and return the exit code (DESIGN.md, Interface).
#pragma once

#include "agent/cli/desk_finder.hpp"
#include "agent/cli/environment.hpp"

namespace mxseal::cli {

// Reads the configuration and runs the command. Configuration mistakes and unknown hosts end here, with exit code 2.
int run(Environment& environment, const Arguments& arguments);

int check_config(Environment& environment, const Arguments& arguments, const agent::Config& config);
int run_agent_command(Environment& environment, const agent::Config& config);
int run_apply_command(Environment& environment, const Arguments& arguments, const agent::Config& config);

// What hooks of ACME clients call. `answers_without_config()`: a call that concerns nobody, whatever the configuration says.
bool answers_without_config(const HookArguments& hook);
int run_hook(Environment& environment, const Arguments& arguments, const agent::Config& config, DeskFinder& desks);

int run_init(Environment& environment, const Arguments& arguments); // reads no configuration
int prepare_hook(Environment& environment, const HookArguments& hook, const agent::Config& config, DeskFinder& desks);
int set_up_hook(Environment& environment, const HookArguments& hook, const agent::Config& config);

int simulate(Environment& environment, const Arguments& arguments, const agent::Config& config);

int change_or_list_domains(Environment& environment, const Arguments& arguments, const agent::Config& config);

// Those that ask a desk.
int show_plan(Environment& environment, const Arguments& arguments, DeskFinder& desks);
int show_status(Environment& environment, const Arguments& arguments, DeskFinder& desks);
int show_log(Environment& environment, const Arguments& arguments, DeskFinder& desks);
int show_timeline(Environment& environment, const Arguments& arguments, DeskFinder& desks);
int roll(Environment& environment, const Arguments& arguments, DeskFinder& desks);
int halt_or_resume(Environment& environment, const Arguments& arguments, DeskFinder& desks);
int change_mx(Environment& environment, const Arguments& arguments, DeskFinder& desks);

// Prints the error; its exit code.
int fail(Environment& environment, const Error& error);
// Prints replies and plan; kExitFailed if any was refused.
int show_answer(Environment& environment, const Arguments& arguments, const Json& answer);

} // namespace mxseal::cli
