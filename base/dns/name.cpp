#include "base/dns/name.hpp"

#include <algorithm>

#include <fmt/format.h>

namespace mxseal::dns {

namespace {

Error refuse(std::string_view text, std::string_view why) {
    return Error(ErrorCode::invalid, fmt::format("'{}' is not a domain name: {}", escape_untrusted(text, 80), why));
}

bool is_name_character(char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
}

} // namespace

Result<Name> Name::parse(std::string_view text) {
    if (text == ".") return Name();
    std::string lower(text);
    if (!lower.empty() && lower.back() == '.') lower.pop_back();
    if (lower.empty()) return refuse(text, "it is empty");
    // RFC 1035 section 3.1: 255 octets on the wire are 253 as text without the final dot.
    if (lower.size() > 253) return refuse(text, "it has more than 253 octets");
    std::size_t label = 0;
    for (char& c : lower) {
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
        if (c == '.') {
            if (label == 0) return refuse(text, "a label is empty");
            label = 0;
            continue;
        }
        if (static_cast<unsigned char>(c) > 0x7f) return refuse(text, "write it with A-labels (xn--...)");
        if (!is_name_character(c)) return refuse(text, fmt::format("'{}' is not allowed", escape_untrusted(std::string_view(&c, 1))));
        if (++label > 63) return refuse(text, "a label has more than 63 octets");
    }
    if (label == 0) return refuse(text, "a label is empty");
    return Name(std::move(lower));
}

std::size_t Name::label_count() const {
    return is_root() ? 0 : static_cast<std::size_t>(std::count(text_.begin(), text_.end(), '.')) + 1;
}

Name Name::parent() const {
    auto dot = text_.find('.');
    if (is_root() || dot == std::string::npos) return Name();
    return Name(text_.substr(dot + 1));
}

bool Name::is_within(const Name& zone) const {
    if (zone.is_root() || *this == zone) return true;
    return text_.size() > zone.text_.size() && text_.ends_with(zone.text_) && text_[text_.size() - zone.text_.size() - 1] == '.';
}

Result<Name> Name::prefixed(std::string_view labels) const {
    return parse(is_root() ? std::string(labels) : fmt::format("{}.{}", labels, text_));
}

} // namespace mxseal::dns
