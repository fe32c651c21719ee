// The sections of MTA-STS and TLS-RPT: checked, so that a mistake is told today, but not served by this version yet.
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

void read_listen(Reading& reading, const Value& value) {
    constexpr std::string_view kAllowed = "address and port, as in \"[::]:443\" or \"192.0.2.1:443\"";
    if (value.node == nullptr) return;
    for (const Value& item : items_of(reading, value, ListForm::list, kAllowed)) {
        auto text = read_text(reading, item, kAllowed);
        if (text && !is_listen_address(*text)) reading.mistake(item, "is no address to listen on", kAllowed);
    }
}

// RFC 8461 section 3.2 (C-11): max_age is 0..31557600 s.
void read_max_age(Reading& reading, const Value& value, const std::string& mode) {
    auto age = read_duration(reading, value, seconds(0), seconds(31'557'600));
    if (age && mode == "enforce" && *age < seconds(86'400))
        reading.warn(value.line, fmt::format("{} {} is below 1d: under mode enforce senders forget the policy before it protects", value.path, to_string(*age)));
}

void read_mta_sts(Reading& reading, const Value& value) {
    MapReader map(reading, value, {"mode", "max_age", "txt_ttl", "at_once", "mx"});
    auto mode = read_text(reading, map["mode"], "none, testing, enforce");
    if (mode && *mode != "none" && *mode != "testing" && *mode != "enforce") reading.mistake(map["mode"], "is not a mode", "none, testing, enforce");
    read_max_age(reading, map["max_age"], mode.value_or(""));
    read_duration(reading, map["txt_ttl"], seconds(1), hours(24));
    read_switch(reading, map["at_once"]);
    if (map.has("mx")) read_texts(reading, map["mx"], ListForm::list, "a list of MX patterns, as in [mx1.example.org, \"*.mail.example.org\"]");
}

// RFC 8460 section 3: mailto or https, and the separators of the record are percent-encoded.
void read_tls_rpt(Reading& reading, const Value& value) {
    constexpr std::string_view kAllowed = "a list of mailto: and https: URIs, as in [\"mailto:tlsrpt@reports.example.net\"]";
    MapReader map(reading, value, {"rua"});
    if (!map.has("rua")) return;
    for (const Value& item : items_of(reading, map["rua"], ListForm::list, kAllowed)) {
        auto uri = read_text(reading, item, kAllowed);
        if (!uri) continue;
        bool known = (uri->starts_with("mailto:") && uri->find('@') != std::string::npos) || (uri->starts_with("https://") && uri->size() > 8);
        if (!known || uri->find_first_of(" ,;!") != std::string::npos) reading.mistake(item, "is no URI that reports can go to", kAllowed);
    }
}

void read_mx_goal(Reading& reading, const Value& value) {
    if (value.node == nullptr) return;
    for (const Value& item : items_of(reading, value, ListForm::list, "a list of MX host names")) {
        auto text = read_text(reading, item, "the name of an MX host");
        if (text) name_of_key(reading, *text, item, NameUse::host);
    }
}

void read_domain(Reading& reading, const std::string& key, const Value& value) {
    auto name = name_of_key(reading, key, value, NameUse::host);
    MapReader map(reading, value, {"profile", "mx", "manage_mx", "mta_sts", "tls_rpt"});
    if (auto profile = read_text(reading, map["profile"], "a name in `profiles`")) reading.domain_profiles.push_back({map["profile"], *profile});
    read_mx_goal(reading, map["mx"]);
    read_switch(reading, map["manage_mx"]);
    read_mta_sts(reading, map["mta_sts"]);
    read_tls_rpt(reading, map["tls_rpt"]);
    if (!name) return;
    if (!reading.config.domains.emplace(*name, DomainConfig{*name, value.line}).second)
        reading.mistake_at(value.line, fmt::format("{} stands here a second time in other letters; allowed: once", value.path));
}

} // namespace

void read_endpoint(Reading& reading, const Value& value) {
    if (value.node == nullptr) return;
    MapReader map(reading, value, {"listen", "listen_http", "certificate"});
    read_listen(reading, map["listen"]);
    read_listen(reading, map["listen_http"]);
    if (auto certificate = read_text(reading, map["certificate"], "a name in `acme`")) reading.certificates.push_back({map["certificate"], *certificate});
    reading.warn(value.line, "endpoint: read, not served by this version");
}

void read_profiles(Reading& reading, const Value& value) {
    if (value.node == nullptr) return;
    reading.has_profiles = true;
    for (const auto& [name, entry] : entries_of(reading, value, "a name for each profile, as in default: {mta_sts: {mode: testing}}")) {
        MapReader map(reading, entry, {"mta_sts", "tls_rpt"});
        read_mta_sts(reading, map["mta_sts"]);
        read_tls_rpt(reading, map["tls_rpt"]);
        reading.profile_lines.emplace(name, entry.line);
    }
    reading.warn(value.line, "profiles: read, not served by this version");
}

void read_domains(Reading& reading, const Value& value) {
    for (const auto& [name, entry] : entries_of(reading, value, "the name of each mail domain, as in example.org: {profile: default}")) read_domain(reading, name, entry);
}

} // namespace mxseal::agent::config
