// The plain words of the picture, the same in text and SVG: for an operator who has read no RFC.
#pragma once

#include "agent/timeline/timeline.hpp"

namespace mxseal::timeline {

std::string_view role_words(const KeyRow& key);       // "in use", "standby", ..
std::string_view phase_words(Phase phase);            // short, for the inside of a bar
std::string_view phase_explained(Phase phase);        // for the legend
std::string version_words(const Version& version);    // "A+B", "no record", "unknown"
std::string state_words(const std::string& state);    // "steady: nothing to do, the standby is ready"
std::string port_words(const std::string& owner);     // "port 25"
// Names of keys beside their hashes: "key 0a1b2c3d (A)".
std::string with_letters(const Timeline& timeline, std::string text);
// What the picture is about, in three sentences; the third says how the host stands.
std::vector<std::string> introduction(const Timeline& timeline);

// "07:20:12", with the day when the window has several: "22 Nov 07:20".
std::string moment(const Timeline& timeline, Instant at);
std::string day_and_time(Instant at);                 // "22 Nov 2026 07:20:12 UTC"

struct Tick {
    Instant at{};
    std::string label;
};
// Round instants from `from` to `to`, at most `most` of them (at least 2).
std::vector<Tick> ticks_of(Instant from, Instant to, std::size_t most);

// Lines of at most `width` characters, broken at spaces; a longer word stays whole.
std::vector<std::string> lines_of(std::string_view text, std::size_t width);

// What is numbered in the picture: marks first, then steps.
struct Numbered {
    std::size_t number = 0;
    std::optional<Instant> at;
    bool future = false;
    bool important = false;                           // the switch itself
    std::string when;                                 // "07:20:12", "now", "no date yet"
    std::string title;
    std::vector<std::string> sentences;
};
std::vector<Numbered> numbered(const Timeline& timeline);

} // namespace mxseal::timeline
