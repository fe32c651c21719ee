// `mxseal serve`: the endpoint alone, from a snapshot that an agent wrote, on the same machine or another.
#pragma once

#include "agent/cli/environment.hpp"

namespace mxseal::cli {

// Serves until SIGTERM or SIGINT, then drains. No configuration and no store is read.
int run_serve_command(Environment& environment, const Arguments& arguments);

} // namespace mxseal::cli
