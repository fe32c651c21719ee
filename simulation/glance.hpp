// What an operator of the simulated agent sees when looking at it now and then, and what is kept of that.
#pragma once

#include "rotation/reason.hpp"
#include "simulation/world.hpp"

#include <map>
#include <string>
#include <utility>
#include <vector>

namespace mxseal::simulation {

// One host at one look, as the store has it: phase and reason are those of `status`.
struct Glance {
    std::string host, phase;
    rotation::Reason reason;         // of the last decision
    std::string trouble;                   // why the host counts as unhealthy; empty: healthy
    bool rolls = false;                    // a roll is under way or waits for its turn
    bool halted() const { return phase == "halted"; }
    bool ill() const { return halted() || !trouble.empty(); }
};
std::vector<Glance> glance_at(World& world);

// How long some host waited for one kind of thing.
struct Wait {
    std::string host;
    std::string kind;                      // code of the reason, and what it counts from: "wait.standby, complete at"
    Duration length{0};                    // the longest: as its arithmetic says, else from the first look to the last one
    std::string sentence;                  // of the longest, as the agent says it (P5)
    std::size_t times = 0;
};

// Gathers waits from looks. A host that rests until its next roll is due does not wait.
class WaitBook {
public:
    void look(const std::vector<Glance>& hosts, Instant now);
    // The longest of each kind, longest first; not what was over before the next look.
    std::vector<Wait> longest() const;

private:
    struct Open {
        std::string kind;
        Instant since{};
    };
    std::map<std::string, Open> open_;     // by host
    std::map<std::string, Wait> worst_;    // by kind
};

// Resumes what has been halted for a while, as somebody would who reads his mail in the morning.
class Operator {
public:
    static constexpr Duration kReadsAfter = std::chrono::hours(8); // our choice
    void look(World& world, const std::vector<Glance>& hosts);

private:
    std::map<std::string, Instant> halted_since_;
};

} // namespace mxseal::simulation
