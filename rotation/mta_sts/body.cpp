#include "rotation/mta_sts/body.hpp"

#include "base/dns/name.hpp"

#include <algorithm>
#include <charconv>

#include <fmt/format.h>

namespace mxseal::rotation::mta_sts {

namespace {

std::string_view trimmed(std::string_view text) {
    while (!text.empty() && (text.back() == ' ' || text.back() == '\t' || text.back() == '\r')) text.remove_suffix(1);
    while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
    return text;
}

std::string lower(std::string_view text) {
    std::string out(text);
    std::transform(out.begin(), out.end(), out.begin(), [](unsigned char letter) { return letter >= 'A' && letter <= 'Z' ? static_cast<char>(letter + 32) : static_cast<char>(letter); });
    return out;
}

std::optional<std::chrono::seconds> parse_max_age(std::string_view text) {
    std::int64_t seconds = 0;
    auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), seconds);
    if (text.empty() || text.size() > 10 || failure != std::errc{} || end != text.data() + text.size() || seconds < 0) return std::nullopt;
    return std::chrono::seconds(seconds);
}

Error broken(std::string what) { return Error(ErrorCode::invalid, "the policy body is not valid: " + std::move(what)); }

// Keys and values are case-sensitive (RFC 8461 section 3.2); of a repeated key other than mx the first one counts.
struct Fields {
    std::optional<std::string> version, mode, max_age;
    std::vector<std::string> mx;

    void take(std::string_view key, std::string_view value) {
        const auto first = [&](std::optional<std::string>& field) {
            if (!field) field = std::string(value);
        };
        if (key == "version") first(version);
        if (key == "mode") first(mode);
        if (key == "max_age") first(max_age);
        if (key == "mx") mx.push_back(lower(value));
    }
};

} // namespace

std::string_view to_string(Mode mode) {
    switch (mode) {
    case Mode::none: return "none";
    case Mode::testing: return "testing";
    case Mode::enforce: return "enforce";
    }
    return "none";
}

std::optional<Mode> parse_mode(std::string_view text) {
    for (Mode mode : {Mode::none, Mode::testing, Mode::enforce})
        if (text == to_string(mode)) return mode;
    return std::nullopt;
}

std::string PolicyBody::text() const {
    std::string out = fmt::format("version: STSv1\r\nmode: {}\r\n", to_string(mode));
    for (const std::string& pattern : mx) out += fmt::format("mx: {}\r\n", pattern);
    return out + fmt::format("max_age: {}\r\n", max_age.count());
}

Result<PolicyBody> parse_body(std::string_view text) {
    Fields fields;
    while (!text.empty()) {
        const auto end = text.find('\n');
        const std::string_view line = trimmed(text.substr(0, end));
        text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
        if (line.empty()) continue;
        const auto colon = line.find(':');
        if (colon == std::string_view::npos) return broken("a line without a colon");
        fields.take(trimmed(line.substr(0, colon)), trimmed(line.substr(colon + 1)));
    }
    PolicyBody body;
    if (fields.version != "STSv1") return broken("its version is not STSv1");
    const auto mode = parse_mode(fields.mode.value_or(""));
    if (!mode) return broken("its mode is none of enforce, testing and none");
    const auto max_age = parse_max_age(fields.max_age.value_or(""));
    if (!max_age) return broken("its max_age is no number of seconds");
    for (const std::string& pattern : fields.mx)
        if (!is_pattern(pattern)) return broken("a pattern in it is not a name or a wildcard");
    if (fields.mx.empty() && *mode != Mode::none) return broken("it names no mx");
    std::sort(fields.mx.begin(), fields.mx.end());
    fields.mx.erase(std::unique(fields.mx.begin(), fields.mx.end()), fields.mx.end());
    return PolicyBody{*mode, std::min(*max_age, kMaxAgeMost), std::move(fields.mx)};
}

bool is_pattern(std::string_view text) {
    if (text.starts_with("*.")) text.remove_prefix(2);
    if (text.empty() || text.back() == '.' || text.find('*') != std::string_view::npos) return false;
    auto name = dns::Name::parse(std::string(text));
    // An address is not a name of a host: its last label is all digits (RFC 1123 section 2.1).
    const auto last = text.substr(text.rfind('.') + 1);
    const bool address = std::all_of(last.begin(), last.end(), [](char letter) { return letter >= '0' && letter <= '9'; });
    return name.ok() && !address;
}

bool matches(std::string_view pattern, std::string_view host) {
    if (!pattern.starts_with("*.")) return pattern == host;
    const auto dot = host.find('.');
    return dot != std::string_view::npos && dot > 0 && host.substr(dot + 1) == pattern.substr(2);
}

bool covers(const PolicyBody& body, std::string_view host) {
    return std::any_of(body.mx.begin(), body.mx.end(), [&](const std::string& pattern) { return matches(pattern, host); });
}

} // namespace mxseal::rotation::mta_sts
