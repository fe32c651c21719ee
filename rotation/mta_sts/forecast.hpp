// What would happen to a domain if the world did what it is asked from now on: the steps that `mxseal plan` shows, with their dates (P5).
//
// The same step() decides, in a world where every name server and every replica follows within a moment. Pure.
#pragma once

#include "rotation/mta_sts/step.hpp"

#include <string>
#include <vector>

namespace mxseal::rotation::mta_sts {

struct ForecastStep {
    Instant at{};             // at the earliest
    std::string event;        // as in the log: "policy.serve"
    std::string sentence;
    bool by_operator = false; // somebody has to do it; what follows counts from then
};

struct Forecast {
    std::vector<ForecastStep> steps; // at most `most`
    Reason stuck;                    // what it waits for in the end without a date; empty: it comes to rest
};

inline constexpr Duration kForecastFor = std::chrono::hours(24 * 730); // our choice: longer than any max_age

Forecast forecast(DomainState state, Instant now, const Policy& policy, const Surroundings& around, std::size_t most = 40);

} // namespace mxseal::rotation::mta_sts
