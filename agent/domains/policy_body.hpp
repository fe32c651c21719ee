// The body of a policy (RFC 8461 section 3.2) from what the configuration wants and what DNS says. Pure.
#pragma once

#include "agent/config/domain_config.hpp"

#include <string>
#include <variant>
#include <vector>

namespace mxseal::agent {

// C-10: CRLF after each line, in the order of the RFC. `patterns`: in the form of mx_pattern().
std::string render_policy(PolicyMode mode, std::chrono::seconds max_age, const std::vector<std::string>& patterns);

// Why no body can be made: one sentence.
struct NoBody {
    std::string why;
};
// `mx`: the hosts of the MX RRset, ascending, a space between; null: not known yet. Mode none names no hosts (C-12) and needs none.
// `before`: the body that is served; null: none. Where the MX RRset is followed, its patterns stay until `mx` or `mta_sts.mx` names others (C-34).
std::variant<std::string, NoBody> body_of(const PolicySettings& settings, const std::string* mx, const std::string* before);

} // namespace mxseal::agent
