// Text for people: safe for a terminal, wrapped, in columns. Pure.
#pragma once

#include "agent/cli/console.hpp"
#include "base/json.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace mxseal::cli {

// Whatever a terminal would obey becomes '?': control characters of ASCII and of Latin-1 (C1), characters that turn the direction
// of writing, octets that are no UTF-8. Line feeds stay only where `lines` says so.
enum class Lines { keep, replace };
std::string printable(std::string_view text, Lines lines = Lines::replace);
// The same for JSON text, which stays the same JSON: such characters become \uNNNN escapes.
std::string printable_json(std::string_view json);

// Lines of at most `width` columns, broken at spaces; the first after `first`, the others after as many spaces as `first` is long.
std::string wrapped(std::string_view first, std::string_view text, std::size_t width);

enum class Colour { none, good, wait, bad, dim, bold };
std::string coloured(std::string_view text, Colour colour, const Style& style);

// Columns of the least width, two spaces between; a cell's colour counts for no width.
struct Cell {
    std::string text;
    Colour colour = Colour::none;
};
std::string table(const std::vector<std::vector<Cell>>& rows, std::string_view indent, const Style& style);

// A string member as it may be printed, or `otherwise`.
std::string text_of(const Json& value, std::string_view otherwise = "");
std::string plural(std::size_t count, std::string_view one);          // "2 hosts"

} // namespace mxseal::cli
