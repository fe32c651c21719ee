#include "simulation/fault.hpp"

#include <cmath>

namespace mxseal::simulation {

namespace {

// SplitMix64: one well mixed number for each counter; no state to replay.
std::uint64_t mix(std::uint64_t value) {
    value += 0x9e3779b97f4a7c15ULL;
    value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9ULL;
    value = (value ^ (value >> 27)) * 0x94d049bb133111ebULL;
    return value ^ (value >> 31);
}

double unit(std::uint64_t value) { return static_cast<double>(value >> 11) * 0x1.0p-53; }

std::uint64_t figure(std::uint64_t seed, const Strike& strike, unsigned part) {
    return mix(mix(mix(seed) ^ (static_cast<std::uint64_t>(strike.fault) + 1)) ^ (static_cast<std::uint64_t>(strike.number) << 8 | part));
}

constexpr bool kByTheClock = true;
constexpr bool kAtAPoint = false;

// Chances are our choice: high enough that each kind strikes in most runs that have it on, low enough that rolls get done.
constexpr std::array<FaultFacts, kFaults> kFacts{{
    {Fault::transfer_late, "transfer_late", "a secondary takes a new version over minutes or hours late", kAtAPoint, 0.05},
    {Fault::server_falls_back, "server_falls_back", "a name server answers with an older version for a while", kByTheClock, 0.1},
    {Fault::server_unreachable, "server_unreachable", "mxseal cannot reach a name server, others can", kByTheClock, 0.2},
    {Fault::server_unsigned, "server_unsigned", "a name server answers without signatures", kByTheClock, 0.05},
    {Fault::signer_stops, "signer_stops", "the signer stands still and signatures run out", kByTheClock, 0.02},
    {Fault::query_lost, "query_lost", "one name server does not answer one round", kAtAPoint, 0.01},
    {Fault::write_answer_lost, "write_answer_lost", "a change is made and the answer is lost", kAtAPoint, 0.1},
    {Fault::write_applied_late, "write_applied_late", "no answer comes and the change is made minutes later", kAtAPoint, 0.05},
    {Fault::write_applied_twice, "write_applied_twice", "a change is delivered again minutes later", kAtAPoint, 0.1},
    {Fault::write_never, "write_never", "no answer comes and nothing is changed", kAtAPoint, 0.1},
    {Fault::write_lies, "write_lies", "the provider says yes and changes nothing", kAtAPoint, 0.05},
    {Fault::write_throttled, "write_throttled", "the provider asks to come again later", kAtAPoint, 0.1},
    {Fault::write_loses_race, "write_loses_race", "another hand changes the RRset right before", kAtAPoint, 0.03},
    {Fault::ttl_rewritten, "ttl_rewritten", "the provider serves another TTL than it was given", kAtAPoint, 0.1},
    {Fault::reload_fails, "reload_fails", "the reload ends with an error, the old pair is still served", kAtAPoint, 0.1},
    {Fault::reload_ignored, "reload_ignored", "the reload ends well, the old pair is still served", kAtAPoint, 0.03},
    {Fault::reload_slow, "reload_slow", "the new pair is served minutes after the reload", kAtAPoint, 0.1},
    {Fault::old_process_lingers, "old_process_lingers", "an old process serves the old pair for hours", kAtAPoint, 0.1},
    {Fault::disk_full, "disk_full", "the MTA's file cannot be written", kAtAPoint, 0.1},
    {Fault::foreign_certificate, "foreign_certificate", "somebody puts another pair into the MTA", kByTheClock, 0.03},
    {Fault::endpoint_down, "endpoint_down", "one address of a host cannot be reached", kByTheClock, 0.2},
    {Fault::starttls_gone, "starttls_gone", "one address of a host offers no STARTTLS", kByTheClock, 0.05},
    {Fault::ca_fails, "ca_fails", "the CA refuses an order", kAtAPoint, 0.2},
    {Fault::ca_throttles, "ca_throttles", "the CA asks to come again in hours", kAtAPoint, 0.1},
    {Fault::ca_slow, "ca_slow", "the CA takes hours", kAtAPoint, 0.1},
    {Fault::ca_wrong_key, "ca_wrong_key", "the CA issues for another key, which is refused", kAtAPoint, 0.05},
    {Fault::clock_steps, "clock_steps", "the wall clock steps, and steps back later", kByTheClock, 0.05},
    {Fault::clock_drifts, "clock_drifts", "the wall clock drifts by up to 100 ppm", kByTheClock, 0.05},
    {Fault::time_unknown, "time_unknown", "nobody can be asked for the time", kAtAPoint, 0.1},
    {Fault::record_added, "record_added", "somebody adds a TLSA record", kByTheClock, 0.03},
    {Fault::record_removed, "record_removed", "somebody removes a TLSA record of mxseal's", kByTheClock, 0.05},
    {Fault::ttl_edited, "ttl_edited", "somebody changes the TTL of the TLSA RRset", kByTheClock, 0.05},
    {Fault::configuration_changed, "configuration_changed", "rotate_every, tlsa_ttl or stagger is changed", kByTheClock, 0.05},
    {Fault::rolled_twice, "rolled_twice", "an operator asks for a roll, and again", kByTheClock, 0.1},
    {Fault::rolled_in_emergency, "rolled_in_emergency", "an operator asks for an emergency roll", kByTheClock, 0.1},
    {Fault::rolled_back, "rolled_back", "an operator rolls back", kByTheClock, 0.2},
    {Fault::halted, "halted", "an operator halts a host and resumes it hours later", kByTheClock, 0.1},
    {Fault::backup_restored, "backup_restored", "the state is restored from a backup of hours ago", kByTheClock, 0.01},
    {Fault::killed, "killed", "the agent is killed", kAtAPoint, 0.004},
    {Fault::store_fails, "store_fails", "the store cannot be written, or says so", kAtAPoint, 0.01},
    {Fault::store_forgets, "store_forgets", "what was not synced is lost with the machine", kByTheClock, 0.05},
    {Fault::second_agent, "second_agent", "a second agent is started beside the first", kByTheClock, 0.1},
    {Fault::falls_back_before_switch, "falls_back_before_switch", "a name server falls back to an older version right before another host's turn", kAtAPoint, 0.2},
    {Fault::clock_steps_at_switch, "clock_steps_at_switch", "the wall clock runs hours ahead right after a switch, and an operator rolls again", kAtAPoint, 0.05},
    {Fault::certificate_revoked, "certificate_revoked", "the CA revokes a certificate and moves its renewal window into the past", kByTheClock, 0.3},
    {Fault::renewal_info_silent, "renewal_info_silent", "the CA does not say when it wants a certificate renewed", kAtAPoint, 0.1},
    {Fault::renewal_info_garbage, "renewal_info_garbage", "the CA says nonsense about when it wants a certificate renewed", kAtAPoint, 0.1},
    {Fault::server_stuck_unseen, "server_stuck_unseen", "a secondary does not take a new version until shortly before it expires, and mxseal cannot reach it", kAtAPoint, 0.02},
    {Fault::old_process_returns, "old_process_returns", "an old process that was gone serves the old pair again right after the switch was proven", kAtAPoint, 0.2},
}};

} // namespace

const std::array<FaultFacts, kFaults>& all_faults() { return kFacts; }

const FaultFacts& facts_of(Fault fault) { return kFacts[static_cast<std::size_t>(fault)]; }

std::optional<Fault> parse_fault(std::string_view name) {
    for (const FaultFacts& each : kFacts)
        if (each.name == name) return each.fault;
    return std::nullopt;
}

FaultOptions FaultOptions::everything() {
    FaultOptions options;
    for (const FaultFacts& each : kFacts) options[each.fault] = each.chance;
    return options;
}

FaultOptions FaultOptions::random_subset(std::uint64_t seed) {
    FaultOptions options;
    for (const FaultFacts& each : kFacts) {
        const std::uint64_t drawn = mix(mix(seed ^ 0x5eedULL) + static_cast<std::uint64_t>(each.fault));
        if (drawn & 1) options[each.fault] = each.chance * std::exp2(unit(mix(drawn)) * 3 - 2);
    }
    return options;
}

FaultOptions FaultOptions::times(double factor) const {
    FaultOptions options = *this;
    for (double& each : options.chance) each *= factor;
    return options;
}

Fate::Fate(std::uint64_t seed, const FaultOptions& options, std::optional<std::set<Strike>> only) : seed_(seed), options_(options), only_(std::move(only)) {}

std::optional<Strike> Fate::draw(Fault fault, Instant now) {
    const double chance = options_[fault];
    if (chance <= 0 || stopped_) return std::nullopt;
    const Strike strike{fault, ++count_[static_cast<std::size_t>(fault)]};
    if (unit(figure(seed_, strike, 0xff)) >= chance || !happens(strike, now)) return std::nullopt;
    return strike;
}

std::optional<Fate::Coming> Fate::next(Fault fault, Instant now) {
    const double a_day = options_[fault];
    if (a_day <= 0 || stopped_) return std::nullopt;
    const Strike strike{fault, ++count_[static_cast<std::size_t>(fault)]};
    const double days = -std::log1p(-unit(figure(seed_, strike, 0xff))) / a_day;
    return Coming{strike, now + Duration{static_cast<std::int64_t>(days * 86'400'000)}};
}

bool Fate::happens(const Strike& strike, Instant now) {
    if (stopped_ || (only_ && !only_->contains(strike))) return false;
    struck_.push_back({strike, now});
    return true;
}

double Fate::measure(const Strike& strike, unsigned part) const { return unit(figure(seed_, strike, part)); }

Duration Fate::between(const Strike& strike, unsigned part, Duration least, Duration most) const {
    return least + Duration{static_cast<std::int64_t>(measure(strike, part) * static_cast<double>((most - least).count()))};
}

std::uint64_t Fate::choice(std::uint64_t below) { return mix(mix(seed_ ^ 0xc401ceULL) + ++choices_) % below; }

double Fate::uniform() { return unit(mix(mix(seed_ ^ 0xc401ceULL) + ++choices_)); }

} // namespace mxseal::simulation
