#include "agent/config/values.hpp"

#include <algorithm>

#include <fmt/format.h>

namespace mxseal::agent::config {

namespace {

using std::chrono::hours;
using std::chrono::seconds;

void read_ports(Reading& reading, const Value& value, HostConfig& host) {
    if (value.node == nullptr) return;
    host.ports.clear();
    for (const Value& item : items_of(reading, value, ListForm::list, "ports, as in [25]")) {
        auto port = read_number(reading, item, 1, 65535);
        if (!port) continue;
        if (std::find(host.ports.begin(), host.ports.end(), *port) != host.ports.end())
            reading.mistake(item, "is named twice", "each port once");
        else
            host.ports.push_back(static_cast<std::uint16_t>(*port));
    }
}

// RFC 6698 section 3: `_<port>._tcp.<host>` is a domain name too.
void check_owner_names(Reading& reading, const Value& value, const HostConfig& host) {
    for (std::uint16_t port : host.ports)
        if (!host.name.prefixed(fmt::format("_{}._tcp", port)))
            reading.mistake_at(value.line, fmt::format("{} is so long that _{}._tcp.{} has more than 253 octets; allowed: a shorter name", value.path, port, host.name.text()));
}

void read_keys(Reading& reading, const Value& value, HostConfig& host) {
    constexpr std::string_view kAllowed = "a list of ecdsa-p256, rsa-2048";
    if (value.node == nullptr) return;
    host.keys.clear();
    for (const Value& item : items_of(reading, value, ListForm::list, kAllowed)) {
        auto text = read_text(reading, item, kAllowed);
        if (!text) continue;
        auto algorithm = rotation::parse_algorithm(*text);
        if (!algorithm)
            reading.mistake(item, "is not an algorithm that mxseal makes keys of", kAllowed);
        else if (std::find(host.keys.begin(), host.keys.end(), *algorithm) != host.keys.end())
            reading.mistake(item, "is named twice", "each algorithm once");
        else
            host.keys.push_back(*algorithm);
    }
}

void read_tlsa_ttl(Reading& reading, const Value& value, HostConfig& host) {
    auto ttl = read_duration(reading, value, seconds(1), seconds(86400));
    if (!ttl) return;
    host.tlsa_ttl = std::chrono::duration_cast<Ttl>(*ttl);
    // F-14: load and exposure to lookup failures, with no gain in the standby model.
    if (host.tlsa_ttl < seconds(300))
        reading.warn(value.line, fmt::format("{} {} is below 5m: more queries and more harm when one fails, and no roll is faster for it", value.path, to_string(*ttl)));
}

void read_backends(Reading& reading, const Value& value, HostConfig& host) {
    constexpr std::string_view kAllowed = "a list of addresses, as in [192.0.2.25]";
    if (value.node == nullptr) return;
    for (const Value& item : items_of(reading, value, ListForm::list, kAllowed)) {
        auto text = read_text(reading, item, kAllowed);
        if (!text) continue;
        auto endpoint = dns::Endpoint::parse(*text);
        if (!endpoint || text->find('@') != std::string::npos)
            reading.mistake(item, "is not an address", kAllowed);
        else
            host.backends.push_back(endpoint->address);
    }
}

void read_external(Reading& reading, const Value& value, HostConfig& host) {
    constexpr std::string_view kKeys = "client (it makes its keys as before) or mxseal";
    if (value.node == nullptr) return;
    MapReader map(reading, value, {"keys", "folder"});
    if (auto keys = read_text(reading, map["keys"], kKeys)) {
        if (*keys != "client" && *keys != "mxseal") reading.mistake(map["keys"], "names nobody who makes keys", kKeys);
        host.external.keys = *keys == "mxseal" ? KeyMaker::mxseal : KeyMaker::client;
    }
    host.external.folder = read_path(reading, map["folder"]);
    if (host.certificate != "external") reading.mistake_at(value.line, fmt::format("{} stands beside `certificate: {}`; allowed: with `certificate: external`", value.path, host.certificate));
    if (host.external.folder && host.external.keys == KeyMaker::client)
        reading.mistake_at(value.line, fmt::format("{}.folder has no use where the client makes the keys; allowed: with `keys: mxseal`", value.path));
}

void find_zone(Reading& reading, const Value& value, HostConfig& host) {
    const dns::Name* best = nullptr;
    for (const auto& [name, zone] : reading.config.zones)
        if (host.name.is_within(name) && (best == nullptr || name.label_count() > best->label_count())) best = &name;
    if (best != nullptr) {
        host.zone = *best;
        return;
    }
    reading.mistake_at(value.line, fmt::format("{} is in none of `zones`, so mxseal cannot write its TLSA records; allowed: a host in one of them{}", value.path,
                                               reading.config.zones.empty() ? " (there are none)" : ""));
}

void read_host(Reading& reading, const std::string& key, const Value& value) {
    constexpr std::string_view kCertificates = "a name in `acme`, self-signed or external";
    auto name = name_of_key(reading, key, value, NameUse::host);
    MapReader map(reading, value, {"ports", "keys", "certificate", "rotate_every", "tlsa_ttl", "deploy", "backends", "dane", "external"});
    HostConfig host;
    host.line = value.line;
    read_ports(reading, map["ports"], host);
    read_keys(reading, map["keys"], host);
    Value certificate = map.required("certificate", kCertificates);
    if (auto text = read_text(reading, certificate, kCertificates)) {
        host.certificate = *text;
        reading.certificates.push_back({certificate, *text});
    }
    if (auto every = read_duration(reading, map["rotate_every"], seconds(1), hours(24 * 3650))) host.rotate_every = *every;
    read_external(reading, map["external"], host);
    if (map.has("rotate_every") && host.certificate == "external" && host.external.keys == KeyMaker::client)
        reading.warn(value.line, fmt::format("{}.rotate_every does not apply: the ACME client makes the keys, so it says when they change; with external: {{keys: mxseal}} mxseal does", value.path));
    read_tlsa_ttl(reading, map["tlsa_ttl"], host);
    read_backends(reading, map["backends"], host);
    host.dane = read_switch(reading, map["dane"]).value_or(true);
    read_deploy(reading, map["deploy"], host);
    if (!map.has("deploy") && host.dane)
        reading.mistake_at(value.line, fmt::format("{}.deploy is missing; allowed: [{{combined: /etc/postfix/tls/{}.pem, reload: [postfix, reload]}}]", value.path, name ? name->text() : "mx1"));
    if (!name) return;
    host.name = *name;
    find_zone(reading, value, host);
    check_owner_names(reading, value, host);
    if (!reading.config.hosts.emplace(*name, std::move(host)).second) reading.mistake_at(value.line, fmt::format("{} stands here a second time in other letters; allowed: once", value.path));
}

} // namespace

void read_hosts(Reading& reading, const Value& value) {
    for (const auto& [name, entry] : entries_of(reading, value, "the name of each MX host, as in mx1.example.org: {...}")) read_host(reading, name, entry);
    reading.hosts_line = value.line;
}

} // namespace mxseal::agent::config
