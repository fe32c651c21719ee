// The picture of a host (agent/timeline) as commands give it: text for the terminal, or a file.
#pragma once

#include "agent/cli/console.hpp"
#include "agent/timeline/timeline.hpp"

namespace mxseal::cli {

// Safe for a terminal.
std::string render_picture(const timeline::Timeline& timeline, const Style& style);
// As SVG, whole or not at all; `io` names the file and what to do.
Status write_picture(const std::string& file, const timeline::Timeline& timeline);

} // namespace mxseal::cli
