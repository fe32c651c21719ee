// Trials: what one strike of a fault does. Each is a short life: the hosts become steady, an operator asks for a roll of one, and the fault
// strikes once: right before the request when it comes by the clock, else at its first occasion from then on. The roll is compared with
// the same one left in peace.
#pragma once

#include "simulation/glance.hpp"
#include "simulation/setting.hpp"

#include <optional>
#include <set>
#include <string>
#include <vector>

namespace mxseal::simulation {

// The roll that nothing disturbs, in true time.
struct Undisturbed {
    Instant began{};
    std::optional<Instant> asked;                 // for the roll, all hosts steady; absent: they were not within `kTrialMax`
    std::optional<Duration> switched, finished;   // since then; absent: not within `kTrialMax`
    std::array<std::uint32_t, kFaults> chances{}; // that each fault at a point had had by then, and until the end
    std::array<std::uint32_t, kFaults> chances_in_all{};
    std::set<std::string> sentences;              // what the agent said it waits for
    std::vector<std::string> violations;
    bool possible() const { return asked && finished; }
};

struct Trial {
    Fault fault{};
    std::optional<Instant> struck;                // absent: a roll gives this fault no occasion
    std::optional<Duration> roll_later;           // than undisturbed, negative: sooner; absent: not finished
    bool went_back = false;                       // to the old key, and stayed there; not finished otherwise: the request is forgotten
    Duration halted{0};                           // some host was
    bool resumed = false;                         // by an operator; false: it went on by itself
    Duration troubled{0};                         // halted, or a host unhealthy, or an action failing
    std::string host, sentence;                   // what the operator reads, and of which host: the halt, else the first line of the log that tells of it, else the longest new wait
    std::size_t deferred = 0;                     // deliveries, by the foreign hand's doing
    Duration broken{0};                           // longest time in which served key and records did not match, the same
    std::optional<Duration> healed_after;         // from the strike to the end of the last trouble; absent: still in trouble at the end
    std::vector<std::string> violations;          // of what mxseal promises, in words
};

// From the start to the request, and from the request to the end, at most: our choice, far beyond what the default margins add up to.
constexpr Duration kTrialMax = std::chrono::hours(24 * 90);

// Needs setting.config to have the host.
Undisturbed roll_in_peace(const Setting& setting, std::uint64_t seed, const std::string& host);
Trial try_fault(const Setting& setting, std::uint64_t seed, const std::string& host, Fault fault, const Undisturbed& undisturbed);

} // namespace mxseal::simulation
