// Paper: shapes and text as SVG 1.1. Everything is escaped here and nowhere else.
#pragma once

#include <string>
#include <string_view>

namespace mxseal::timeline {

// For element content and attribute values. XML 1.0 section 2.2: characters that it forbids, and octets that are no UTF-8, become '?'.
std::string xml_escaped(std::string_view text);

struct Ink {
    std::string fill = "none";
    std::string stroke{};
    double width = 1;
    std::string dashes{};   // "5 4"; empty: solid
};

struct Font {
    double size = 12;
    std::string_view colour = "#222222";
    bool bold = false;
    std::string_view anchor = "start";
};

class Paper {
public:
    void rectangle(double x, double y, double width, double height, const Ink& ink);
    void line(double x1, double y1, double x2, double y2, const Ink& ink);
    void circle(double x, double y, double radius, const Ink& ink);
    void text(double x, double y, std::string_view text, const Font& font);
    // Diagonal stripes of the colour on white, usable as fill "url(#id)".
    void hatching(std::string_view id, std::string_view colour);
    // What a reader sees who rests the pointer on what follows, until close_group().
    void open_group(std::string_view tooltip);
    void close_group();

    // `title` and `description` are for those who listen to the picture.
    std::string svg(double width, double height, std::string_view title, std::string_view description) const;

private:
    std::string body_;
};

} // namespace mxseal::timeline
