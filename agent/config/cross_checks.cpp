// What holds between sections, once all of them are read.
#include "agent/config/reading.hpp"
#include "agent/config/zones.hpp"

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

// E-18, E-19: an MX host answers on port 25 alone, so that its names are shown in DNS.
void check_challenges(Reading& reading) {
    for (const auto& [value, name] : reading.certificates) {
        auto acme = reading.config.acme.find(name);
        if (acme == reading.config.acme.end() || acme->second.challenge == "dns-01") continue;
        reading.mistake(value, fmt::format("has `challenge: {}`, and an MX host has no port 443 or 80 of mxseal's", acme->second.challenge),
                        "an `acme` entry with dns-01, beside the one for the endpoint");
    }
}

void check_endpoint_certificates(Reading& reading) {
    for (const auto& [value, name] : reading.endpoint_certificates)
        if (name != "self-signed" && !reading.config.acme.contains(name)) reading.mistake(value, "is not a name in `acme`", names_of(reading.config.acme) + "; or self-signed");
}

// Whether some policy would have no certificate to be served with.
bool lacks_certificate(const Config& config) {
    for (const auto& [name, profile] : config.profiles)
        if (profile.mta_sts && profile.certificate.empty()) return true;
    for (const auto& [name, domain] : config.domains)
        if (auto settings = settings_of(config, domain); settings && settings->certificate.empty()) return true;
    return false;
}

void check_managed_mx(Reading& reading) {
    for (const auto& [name, domain] : reading.config.domains)
        if (domain.manage_mx && !may_write(reading.config, name.text()))
            reading.warn(domain.line, fmt::format("domains.{}: manage_mx is on, but no provider is configured for its zone, so the changes are asked of the operator", name.text()));
}

void check_endpoint(Reading& reading) {
    const Config& config = reading.config;
    if (!config.endpoint) {
        for (const auto& [name, profile] : config.profiles)
            if (profile.mta_sts) return reading.warn(profile.line, fmt::format("profiles.{}: there is no `endpoint`, so no policy is served", name));
        return;
    }
    if (config.endpoint->certificate.empty() && lacks_certificate(config))
        reading.mistake_at(config.endpoint->line, "endpoint.certificate is missing; allowed: a name in `acme`, or self-signed, which senders do not accept");
    if (config.endpoint->listen.empty() || !config.endpoint->listen_http.empty()) return;
    for (const auto& [value, name] : reading.endpoint_certificates) {
        auto acme = config.acme.find(name);
        if (acme != config.acme.end() && acme->second.challenge == "http-01")
            return reading.warn(config.endpoint->line, fmt::format("endpoint: acme.{} has `challenge: http-01`, so port 80 has to be answered: listen_http: [\"[::]:80\"], or a socket of systemd named http", name));
    }
}

void check_providers(Reading& reading) {
    for (const auto& [value, name] : reading.zone_providers)
        if (!reading.config.providers.contains(name)) reading.mistake(value, "is not a name in `providers`", names_of(reading.config.providers));
}

void check_profiles(Reading& reading) {
    for (const auto& [value, name] : reading.domain_profiles)
        if (!reading.config.profiles.contains(name)) reading.mistake(value, "is not a name in `profiles`", names_of(reading.config.profiles));
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
        if (host.certificate == "external" && host.external.keys == KeyMaker::client) continue; // its client says when its keys change
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
    if (reading.config.hosts.empty() && !reading.config.endpoint && !reading.failed()) reading.warn(reading.hosts_line, "hosts: there are none, so there is nothing to keep in step");
    std::set<std::string> used;
    for (const auto& entry : reading.config.zones) used.insert(entry.second.providers.begin(), entry.second.providers.end());
    for (const auto& entry : reading.config.providers)
        if (!used.contains(entry.first)) reading.warn(1, fmt::format("providers.{}: no zone uses it", entry.first));
}

} // namespace

void cross_check(Reading& reading) {
    check_certificates(reading);
    check_challenges(reading);
    check_endpoint_certificates(reading);
    check_endpoint(reading);
    check_managed_mx(reading);
    check_providers(reading);
    check_profiles(reading);
    check_stagger(reading);
    warn_about_unused(reading);
}

} // namespace mxseal::agent::config
