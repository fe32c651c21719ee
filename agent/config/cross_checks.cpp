// What holds between sections, once all of them are read.
#include "agent/config/reading.hpp"

#include <set>

#include <fmt/format.h>

namespace mxseal::agent::config {

namespace {

template <class Map>
std::string names_of(const Map& map) {
    std::string out;
    for (const auto& entry : map) {
        if (out.size() > 120) return out + ", ...";
        out += (out.empty() ? "" : ", ") + entry.first;
    }
    return out.empty() ? "none is configured" : out;
}

void check_certificates(Reading& reading) {
    for (const auto& [value, name] : reading.certificates) {
        if (name == "self-signed" || name == "external" || reading.config.acme.contains(name)) continue;
        reading.mistake(value, "is not a name in `acme`", names_of(reading.config.acme) + "; or self-signed, external");
    }
}

void check_providers(Reading& reading) {
    for (const auto& [value, name] : reading.zone_providers)
        if (!reading.config.providers.contains(name)) reading.mistake(value, "is not a name in `providers`", names_of(reading.config.providers));
}

void check_profiles(Reading& reading) {
    if (!reading.has_profiles) return;
    for (const auto& [value, name] : reading.domain_profiles)
        if (!reading.profile_lines.contains(name)) reading.mistake(value, "is not a name in `profiles`", names_of(reading.profile_lines));
}

struct Group {
    int hosts = 0;
    const HostConfig* fastest = nullptr;
};

// one host at a time, `stagger` apart. The groups of MX hosts are not known here, so hosts count by zone.
void check_stagger(Reading& reading) {
    std::map<dns::Name, Group> groups;
    for (const auto& entry : reading.config.hosts) {
        const HostConfig& host = entry.second;
        if (!host.dane) continue;
        Group& group = groups[host.zone];
        ++group.hosts;
        if (group.fastest == nullptr || host.rotate_every < group.fastest->rotate_every) group.fastest = &host;
    }
    for (const auto& [zone, group] : groups) {
        Duration round = reading.config.timing.stagger * group.hosts;
        if (round < group.fastest->rotate_every) continue;
        reading.mistake_at(group.fastest->line,
                           fmt::format("hosts.{}.rotate_every {} is not longer than timing.stagger {} x {} {} of zone {} = {}, so the hosts could not all take their turn; allowed: more than {}, or "
                                       "a shorter stagger",
                                       group.fastest->name.text(), to_string(group.fastest->rotate_every), to_string(reading.config.timing.stagger), group.hosts, group.hosts == 1 ? "host" : "hosts", zone.text(), to_string(round),
                                       to_string(round)));
    }
}

void warn_about_unused(Reading& reading) {
    std::set<std::string> used;
    for (const auto& entry : reading.config.zones) used.insert(entry.second.providers.begin(), entry.second.providers.end());
    for (const auto& entry : reading.config.providers)
        if (!used.contains(entry.first)) reading.warn(1, fmt::format("providers.{}: no zone uses it", entry.first));
}

} // namespace

void cross_check(Reading& reading) {
    check_certificates(reading);
    check_providers(reading);
    check_profiles(reading);
    check_stagger(reading);
    warn_about_unused(reading);
}

} // namespace mxseal::agent::config
