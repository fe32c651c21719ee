#include "agent/config/values.hpp"

#include <fmt/format.h>

namespace mxseal::agent::config {

namespace {

void read_directory(Reading& reading, const Value& value, AcmeConfig& acme) {
    constexpr std::string_view kAllowed = "the https URL of the directory, as in https://acme-v02.api.letsencrypt.org/directory";
    auto text = read_text(reading, value, kAllowed);
    if (!text) return;
    // RFC 8555 section 6.1: ACME is https.
    if (!text->starts_with("https://") || text->size() == 8 || text->find_first_of(" \t\"<>@") != std::string::npos)
        return reading.mistake(value, "is not an https URL", kAllowed);
    acme.directory = *text;
}

void read_contact(Reading& reading, const Value& value, AcmeConfig& acme) {
    constexpr std::string_view kAllowed = "a list as in [\"mailto:hostmaster@example.org\"]";
    for (const Value& item : items_of(reading, value, ListForm::list, kAllowed)) {
        auto text = read_text(reading, item, kAllowed);
        if (!text) continue;
        // RFC 8555 section 7.3: a mailto URI with one address and no header fields.
        if (!text->starts_with("mailto:") || text->find('@') == std::string::npos || text->find_first_of("?, ") != std::string::npos)
            reading.mistake(item, "is not a mailto URI of one address", kAllowed);
        else
            acme.contact.push_back(*text);
    }
}

void read_challenge(Reading& reading, const Value& value, AcmeConfig& acme) {
    constexpr std::string_view kAllowed = "dns-01; for names of the endpoint also http-01, tls-alpn-01";
    auto text = read_text(reading, value, kAllowed);
    if (!text) return;
    if (*text != "dns-01" && *text != "http-01" && *text != "tls-alpn-01") return reading.mistake(value, "is not a challenge", kAllowed);
    acme.challenge = *text;
}

// E-08: the two have one account there, and each would tell the CA its own contacts by turns.
void warn_of_other_contacts(Reading& reading, const Value& value, const AcmeConfig& acme) {
    for (const auto& [name, other] : reading.config.acme)
        if (!acme.directory.empty() && other.directory == acme.directory && other.contact != acme.contact)
            return reading.warn(value.line, fmt::format("{}: other contacts than acme.{}, which is the same account at the same CA; it is told both by turns", value.path, name));
}

void read_one(Reading& reading, const std::string& name, const Value& value) {
    if (name == "self-signed" || name == "external")
        reading.mistake_at(value.line, fmt::format("{} has a name that means something else in `certificate`; allowed: another name", value.path));
    MapReader map(reading, value, {"directory", "contact", "challenge", "accept_terms", "ca_file"});
    AcmeConfig acme;
    acme.name = name;
    read_directory(reading, map.required("directory", "the https URL of the CA's directory"), acme);
    if (map.has("contact")) read_contact(reading, map["contact"], acme);
    read_challenge(reading, map["challenge"], acme);
    acme.accept_terms = read_switch(reading, map["accept_terms"]).value_or(false);
    if (!acme.accept_terms) reading.warn(value.line, fmt::format("{}: accept_terms is not true; a CA with terms of service makes no account without it", value.path));
    if (auto file = read_path(reading, map["ca_file"])) {
        acme.ca_file = *file;
        reading.check_later(MachineCheck::Kind::readable, map["ca_file"], file->string());
    }
    warn_of_other_contacts(reading, value, acme);
    reading.config.acme.emplace(name, std::move(acme));
}

} // namespace

void read_acme(Reading& reading, const Value& value) {
    for (const auto& [name, entry] : entries_of(reading, value, "a name for each CA account, as in letsencrypt: {directory: ...}")) read_one(reading, name, entry);
}

} // namespace mxseal::agent::config
