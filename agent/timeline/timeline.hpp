// Timeline: the life of a host as one picture: its keys, the versions of its TLSA RRsets and how long any cache may hold them,
// what happened, what comes next. A plain value, made from what a desk answers (agent/runtime/desk.hpp) and nothing else, so that
// commands and the simulation draw the same. text.hpp and svg.hpp draw it. Any thread.
#pragma once

#include "base/json.hpp"
#include "base/time.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace mxseal::timeline {

// RFC 7583 section 3.1, as DESIGN.md names them. `active` begins here with the switch, not with its proof: from then on the key may
// be served, and that is what the versions have to match (requirements A.3, S(h,t)).
enum class Phase { generated, published, ready, active, retired, removed };
std::string_view to_string(Phase phase);

struct Span {
    Phase phase = Phase::generated;
    Instant from{};
    std::optional<Instant> to;               // absent: goes on
    bool operator==(const Span&) const = default;
};

struct KeyRow {
    std::string letter;                      // "A": its name in the picture, in order of appearance
    std::string spki;                        // SHA-256 of the SubjectPublicKeyInfo in hex
    std::string algorithm;                   // "ecdsa-p256"; empty: the log does not reach back to it
    std::string role;                        // "current", "next", "retired"; "removed": not in the status any more
    std::vector<Span> spans;                 // in order of time, without gaps; empty for a key removed at once
    std::string short_hash() const { return spki.substr(0, 8); }
};

// One stint of a version of an RRset: the same records that come back later are another one.
struct Version {
    std::string owner;                       // "_25._tcp.mx1.example.org"
    std::string records;                     // "{3 1 1 0a1b2c3d.., 3 1 1 77ee8899..}", as in the log; "{}": securely denied
    bool unseen = false;                     // what stood there before the first look: unknown
    std::optional<Instant> live_from;        // absent: before what is known
    std::optional<Instant> complete_at;      // every name server answered with it
    std::optional<Instant> live_until;       // no name server does any more; absent: some may
    std::optional<Instant> held_until;       // no cache can hold it any more; absent: not known before it is replaced
    std::string held_for;                    // "TTL 1h + safety_margin 16m + stale_margin 3d": held_until - live_until
    std::vector<std::string> letters;        // of the keys whose records it holds; "?" for a record of no known key
    bool has(const std::string& letter) const;
};

struct Mark {
    enum class Kind { adopted, requested, switch_started, switch_verified, went_back, clean_up, finished, halted, resumed, foreign };
    Kind kind = Kind::requested;
    Instant at{};
    std::string title;                       // "switch from key A to key B"
    std::string sentence;                    // of the log (P5)
    std::string proof;                       // of a switch: what caches could hold at that moment
};

std::string_view to_string(Mark::Kind kind);

struct Step {
    std::string what;
    std::optional<Instant> at;               // absent: depends on something without a date
    std::string reason;                      // (P5)
};

struct Timeline {
    std::string host;
    std::string state;                       // "steady", as in `status`
    std::string waiting;                     // the reason of the last decision
    Instant from{}, to{}, now{};             // from <= now <= to, from < to
    std::optional<Instant> known_from;       // the first fact; absent: nothing is known yet
    std::vector<KeyRow> keys;                // those with a part in the window, oldest first
    std::vector<Version> versions;           // the same; by owner
    std::vector<Mark> marks;                 // within the window
    std::vector<Step> steps;                 // with and without a date
    std::size_t left_out = 0;                // keys, versions and marks beyond what one picture holds
};

struct Question {
    std::string host;
    Instant now{};
    std::optional<Instant> from;             // absent: from the last roll on, or as far back as something may still be held
};

// `status`, `plan` and `log` as a desk gives them, other hosts' parts are passed over; the log may be cut at its beginning.
Timeline timeline_of(const Json& status, const Json& plan, const Json& log, const Question& question);
Json to_json(const Timeline& timeline);

// "2026-11-22T07:00:00Z" or "2h-ago"; an instant after `now` is refused.
Result<Instant> parse_from(std::string_view text, Instant now);

// The log entries that a picture is made of, at most: the newest so many (our choice: a year of a host with a roll a month stays far below).
inline constexpr std::size_t kEntriesMax = 10'000;

} // namespace mxseal::timeline
