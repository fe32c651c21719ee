#include "agent/config/values.hpp"

#include <array>

#include <fmt/format.h>

namespace mxseal::agent::config {

namespace {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

struct Key {
    const char* name;
    Duration Timing::*member;
    Duration least, most;
    bool guards_p1; // shorter than the default, some resolver may see a gap
};

// Defaults and bounds: requirements.md section 0. Where it names no upper bound: our choice, beyond it is a slip of the unit.
constexpr std::array<Key, 15> kKeys{{
    {"safety_margin", &Timing::safety_margin, seconds(0), hours(168), true},
    {"resolver_min_ttl", &Timing::resolver_min_ttl, seconds(0), hours(168), true},
    {"stale_margin", &Timing::stale_margin, seconds(0), hours(30 * 24), true},
    {"emergency_stale_margin", &Timing::emergency_stale_margin, seconds(0), hours(30 * 24), false},
    {"anycast_margin", &Timing::anycast_margin, seconds(0), hours(24), true},
    {"unseen_ttl", &Timing::unseen_ttl, seconds(0), hours(168), true}, // at most 7 d
    {"stagger", &Timing::stagger, seconds(0), hours(90 * 24), false},
    {"rollback_hold", &Timing::rollback_hold, seconds(0), hours(90 * 24), false},
    {"unreachable_grace", &Timing::unreachable_grace, seconds(0), hours(168), false},
    {"policy_refresh", &Timing::policy_refresh, seconds(1), hours(168), false},
    {"proxy_margin", &Timing::proxy_margin, seconds(0), hours(24), true},
    {"testing_for", &Timing::testing_for, seconds(0), hours(365 * 24), true},
    {"quiet_for", &Timing::quiet_for, seconds(0), hours(365 * 24), false},
    {"observe_every", &Timing::observe_every, seconds(1), hours(1), false},
    {"monitor_every", &Timing::monitor_every, seconds(1), hours(24), false},
}};

void warn_below_defaults(Reading& reading, int line) {
    std::string names;
    for (const Key& key : kKeys)
        if (key.guards_p1 && reading.config.timing.*key.member < Timing{}.*key.member) names += (names.empty() ? "" : ", ") + std::string(key.name);
    if (names.empty()) return;
    reading.warn(line, fmt::format("timing: {} below the default: fit for a laboratory; resolvers out there may still hold what mxseal believes gone", names));
}

} // namespace

void read_timing(Reading& reading, const Value& value) {
    MapReader map(reading, value,
                  {"safety_margin", "resolver_min_ttl", "stale_margin", "emergency_stale_margin", "anycast_margin", "unseen_ttl", "stagger", "rollback_hold",
                   "unreachable_grace", "policy_refresh", "proxy_margin", "testing_for", "quiet_for", "observe_every", "monitor_every"});
    for (const Key& key : kKeys) {
        Value given = map[key.name];
        reading.timing_lines[key.name] = given.line;
        if (auto duration = read_duration(reading, given, key.least, key.most)) reading.config.timing.*key.member = *duration;
    }
    const Timing& timing = reading.config.timing;
    if (timing.observe_every > timing.monitor_every)
        reading.mistake_at(map["observe_every"].line, fmt::format("timing.observe_every {} is longer than timing.monitor_every {}; allowed: at most as long", to_string(timing.observe_every),
                                                                  to_string(timing.monitor_every)));
    if (timing.emergency_stale_margin > timing.stale_margin)
        reading.mistake_at(map["emergency_stale_margin"].line, fmt::format("timing.emergency_stale_margin {} is longer than timing.stale_margin {}; allowed: at most as long",
                                                                           to_string(timing.emergency_stale_margin), to_string(timing.stale_margin)));
    warn_below_defaults(reading, value.line);
}

} // namespace mxseal::agent::config
