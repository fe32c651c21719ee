#include "agent/timeline/svg_paper.hpp"

#include <cstdint>

#include <fmt/format.h>

namespace mxseal::timeline {

namespace {

// Octets of the UTF-8 character that `text` begins with, 0 when none does or XML forbids it.
std::size_t character_length(std::string_view text) {
    const auto lead = static_cast<unsigned char>(text.front());
    if (lead < 0x80) return lead >= 0x20 && lead != 0x7f ? 1 : 0;
    // RFC 3629 section 3: C0, C1 and F5..FF never lead.
    const std::size_t length = lead >= 0xc2 && lead <= 0xdf ? 2 : lead >= 0xe0 && lead <= 0xef ? 3 : lead >= 0xf0 && lead <= 0xf4 ? 4 : 0;
    if (length == 0 || text.size() < length) return 0;
    std::uint32_t code = lead & (0xffu >> (length + 1));
    for (std::size_t i = 1; i < length; ++i) {
        const auto octet = static_cast<unsigned char>(text[i]);
        if ((octet & 0xc0) != 0x80) return 0;
        code = (code << 6) | (octet & 0x3fu);
    }
    const bool overlong = (length == 3 && code < 0x800) || (length == 4 && code < 0x10000);
    const bool control = code < 0xa0, surrogate = code >= 0xd800 && code <= 0xdfff, forbidden = code == 0xfffe || code == 0xffff || code > 0x10ffff;
    // Characters that turn the direction of writing would let a peer's text change how ours reads.
    const bool turns = (code >= 0x202a && code <= 0x202e) || (code >= 0x2066 && code <= 0x2069) || code == 0x200e || code == 0x200f || code == 0x061c;
    return overlong || control || surrogate || forbidden || turns ? 0 : length;
}

std::string stroke_of(const Ink& ink) {
    if (ink.stroke.empty()) return {};
    auto out = fmt::format(R"( stroke="{}" stroke-width="{:g}")", ink.stroke, ink.width);
    return ink.dashes.empty() ? out : out + fmt::format(R"( stroke-dasharray="{}")", ink.dashes);
}

} // namespace

std::string xml_escaped(std::string_view text) {
    std::string out;
    while (!text.empty()) {
        const std::size_t length = character_length(text);
        switch (length == 1 ? text.front() : '\0') {
        case '&': out += "&amp;"; break;
        case '<': out += "&lt;"; break;
        case '>': out += "&gt;"; break;
        case '"': out += "&quot;"; break;
        case '\'': out += "&#39;"; break;
        default: length == 0 ? out += '?' : out += text.substr(0, length);
        }
        text.remove_prefix(length == 0 ? 1 : length);
    }
    return out;
}

void Paper::rectangle(double x, double y, double width, double height, const Ink& ink) {
    body_ += fmt::format(R"(<rect x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{:.1f}" fill="{}"{}/>)"
                         "\n",
                         x, y, width, height, ink.fill, stroke_of(ink));
}

void Paper::line(double x1, double y1, double x2, double y2, const Ink& ink) {
    body_ += fmt::format(R"(<line x1="{:.1f}" y1="{:.1f}" x2="{:.1f}" y2="{:.1f}"{}/>)"
                         "\n",
                         x1, y1, x2, y2, stroke_of(ink));
}

void Paper::circle(double x, double y, double radius, const Ink& ink) {
    body_ += fmt::format(R"(<circle cx="{:.1f}" cy="{:.1f}" r="{:g}" fill="{}"{}/>)"
                         "\n",
                         x, y, radius, ink.fill, stroke_of(ink));
}

void Paper::text(double x, double y, std::string_view text, const Font& font) {
    const auto weight = font.bold ? R"( font-weight="bold")" : "";
    const auto anchor = font.anchor == "start" ? std::string() : fmt::format(R"( text-anchor="{}")", font.anchor);
    body_ += fmt::format(R"(<text x="{:.1f}" y="{:.1f}" font-size="{:g}" fill="{}"{}{}>{}</text>)"
                         "\n",
                         x, y, font.size, font.colour, weight, anchor, xml_escaped(text));
}

void Paper::hatching(std::string_view id, std::string_view colour) {
    body_ += fmt::format(R"x(<defs><pattern id="{0}" width="7" height="7" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">)x"
                         R"(<rect width="7" height="7" fill="#ffffff"/><rect width="2.5" height="7" fill="{1}"/></pattern></defs>)"
                         "\n",
                         id, colour);
}

void Paper::open_group(std::string_view tooltip) { body_ += fmt::format("<g><title>{}</title>\n", xml_escaped(tooltip)); }

void Paper::close_group() { body_ += "</g>\n"; }

std::string Paper::svg(double width, double height, std::string_view title, std::string_view description) const {
    return fmt::format(R"(<?xml version="1.0" encoding="UTF-8"?>)"
                       "\n"
                       R"(<svg xmlns="http://www.w3.org/2000/svg" role="img" width="{0:g}" height="{1:g}" viewBox="0 0 {0:g} {1:g}" )"
                       R"(font-family="DejaVu Sans, Verdana, Arial, Helvetica, sans-serif">)"
                       "\n<title>{2}</title>\n<desc>{3}</desc>\n"
                       R"(<rect width="{0:g}" height="{1:g}" fill="#ffffff"/>)"
                       "\n{4}</svg>\n",
                       width, height, xml_escaped(title), xml_escaped(description), body_);
}

} // namespace mxseal::timeline
