// Reason: why something waits or is refused, as a value (P5). It prints as one sentence with its arithmetic; plan, status,
// the log and the tests print the same one.
#pragma once

#include "base/time.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace mxseal::rotation {

struct Reason {
    struct Term {
        std::string label; // "TTL", "safety_margin"
        Duration length{0};
        bool operator==(const Term&) const = default;
    };
    std::string code;                  // stable: "wait.standby", "halt.conflict"
    std::string text;                  // what is so, without a final stop
    std::string base_label;            // "complete at"
    std::optional<Instant> base;       // first summand
    std::vector<Term> terms;           // the others; base + terms = until
    std::optional<Instant> until;      // when the wait ends, as far as it is known now
    std::string advice;                // what the operator can do; empty: nothing to do

    // "next key 0a1b2c3d may be served from 2026-11-22T13:41:00Z: complete at 12:25:00Z + TTL 1h + safety_margin 16m"
    std::string sentence() const;
    bool empty() const { return code.empty(); }
    bool operator==(const Reason&) const = default;
};

Reason because(std::string code, std::string text, std::string advice = {});
// A wait whose end is the sum of its parts; terms of length zero are left out.
Reason wait_until(std::string code, std::string text, std::string base_label, Instant base, std::vector<Reason::Term> terms);

} // namespace mxseal::rotation
