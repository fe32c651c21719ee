// The names at which trust anchor files hold DS or DNSKEY records.
#pragma once

#include "base/dns/name.hpp"
#include "base/result.hpp"

#include <filesystem>
#include <set>
#include <vector>

namespace mxseal::agent {

// `invalid` when a file cannot be read or names no anchor. The records themselves are parsed by libunbound.
Result<std::set<dns::Name>> anchored_names(const std::vector<std::filesystem::path>& files);

} // namespace mxseal::agent
