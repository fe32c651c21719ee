// One connection to the control API: one request, its answer, the end. Every part has a limit in octets and in time.
#pragma once

#include "agent/control/control_api.hpp"

namespace mxseal::agent {

// A field line of ours has under 200 octets, a query some names of 255.
inline constexpr std::size_t kControlHeadMax = 16 * 1024;

// Takes the socket and closes it. Blocks for at most 5 seconds of reading, the desk's time, and 30 seconds of writing; reading ends at
// once when `stop` (an eventfd, not taken) becomes readable.
void serve_connection(int descriptor, const ControlApi& api, int stop);

// "host=a&host=b%2ec", decoded; nothing where an escape is broken.
std::optional<std::vector<std::pair<std::string, std::string>>> parse_query(std::string_view query);

} // namespace mxseal::agent
