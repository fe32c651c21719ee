// What the decisions of both halves of rotation/ are made of: failures, their back-off, lines for the log.
#pragma once

#include "rotation/reason.hpp"

#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace mxseal::rotation {

// What an action's failure tells: the sentence for people, and when to try again (absent: our own back-off).
struct Failure {
    std::string sentence;
    std::optional<Duration> retry_after;
    bool permanent = false;     // trying again cannot help until somebody changes something
};

struct Retry {
    int failures = 0;
    Instant next{};                             // not before
    Reason reason;                              // what failed
};

// Something for the log, with the sentence that people read.
struct Note {
    std::string event;                           // "tlsa.complete"
    std::vector<std::pair<std::string, std::string>> fields;
    std::string sentence;
};

// One more failure of `task`: the back-off doubles from `shortest` up to `longest`, unless the peer named a time; the note says so.
Note count_failure(Retry& retry, const Failure& failure, std::string_view task, Instant now, Duration shortest, Duration longest);

// The clock that `next` was taken from ran ahead and was put right: what is meant to be tried again within `longest` is.
void not_later(Retry& retry, Instant now, Duration longest);

} // namespace mxseal::rotation
