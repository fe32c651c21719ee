#include "agent/config/zones.hpp"

namespace mxseal::agent {

const ZoneConfig* zone_of(const Config& config, const dns::Name& name) {
    for (dns::Name at = name;; at = at.parent()) {
        if (auto found = config.zones.find(at); found != config.zones.end()) return &found->second;
        if (at.is_root()) return nullptr;
    }
}

bool may_write(const Config& config, const std::string& name) {
    auto parsed = dns::Name::parse(name);
    const ZoneConfig* zone = parsed.ok() ? zone_of(config, *parsed) : nullptr;
    return zone != nullptr && !zone->providers.empty();
}

} // namespace mxseal::agent
