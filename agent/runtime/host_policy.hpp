// What the configuration says of a host, in the words of rotation/.
#pragma once

#include "agent/config/config.hpp"
#include "rotation/tlsa/policy.hpp"

namespace mxseal::agent {

rotation::tlsa::Policy policy_of(const Config& config, const HostConfig& host);

} // namespace mxseal::agent
