// Which configured zone a name lies in, and whether mxseal may write there.
#pragma once

#include "agent/config/config.hpp"

#include <string>

namespace mxseal::agent {

// The longest match among `zones`; null: none.
const ZoneConfig* zone_of(const Config& config, const dns::Name& name);
// Its zone names a provider. `name`: absolute, as dns::Name writes it.
bool may_write(const Config& config, const std::string& name);

} // namespace mxseal::agent
