// Forecast: what would happen with a configuration. Some years in the simulated internet, and for each kind of fault what one strike of
// it does to a roll. Everything happens in memory: no network, no store on disk, no file that the configuration names. One thread; the
// same seed gives the same forecast.
#pragma once

#include "simulation/trial.hpp"
#include "simulation/years.hpp"

#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace mxseal::simulation {

struct ForecastWanted {
    Duration length = std::chrono::hours(24 * 365); // of the years; more than zero
    std::uint64_t seed = 1;
    std::string host;                    // whose roll is drawn, and disturbed by faults; empty: the first one
    bool faults_in_years = false;        // the usual faults strike in the years, too
    std::vector<Fault> trials;           // a trial each
    // What is being done, and how much of it: `done` of `all`.
    std::function<void(std::string_view what, std::size_t done, std::size_t all)> on_progress;
};

struct Forecast {
    std::vector<std::string> assumptions; // what the configuration does not say and the world supposes
    std::string host;                     // see ForecastWanted
    std::uint64_t seed = 1;
    Years years;
    Undisturbed undisturbed;              // the roll of the trials when nothing goes wrong
    std::vector<Trial> trials;
    bool kept() const;                    // no promise was broken
};

// The kinds of fault of these names; none: all. `invalid` names what is allowed.
Result<std::vector<Fault>> faults_named(const std::vector<std::string>& names);

// `invalid` when there is no host whose keys would be rolled.
Result<Forecast> forecast(const agent::Config& config, const ForecastWanted& wanted);

// {"length_s", "seed", "host", "assumptions": [text], "hosts": [{"host", "rotate_every_s", "rolls", "emergency_rolls", "state"}],
//  "waits": [{"host", "kind", "length_s", "times", "sentence"}], "deliveries": {"made", "failed", "deferred"}, "strikes": {fault: count},
//  "roll": null | {"asked_at", "switched_after_s", "finished_after_s"},
//  "faults": [{"fault", "what", "struck_at": null | RFC 3339, "roll_later_s": null | number, "went_back", "halted_s", "resumed", "trouble_s", "host", "sentence",
//  "deferred", "broken_s", "healed_after_s", "healed", "violations": [text]}], "violations": [text], "events", "kept": bool,
//  "picture": {"host", "at", "status", "plan", "log"}}: all lengths in seconds.
Json to_json(const Forecast& forecast);

} // namespace mxseal::simulation
