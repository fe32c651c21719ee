#include "agent/config/values.hpp"

#include <algorithm>
#include <charconv>

#include <fmt/format.h>

namespace mxseal::agent::config {

namespace {

constexpr std::string_view kDurations = "a whole number and one of s m h d w, as in 30s 15m 1h 7d 2w";

bool looks_like_secret(const std::string& text) {
    if (text.find_first_of("/.") != std::string::npos) return text.size() > 20 && text.back() == '=';
    return text.size() >= 32 || text.back() == '=';
}

std::optional<std::string_view> why_no_host_name(const std::string& text) {
    if (text.find('_') != std::string::npos) return "holds an underscore";
    if (text.front() == '-' || text.back() == '-' || text.find(".-") != std::string::npos || text.find("-.") != std::string::npos)
        return "has a label that begins or ends with a hyphen";
    auto last = text.substr(text.rfind('.') + 1);
    if (std::all_of(last.begin(), last.end(), [](char c) { return c >= '0' && c <= '9'; })) return "ends in a number, as an address does";
    return std::nullopt;
}

} // namespace

std::optional<std::string> read_text(Reading& reading, const Value& value, std::string_view allowed) {
    if (value.node == nullptr) return std::nullopt;
    if (value.is_scalar() && !value.node->text.empty()) return value.node->text;
    reading.mistake(value, value.is_nothing() ? "has no value" : value.is_scalar() ? "is empty" : "is not a text", allowed);
    return std::nullopt;
}

std::optional<bool> read_switch(Reading& reading, const Value& value) {
    constexpr std::string_view kAllowed = "on or off";
    auto text = read_text(reading, value, kAllowed);
    if (!text) return std::nullopt;
    if (*text == "on" || *text == "true" || *text == "yes") return true;
    if (*text == "off" || *text == "false" || *text == "no") return false;
    reading.mistake(value, "is no switch", kAllowed);
    return std::nullopt;
}

std::optional<int> read_number(Reading& reading, const Value& value, int least, int most) {
    auto allowed = fmt::format("{}..{}", least, most);
    auto text = read_text(reading, value, allowed);
    if (!text) return std::nullopt;
    int number = 0;
    auto [end, failure] = std::from_chars(text->data(), text->data() + text->size(), number);
    if (failure != std::errc{} || end != text->data() + text->size()) {
        reading.mistake(value, "is not a whole number", allowed);
        return std::nullopt;
    }
    if (number >= least && number <= most) return number;
    reading.mistake(value, "is out of range", allowed);
    return std::nullopt;
}

std::optional<Duration> read_duration(Reading& reading, const Value& value, Duration least, Duration most) {
    auto text = read_text(reading, value, kDurations);
    if (!text) return std::nullopt;
    auto duration = parse_duration(*text);
    if (!duration) {
        reading.mistake(value, "is not a duration", kDurations);
        return std::nullopt;
    }
    if (*duration >= least && *duration <= most) return *duration;
    reading.mistake(value, *duration < least ? "is too short" : "is too long", fmt::format("{} to {}", to_string(least), to_string(most)));
    return std::nullopt;
}

std::optional<std::filesystem::path> read_path(Reading& reading, const Value& value) {
    auto text = read_text(reading, value, "a path");
    if (!text) return std::nullopt;
    return reading.resolved(*text);
}

std::optional<dns::Endpoint> read_endpoint_address(Reading& reading, const Value& value) {
    constexpr std::string_view kAllowed = "an address, as in 192.0.2.53, 2001:db8::53 or 192.0.2.53@5353";
    auto text = read_text(reading, value, kAllowed);
    if (!text) return std::nullopt;
    auto endpoint = dns::Endpoint::parse(*text);
    if (endpoint) return *endpoint;
    reading.mistake(value, "is not an address", kAllowed);
    return std::nullopt;
}

std::optional<dns::Name> read_name(Reading& reading, const Value& value) {
    auto text = read_text(reading, value, "a domain name as A-labels");
    if (!text) return std::nullopt;
    return name_of_key(reading, *text, value, NameUse::zone);
}

std::optional<dns::Name> name_of_key(Reading& reading, const std::string& key, const Value& value, NameUse use) {
    constexpr std::string_view kAllowed = "a domain name as A-labels, as in mx1.example.org or xn--bcher-kva.example";
    auto refuse = [&](std::string_view why) {
        reading.mistake_at(value.line, fmt::format("{} {}; allowed: {}", value.path, why, kAllowed));
        return std::nullopt;
    };
    auto name = dns::Name::parse(key);
    if (!name) {
        const std::string& message = name.error().message();
        auto colon = message.rfind("name: ");
        return refuse("is not a domain name: " + (colon == std::string::npos ? message : message.substr(colon + 6)));
    }
    if (use == NameUse::zone) return *name;
    if (name->is_root()) return refuse("is the root");
    if (auto why = why_no_host_name(name->text())) return refuse(*why);
    return *name;
}

std::optional<std::filesystem::path> read_secret_path(Reading& reading, const Value& value, MachineCheck::Kind kind) {
    auto text = read_text(reading, value, "the path of a file of mode 0600 with the secret");
    if (!text) return std::nullopt;
    if (looks_like_secret(*text)) {
        reading.mistake_at(value.line, fmt::format("{} looks like a secret itself, and secrets are never values here; allowed: the path of a file of mode 0600 with the secret", value.path));
        return std::nullopt;
    }
    // A bare name may be a systemd credential, which only the machine can tell; see check_machine().
    std::filesystem::path path = text->find('/') == std::string::npos ? std::filesystem::path(*text) : reading.resolved(*text);
    reading.check_later(kind, value, path.string());
    return path;
}

std::vector<std::string> read_texts(Reading& reading, const Value& value, ListForm form, std::string_view allowed) {
    std::vector<std::string> texts;
    for (const Value& item : items_of(reading, value, form, allowed))
        if (auto text = read_text(reading, item, allowed)) texts.push_back(std::move(*text));
    return texts;
}

} // namespace mxseal::agent::config
