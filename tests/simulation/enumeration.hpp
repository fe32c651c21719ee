// Enumeration: visits every course of a SmallWorld within bounds, each world once.
//
// The usual course is what happens when nothing goes wrong: two hosts are adopted, publish, and roll, four times in all. From each world
// on it, (1) every order of up to `depth` moves is made; (2) every course is followed that leaves the usual one by up to
// `departures` moves, at any place, and goes on as usual for `tail` moves after the last of them. Worlds that are the same (fingerprint()) are
// followed once.
#pragma once

#include "tests/simulation/small_world.hpp"

#include <optional>
#include <string>
#include <vector>

namespace mxseal::small {

struct Bounds {
    std::size_t depth = 3;
    std::size_t departures = 1;
    std::size_t tail = 40;
    // Of the worlds on the usual course each so many-th is begun with; the next one on the course is among those that are one move away.
#ifdef __OPTIMIZE__
    std::size_t every = 2;
#else
    std::size_t every = 20;         // a world costs ten times as much
#endif
};

struct Enumerated {
    std::size_t course = 0;         // moves of the usual course
    std::size_t states = 0;         // different worlds that were followed
    std::size_t transitions = 0;    // moves made
    std::optional<Broken> broken;   // the first one; the search ends there
    std::vector<std::string> story; // the moves that led to it, from the usual course on
    std::size_t begun_at = 0;       // moves of the usual course before them
};
Enumerated enumerate(const Bounds& bounds);

// "states 1, transitions 2, .." in one line, and what was found.
std::string in_words(const Enumerated& result, const Bounds& bounds);

} // namespace mxseal::small
