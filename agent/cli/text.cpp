#include "agent/cli/text.hpp"

#include <algorithm>
#include <optional>

#include <fmt/format.h>

namespace mxseal::cli {

namespace {

struct Character {
    std::uint32_t code = 0;
    std::size_t length = 0; // octets; 0: no UTF-8 here
};

Character decode(std::string_view text) {
    const auto lead = static_cast<unsigned char>(text.front());
    if (lead < 0x80) return {lead, 1};
    // RFC 3629 section 3: C0, C1 and F5..FF never lead.
    const std::size_t length = lead >= 0xc2 && lead <= 0xdf ? 2 : lead >= 0xe0 && lead <= 0xef ? 3 : lead >= 0xf0 && lead <= 0xf4 ? 4 : 0;
    if (length == 0 || text.size() < length) return {};
    std::uint32_t code = lead & (0xffu >> (length + 1));
    for (std::size_t i = 1; i < length; ++i) {
        const auto octet = static_cast<unsigned char>(text[i]);
        if ((octet & 0xc0) != 0x80) return {};
        code = (code << 6) | (octet & 0x3fu);
    }
    const bool overlong = (length == 3 && code < 0x800) || (length == 4 && code < 0x10000);
    const bool surrogate = code >= 0xd800 && code <= 0xdfff;
    return overlong || surrogate || code > 0x10ffff ? Character{} : Character{code, length};
}

bool is_obeyed(std::uint32_t code) {
    const bool control = code < 0x20 || (code >= 0x7f && code <= 0x9f);
    const bool turns = (code >= 0x202a && code <= 0x202e) || (code >= 0x2066 && code <= 0x2069) || code == 0x200e || code == 0x200f || code == 0x061c;
    const bool breaks = code == 0x2028 || code == 0x2029;
    return control || turns || breaks;
}

std::size_t columns(std::string_view text) {
    return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }));
}

std::vector<std::string> words_of(std::string_view text) {
    std::vector<std::string> words;
    std::string word;
    for (char c : text) {
        if (c != ' ') {
            word += c;
        } else if (!word.empty()) {
            words.push_back(std::move(word));
            word.clear();
        }
    }
    if (!word.empty()) words.push_back(std::move(word));
    return words;
}

const char* escape_of(Colour colour) {
    switch (colour) {
    case Colour::none: return "";
    case Colour::good: return "\033[32m";
    case Colour::wait: return "\033[33m";
    case Colour::bad: return "\033[1;31m";
    case Colour::dim: return "\033[2m";
    case Colour::bold: return "\033[1m";
    }
    return "";
}

} // namespace

std::string printable(std::string_view text, Lines lines) {
    std::string out;
    while (!text.empty()) {
        const Character character = decode(text);
        const std::size_t length = std::max<std::size_t>(character.length, 1);
        if (character.code == '\n' && lines == Lines::keep)
            out += '\n';
        else if (character.length == 0 || is_obeyed(character.code))
            out += '?';
        else
            out += text.substr(0, length);
        text.remove_prefix(length);
    }
    return out;
}

std::string printable_json(std::string_view json) {
    std::string out;
    while (!json.empty()) {
        const Character character = decode(json);
        const std::size_t length = std::max<std::size_t>(character.length, 1);
        // RFC 8259 section 2: line feeds stand between tokens only, all others of that kind within strings.
        if (character.length == 0)
            out += "\\ufffd";
        else if (character.code != '\n' && is_obeyed(character.code))
            out += fmt::format("\\u{:04x}", character.code);
        else
            out += json.substr(0, length);
        json.remove_prefix(length);
    }
    return out;
}

std::string wrapped(std::string_view first, std::string_view text, std::size_t width) {
    std::string line(first), out;
    const std::string indent(columns(first), ' ');
    bool fresh = true;
    for (const auto& word : words_of(text)) {
        if (!fresh && columns(line) + 1 + columns(word) > width) {
            out += line + "\n";
            line = indent;
            fresh = true;
        }
        line += fresh ? word : " " + word;
        fresh = false;
    }
    while (!line.empty() && line.back() == ' ') line.pop_back();
    return out + line + "\n";
}

std::string coloured(std::string_view text, Colour colour, const Style& style) {
    if (!style.colour || colour == Colour::none) return std::string(text);
    return fmt::format("{}{}\033[0m", escape_of(colour), text);
}

std::string table(const std::vector<std::vector<Cell>>& rows, std::string_view indent, const Style& style) {
    std::vector<std::size_t> widths;
    for (const auto& row : rows) {
        widths.resize(std::max(widths.size(), row.size()));
        for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], columns(row[i].text));
    }
    std::string out;
    for (const auto& row : rows) {
        out += indent;
        for (std::size_t i = 0; i < row.size(); ++i) {
            out += coloured(row[i].text, row[i].colour, style);
            if (i + 1 < row.size()) out += std::string(widths[i] - columns(row[i].text) + 2, ' ');
        }
        out += "\n";
    }
    return out;
}

std::string text_of(const Json& value, std::string_view otherwise) {
    auto text = value.as_string();
    return text && !text->empty() ? printable(*text) : std::string(otherwise);
}

std::string plural(std::size_t count, std::string_view one) {
    if (count == 1) return fmt::format("1 {}", one);
    const bool ends_in_y = one.ends_with('y');
    return fmt::format("{} {}{}", count, ends_in_y ? one.substr(0, one.size() - 1) : one, ends_in_y ? "ies" : "s");
}

} // namespace mxseal::cli
