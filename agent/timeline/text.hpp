// The picture for a terminal: letters and signs of ASCII only, so that it stays whole in a mail or a ticket.
#pragma once

#include "agent/timeline/timeline.hpp"

#include <string>
#include <vector>

namespace mxseal::timeline {

// How loud a piece of a line is; whoever prints chooses colours, or none.
enum class Tone { plain, strong, dim, live, tail, now };
struct Piece {
    std::string text;
    Tone tone = Tone::plain;
};
using Line = std::vector<Piece>;

inline constexpr std::size_t kTextWidthMin = 80, kTextWidthMax = 240;

// Lines of at most `width` columns (raised to kTextWidthMin, lowered to kTextWidthMax). Not yet safe for a terminal: sentences
// may hold what a peer sent.
std::vector<Line> text_of(const Timeline& timeline, std::size_t width);
std::string plain(const std::vector<Line>& lines);

} // namespace mxseal::timeline
