// The sections of MTA-STS and TLS-RPT.
#include "agent/config/values.hpp"

#include <charconv>

#include <fmt/format.h>

namespace mxseal::agent::config {

namespace {

using std::chrono::hours;
using std::chrono::seconds;

bool is_listen_address(const std::string& text) {
    auto colon = text.rfind(':');
    if (colon == std::string::npos || colon == 0) return false;
    int port = 0;
    const char* end = text.data() + text.size();
    auto [parsed, failure] = std::from_chars(text.data() + colon + 1, end, port);
    if (failure != std::errc{} || parsed != end || port < 1 || port > 65535) return false;
    std::string address = text.substr(0, colon);
    if (address.front() == '[' && address.back() == ']')
        address = address.substr(1, address.size() - 2);
    else if (address.find(':') != std::string::npos)
        return false;
    auto endpoint = dns::Endpoint::parse(address);
    return endpoint.ok() && address.find('@') == std::string::npos;
}

std::vector<std::string> read_listen(Reading& reading, const Value& value) {
    constexpr std::string_view kAllowed = "address and port, as in \"[::]:443\" or \"192.0.2.1:443\"";
    std::vector<std::string> addresses;
    if (value.node == nullptr) return addresses;
    for (const Value& item : items_of(reading, value, ListForm::list, kAllowed)) {
        auto text = read_text(reading, item, kAllowed);
        if (text && !is_listen_address(*text)) reading.mistake(item, "is no address to listen on", kAllowed);
        if (text) addresses.push_back(*text);
    }
    return addresses;
}

std::string read_certificate(Reading& reading, const Value& value) {
    auto name = read_text(reading, value, "a name in `acme`, or self-signed");
    if (!name) return {};
    // A renewal hook brings its pair to a host, not here: the endpoint's keys are made by mxseal.
    if (*name == "external") reading.mistake(value, "is for hosts; names of the endpoint get theirs from mxseal", "a name in `acme`, or self-signed");
    else reading.endpoint_certificates.push_back({value, *name});
    return *name;
}

std::optional<PolicyMode> read_mode(Reading& reading, const Value& value) {
    constexpr std::string_view kAllowed = "none, testing, enforce";
    auto text = read_text(reading, value, kAllowed);
    if (!text) return std::nullopt;
    if (auto mode = rotation::mta_sts::parse_mode(*text)) return mode;
    reading.mistake(value, "is not a mode", kAllowed);
    return std::nullopt;
}

// RFC 8461 section 3.2 (C-11): max_age is 0..31557600 s.
std::optional<std::chrono::seconds> read_max_age(Reading& reading, const Value& value, const std::optional<PolicyMode>& mode) {
    auto age = read_duration(reading, value, seconds(0), seconds(31'557'600));
    if (!age) return std::nullopt;
    if (mode == PolicyMode::enforce && *age < seconds(86'400))
        reading.warn(value.line, fmt::format("{} {} is below 1d: under mode enforce senders forget the policy before it protects", value.path, to_string(*age)));
    return std::chrono::duration_cast<std::chrono::seconds>(*age);
}

std::vector<std::string> read_patterns(Reading& reading, const Value& value) {
    constexpr std::string_view kAllowed = "a list of MX patterns, as in [mx1.example.org, \"*.mail.example.org\"]";
    std::vector<std::string> patterns;
    if (value.node == nullptr) return patterns;
    for (const Value& item : items_of(reading, value, ListForm::list, kAllowed)) {
        auto text = read_text(reading, item, kAllowed);
        if (!text) continue;
        // C-12, C-13: a name, or one with `*.` before it; a wildcard takes in every host below the name.
        if (auto pattern = mx_pattern(*text)) patterns.push_back(*pattern);
        else reading.mistake(item, "is not an MX pattern", kAllowed);
    }
    return patterns;
}

std::optional<ProfileConfig::MtaSts> read_mta_sts(Reading& reading, const Value& value) {
    if (value.node == nullptr) return std::nullopt;
    MapReader map(reading, value, {"mode", "max_age", "txt_ttl", "txt_target", "at_once", "mx"});
    ProfileConfig::MtaSts out;
    out.mode = read_mode(reading, map["mode"]);
    out.max_age = read_max_age(reading, map["max_age"], out.mode);
    if (auto ttl = read_duration(reading, map["txt_ttl"], seconds(1), hours(24))) out.txt_ttl = std::chrono::duration_cast<Ttl>(*ttl);
    out.at_once = read_switch(reading, map["at_once"]);
    if (auto text = read_text(reading, map["txt_target"], "the name of a TXT record that the domains share, as in _mta-sts.group.example.net")) out.txt_target = name_of_key(reading, *text, map["txt_target"], NameUse::zone);
    out.mx = read_patterns(reading, map["mx"]);
    return out;
}

// RFC 8460 section 3: mailto or https, and the separators of the record are percent-encoded.
std::vector<std::string> read_tls_rpt(Reading& reading, const Value& value) {
    constexpr std::string_view kAllowed = "a list of mailto: and https: URIs, as in [\"mailto:tlsrpt@reports.example.net\"]";
    MapReader map(reading, value, {"rua"});
    std::vector<std::string> uris;
    if (!map.has("rua")) return uris;
    for (const Value& item : items_of(reading, map["rua"], ListForm::list, kAllowed)) {
        auto uri = read_text(reading, item, kAllowed);
        if (!uri) continue;
        bool known = (uri->starts_with("mailto:") && uri->find('@') != std::string::npos) || (uri->starts_with("https://") && uri->size() > 8);
        if (!known || uri->find_first_of(" ,;!") != std::string::npos) reading.mistake(item, "is no URI that reports can go to", kAllowed);
        uris.push_back(*uri);
    }
    return uris;
}

std::vector<dns::Name> read_mx_goal(Reading& reading, const Value& value) {
    std::vector<dns::Name> hosts;
    if (value.node == nullptr) return hosts;
    for (const Value& item : items_of(reading, value, ListForm::list, "a list of MX host names")) {
        auto text = read_text(reading, item, "the name of an MX host");
        if (!text) continue;
        if (auto host = name_of_key(reading, *text, item, NameUse::host)) hosts.push_back(*host);
    }
    return hosts;
}

ProfileConfig read_profile_keys(Reading& reading, const MapReader& map, int line) {
    ProfileConfig profile;
    profile.mta_sts = read_mta_sts(reading, map["mta_sts"]);
    profile.rua = read_tls_rpt(reading, map["tls_rpt"]);
    profile.certificate = read_certificate(reading, map["certificate"]);
    profile.line = line;
    return profile;
}

void read_domain(Reading& reading, const std::string& key, const Value& value) {
    auto name = name_of_key(reading, key, value, NameUse::host);
    MapReader map(reading, value, {"profile", "mx", "manage_mx", "mta_sts", "tls_rpt", "certificate"});
    DomainConfig domain;
    domain.line = value.line;
    domain.profile = read_text(reading, map["profile"], "a name in `profiles`");
    if (domain.profile) reading.domain_profiles.push_back({map["profile"], *domain.profile});
    domain.own = read_profile_keys(reading, map, value.line);
    domain.mx = read_mx_goal(reading, map["mx"]);
    domain.manage_mx = read_switch(reading, map["manage_mx"]).value_or(false);
    if (!name) return;
    domain.name = *name;
    if (!reading.config.domains.emplace(*name, std::move(domain)).second)
        reading.mistake_at(value.line, fmt::format("{} stands here a second time in other letters; allowed: once", value.path));
}

} // namespace

void read_endpoint(Reading& reading, const Value& value) {
    if (value.node == nullptr) return;
    MapReader map(reading, value, {"listen", "listen_http", "certificate", "snapshot", "allow_private", "probe_ca_file"});
    EndpointConfig endpoint;
    endpoint.line = value.line;
    endpoint.listen = read_listen(reading, map["listen"]);
    endpoint.listen_http = read_listen(reading, map["listen_http"]);
    endpoint.certificate = read_certificate(reading, map["certificate"]);
    endpoint.snapshot = read_path(reading, map["snapshot"]).value_or(reading.config.state / "endpoint.snapshot");
    endpoint.allow_private = read_switch(reading, map["allow_private"]).value_or(false);
    if (auto file = read_path(reading, map["probe_ca_file"])) {
        endpoint.probe_ca_file = *file;
        reading.check_later(MachineCheck::Kind::readable, map["probe_ca_file"], file->string());
    }
    if (endpoint.listen.empty() && !endpoint.listen_http.empty())
        reading.mistake_at(value.line, "endpoint.listen_http stands without endpoint.listen; allowed: both, or neither (then `mxseal serve --listen-http` answers)");
    reading.config.endpoint = std::move(endpoint);
}

void read_profiles(Reading& reading, const Value& value) {
    if (value.node == nullptr) return;
    for (const auto& [name, entry] : entries_of(reading, value, "a name for each profile, as in default: {mta_sts: {mode: testing}}")) {
        MapReader map(reading, entry, {"mta_sts", "tls_rpt", "certificate"});
        reading.config.profiles.emplace(name, read_profile_keys(reading, map, entry.line));
        if (entry.is_nothing()) reading.mistake_at(entry.line, fmt::format("{} has no value; allowed: {{mta_sts: {{mode: testing}}}}", entry.path));
    }
}

void read_domains(Reading& reading, const Value& value) {
    for (const auto& [name, entry] : entries_of(reading, value, "the name of each mail domain, as in example.org: {profile: default}")) read_domain(reading, name, entry);
}

} // namespace mxseal::agent::config
