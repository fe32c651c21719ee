// What people read of a desk's answers. Pure: JSON in, text out, safe for a terminal.
#pragma once

#include "agent/cli/text.hpp"
#include "base/json.hpp"

#include <string>
#include <utility>
#include <vector>

namespace mxseal::cli {

std::string render_status(const Json& status, const Style& style);
// The domains of a status, as a table; a part of render_status().
std::string render_domains(const Json& status, const Style& style);
std::string render_plan(const Json& plan, const Style& style);
std::string render_log_entry(const Json& entry);       // one line, with its end
std::string render_replies(const Json& replies, const Style& style);

// A forecast (simulation/forecast.hpp, to_json) without its picture.
std::string render_simulation(const Json& forecast, const Style& style);

// One line a host and domain, by name: for a pipe that wants to see what changed.
std::vector<std::pair<std::string, std::string>> status_lines(const Json& status);

bool is_halted(const Json& host);

} // namespace mxseal::cli
