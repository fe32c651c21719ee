#include "agent/config/values.hpp"

#include <algorithm>

#include <fmt/format.h>

namespace mxseal::agent::config {

namespace {

void read_tsig(Reading& reading, const Value& value, ProviderConfig& provider) {
    constexpr std::string_view kAlgorithms = "hmac-sha256, hmac-sha384, hmac-sha512";
    if (value.node == nullptr) return;
    MapReader map(reading, value, {"name", "algorithm", "secret_file"});
    if (auto name = read_name(reading, map.required("name", "the name of the TSIG key, as the server has it"))) provider.tsig_name = name->text();
    // RFC 8945 section 6, F-08: md5 and sha1 are refused.
    if (auto algorithm = read_text(reading, map["algorithm"], kAlgorithms)) {
        if (*algorithm != "hmac-sha256" && *algorithm != "hmac-sha384" && *algorithm != "hmac-sha512")
            reading.mistake(map["algorithm"], "is not a TSIG algorithm that mxseal signs with", kAlgorithms);
        else
            provider.tsig_algorithm = *algorithm;
    }
    auto file = read_secret_path(reading, map.required("secret_file", "the path of a file of mode 0600 with the secret in base64"), MachineCheck::Kind::base64_secret);
    if (file) provider.tsig_secret_file = *file;
}

void read_rfc2136(Reading& reading, const MapReader& map, ProviderConfig& provider) {
    constexpr std::string_view kServers = "the address of the primary, or a list of them";
    for (const Value& item : items_of(reading, map.required("server", kServers), ListForm::one_or_list, kServers))
        if (auto endpoint = read_endpoint_address(reading, item)) provider.servers.push_back(*endpoint);
    // G-03: who may update by address alone may update everything.
    read_tsig(reading, map.required("tsig", "{name: .., algorithm: hmac-sha256, secret_file: ..}; updates are always signed"), provider);
}

void read_provider(Reading& reading, const std::string& name, const Value& value) {
    MapReader map(reading, value, {"type", "server", "tsig"});
    ProviderConfig provider;
    provider.name = name;
    if (auto type = read_text(reading, map.required("type", "rfc2136"), "rfc2136")) {
        if (*type != "rfc2136")
            reading.mistake(map["type"], "is not a kind of provider that this version has", "rfc2136");
        else
            provider.type = *type;
    }
    read_rfc2136(reading, map, provider);
    reading.config.providers.emplace(name, std::move(provider));
}

void read_nameserver(Reading& reading, const Value& value, ZoneConfig& zone) {
    constexpr std::string_view kAllowed = "an address or a name, as in 192.0.2.53 or ns1.example.net";
    auto text = read_text(reading, value, kAllowed);
    if (!text) return;
    if (auto endpoint = dns::Endpoint::parse(*text)) {
        zone.nameservers.push_back({*endpoint, std::nullopt});
        return;
    }
    auto name = dns::Name::parse(*text);
    auto last = text->find_last_not_of('.');
    if (!name || name->is_root() || last == std::string::npos || (text->at(last) >= '0' && text->at(last) <= '9' && text->find_first_not_of("0123456789.@") == std::string::npos))
        return reading.mistake(value, "is neither an address nor a name", kAllowed);
    zone.nameservers.push_back({std::nullopt, *name});
}

void read_zone(Reading& reading, const std::string& key, const Value& value) {
    constexpr std::string_view kProviders = "a name in `providers`, or a list of them";
    auto name = name_of_key(reading, key, value, NameUse::zone);
    MapReader map(reading, value, {"provider", "nameservers"});
    ZoneConfig zone;
    for (const Value& item : items_of(reading, map.required("provider", kProviders), ListForm::one_or_list, kProviders)) {
        auto provider = read_text(reading, item, kProviders);
        if (!provider) continue;
        if (std::find(zone.providers.begin(), zone.providers.end(), *provider) != zone.providers.end()) reading.mistake(item, "is named twice", "once");
        zone.providers.push_back(*provider);
        reading.zone_providers.push_back({item, *provider});
    }
    if (map.has("nameservers"))
        for (const Value& item : items_of(reading, map["nameservers"], ListForm::list, "addresses or names")) read_nameserver(reading, item, zone);
    if (!name) return;
    zone.name = *name;
    if (!reading.config.zones.emplace(*name, std::move(zone)).second) reading.mistake_at(value.line, fmt::format("{} stands here a second time in other letters; allowed: once", value.path));
}

} // namespace

void read_resolver(Reading& reading, const Value& value) {
    MapReader map(reading, value, {"forward", "trust_anchors", "root_hints"});
    ResolverConfig& resolver = reading.config.resolver;
    if (map.has("forward"))
        for (const Value& item : items_of(reading, map["forward"], ListForm::list, "addresses, as in [127.0.0.1]"))
            if (auto endpoint = read_endpoint_address(reading, item)) resolver.forward.push_back(*endpoint);
    if (!map.has("trust_anchors")) {
        reading.check_later(MachineCheck::Kind::readable_or_warn, map["trust_anchors"], resolver.trust_anchors.front().string());
    } else {
        resolver.trust_anchors.clear();
        for (const Value& item : items_of(reading, map["trust_anchors"], ListForm::list, "paths, as in [/usr/share/dns/root.key]"))
            if (auto file = read_path(reading, item)) {
                resolver.trust_anchors.push_back(*file);
                reading.check_later(MachineCheck::Kind::readable, item, file->string());
            }
    }
    if (auto file = read_path(reading, map["root_hints"])) {
        resolver.root_hints = *file;
        reading.check_later(MachineCheck::Kind::readable, map["root_hints"], file->string());
        if (!resolver.forward.empty()) reading.warn(map["root_hints"].line, "resolver.root_hints: not used, since `forward` is set");
    }
}

void read_providers(Reading& reading, const Value& value) {
    for (const auto& [name, entry] : entries_of(reading, value, "a name for each provider, as in knot: {type: rfc2136, ...}")) read_provider(reading, name, entry);
}

void read_zones(Reading& reading, const Value& value) {
    for (const auto& [name, entry] : entries_of(reading, value, "the name of each zone, as in example.org: {provider: knot}")) read_zone(reading, name, entry);
}

} // namespace mxseal::agent::config
