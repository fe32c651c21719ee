// Names of users and groups as numbers.
#pragma once

#include "base/result.hpp"

#include <string>

#include <sys/types.h>

namespace mxseal::agent {

// -1 for an empty name: leave it as it is (chown(2)). `invalid` when this machine has no such account.
Result<uid_t> user_id(const std::string& name);
Result<gid_t> group_id(const std::string& name);

} // namespace mxseal::agent
