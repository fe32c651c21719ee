// Faults: what can go wrong in the simulated world, how likely each is, and which of them did strike.
//
// A fault is drawn at numbered points: the n-th chance of its kind. Whether it strikes depends on seed, kind and number alone, so a
// run is replayed from its seed, and a story is made shorter by forbidding single strikes (`only`) without moving the others.
#pragma once

#include "base/time.hpp"

#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace mxseal::simulation {

enum class Fault : std::uint8_t {
    // name servers
    transfer_late, server_falls_back, server_unreachable, server_unsigned, signer_stops, query_lost,
    // the provider that is written to
    write_answer_lost, write_applied_late, write_applied_twice, write_never, write_lies, write_throttled, write_loses_race, ttl_rewritten,
    // MX hosts
    reload_fails, reload_ignored, reload_slow, old_process_lingers, disk_full, foreign_certificate, endpoint_down, starttls_gone,
    // certificates
    ca_fails, ca_throttles, ca_slow, ca_wrong_key,
    // clocks
    clock_steps, clock_drifts, time_unknown,
    // people
    record_added, record_removed, ttl_edited, configuration_changed, rolled_twice, rolled_in_emergency, rolled_back, halted, backup_restored,
    // mxseal itself
    killed, store_fails, store_forgets, second_agent,
    // at the worst moment of a roll; at the end, so that the numbers of the others stay
    falls_back_before_switch, clock_steps_at_switch,
    // certificates again: what the CA says of their renewal (RFC 9773)
    certificate_revoked, renewal_info_silent, renewal_info_garbage,
    // at the worst moment again
    server_stuck_unseen, old_process_returns,
};
constexpr std::size_t kFaults = static_cast<std::size_t>(Fault::old_process_returns) + 1;

struct FaultFacts {
    Fault fault;
    std::string_view name;     // stable: files and reports carry it
    std::string_view sentence; // what happens, for people
    bool by_the_clock;         // `chance` counts times a day, else at each point where it can strike
    double chance;             // when it is switched on
};
const std::array<FaultFacts, kFaults>& all_faults();
const FaultFacts& facts_of(Fault fault);
std::optional<Fault> parse_fault(std::string_view name);

// All probabilities in one place.
struct FaultOptions {
    std::array<double, kFaults> chance{};

    double& operator[](Fault fault) { return chance[static_cast<std::size_t>(fault)]; }
    double operator[](Fault fault) const { return chance[static_cast<std::size_t>(fault)]; }
    static FaultOptions none() { return {}; }
    static FaultOptions everything();
    // Each kind is on with one half, at its usual chance times 1/4 to 2.
    static FaultOptions random_subset(std::uint64_t seed);
    FaultOptions times(double factor) const;
};

// One strike: kind and number of the chance.
struct Strike {
    Fault fault{};
    std::uint32_t number = 0;
    auto operator<=>(const Strike&) const = default;
};
struct Struck : Strike {
    Instant at{};
};

class Fate {
public:
    Fate(std::uint64_t seed, const FaultOptions& options, std::optional<std::set<Strike>> only);

    // At a point where `fault` can strike.
    std::optional<Strike> draw(Fault fault, Instant now);
    // The next strike of a fault that comes by the clock, after `now`; absent: never. Call it again when the time has come.
    struct Coming {
        Strike strike;
        Instant at{};
    };
    std::optional<Coming> next(Fault fault, Instant now);
    // Strikes of the clock are asked for in advance: this says whether one is allowed, and counts it.
    bool happens(const Strike& strike, Instant now);
    void stop() { stopped_ = true; }       // nothing strikes any more
    bool stopped() const { return stopped_; }

    // How hard it strikes: uniform in [0, 1), the `part`-th figure of this strike.
    double measure(const Strike& strike, unsigned part) const;
    Duration between(const Strike& strike, unsigned part, Duration least, Duration most) const;
    // Harmless choices: who asks when.
    std::uint64_t choice(std::uint64_t below);
    double uniform();

    const std::vector<Struck>& struck() const { return struck_; }
    // That it has had so far, whether it struck or not.
    std::uint32_t chances(Fault fault) const { return count_[static_cast<std::size_t>(fault)]; }

private:
    std::uint64_t seed_;
    FaultOptions options_;
    std::optional<std::set<Strike>> only_;
    std::array<std::uint32_t, kFaults> count_{};
    std::uint64_t choices_ = 0;
    std::vector<Struck> struck_;
    bool stopped_ = false;
};

} // namespace mxseal::simulation
