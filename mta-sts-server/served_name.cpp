#include "mta-sts-server/served_name.hpp"

#include <algorithm>

namespace mxseal::server {

namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_name_character(char c) { return (c >= 'a' && c <= 'z') || is_digit(c) || c == '-' || c == '_'; }

} // namespace

std::optional<std::string> served_name(std::string_view text) {
    if (!text.empty() && text.back() == '.') text.remove_suffix(1);
    if (text.empty() || text.size() > 253) return std::nullopt;
    std::string name(text);
    std::size_t label = 0;
    for (char& c : name) {
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
        if (c == '.') {
            if (label == 0) return std::nullopt;
            label = 0;
            continue;
        }
        if (!is_name_character(c) || ++label > 63) return std::nullopt;
    }
    if (label == 0) return std::nullopt;
    // RFC 3696 section 2: no top-level domain is all digits, so this is an IPv4 address.
    const auto last = std::string_view(name).substr(name.size() - label);
    if (std::all_of(last.begin(), last.end(), is_digit)) return std::nullopt;
    return name;
}

std::optional<std::string> name_of_authority(std::string_view text) {
    const auto colon = text.find(':');
    if (colon != std::string_view::npos) {
        const auto port = text.substr(colon + 1);
        if (port.size() > 5 || !std::all_of(port.begin(), port.end(), is_digit)) return std::nullopt;
        text = text.substr(0, colon);
    }
    return served_name(text);
}

bool offers_only_acme(ByteView list) {
    constexpr std::string_view kOnly("\x00\x0b\x0a" "acme-tls/1", 13);
    return std::equal(list.begin(), list.end(), kOnly.begin(), kOnly.end(), [](std::uint8_t octet, char c) { return octet == static_cast<std::uint8_t>(c); });
}

} // namespace mxseal::server
