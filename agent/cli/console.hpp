// Console: where a command prints, and how. Everything printed goes through printable().
#pragma once

#include "base/json.hpp"

#include <iosfwd>
#include <string>
#include <string_view>

namespace mxseal::cli {

struct Style {
    bool colour = false;
    std::size_t width = 100; // columns for wrapping
};

class Console {
public:
    Console(std::ostream& out, std::ostream& err, Style style = {}) : out_(out), err_(err), style_(style) {}

    void print(std::string_view text);        // as it is, lines included
    void line(std::string_view text);
    void warn(std::string_view text);         // a line to stderr
    void json(const Json& value);             // indented, for one answer
    void json_line(const Json& value);        // one line, for a stream of them
    const Style& style() const { return style_; }

private:
    std::ostream& out_;
    std::ostream& err_;
    const Style style_;
};

} // namespace mxseal::cli
