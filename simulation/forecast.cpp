#include "simulation/forecast.hpp"

#include <algorithm>

#include <fmt/format.h>

namespace mxseal::simulation {

namespace {

using namespace std::chrono_literals;

std::int64_t seconds_of(Duration duration) { return std::chrono::duration_cast<std::chrono::seconds>(duration).count(); }
Json seconds_of(const std::optional<Duration>& duration) { return duration ? Json(seconds_of(*duration)) : Json(); }

Json list_of(const std::vector<std::string>& texts) {
    Json list = Json::array();
    for (const std::string& each : texts) list.push(each);
    return list;
}

// Of the years in which faults strike: clocks are set by NTP, for nobody else in this world would set a clock that drifts for months.
FaultOptions usual_faults() {
    FaultOptions options = FaultOptions::everything();
    options[Fault::clock_drifts] = 0;
    return options;
}

// What the world knows nothing of is left out or supposed, and said.
Result<Setting> setting_for(agent::Config config, std::vector<std::string>& assumptions) {
    std::string off, external, ports;
    const auto add = [](std::string& list, const std::string& name) { list += (list.empty() ? "" : ", ") + name; };
    for (auto host = config.hosts.begin(); host != config.hosts.end();) {
        if (!host->second.dane) {
            add(off, host->first.text());
            host = config.hosts.erase(host);
            continue;
        }
        if (host->second.certificate == "external") {
            add(external, host->first.text());
            host->second.certificate = "simulated";
        }
        if (host->second.ports != std::vector<std::uint16_t>{25}) add(ports, host->first.text());
        host->second.ports = {25};
        ++host;
    }
    if (config.hosts.empty())
        return Error(ErrorCode::invalid, off.empty() ? "the configuration names no host; add one under `hosts`" : fmt::format("there is nothing to simulate: `dane: off` for every host ({})", off));
    // Which MX RRsets name the hosts only the network knows: hosts of a zone share its mail (INV-4).
    config.domains.clear();
    Duration shortest = 1000h;
    for (const auto& [unused, host] : config.hosts) shortest = std::min(shortest, host.rotate_every);
    Setting setting = setting_of(std::move(config));
    setting.mail_every = std::clamp<Duration>(shortest / 100, 1s, setting.mail_every);
    assumptions.push_back(fmt::format("{} name servers a zone, {} addresses a host, no TLSA records before; the hosts of a zone share its mail", setting.servers, setting.addresses));
    if (!off.empty()) assumptions.push_back("left out, `dane: off`: " + off);
    if (!external.empty()) assumptions.push_back("`certificate: external`: the hook brings each certificate within a minute: " + external);
    if (!ports.empty()) assumptions.push_back("port 25 alone: " + ports);
    return setting;
}

Json to_json(const Trial& trial) {
    return Json::object({{"fault", facts_of(trial.fault).name},
                         {"what", facts_of(trial.fault).sentence},
                         {"struck_at", trial.struck ? Json(to_rfc3339(*trial.struck)) : Json()},
                         {"roll_later_s", seconds_of(trial.roll_later)},
                         {"went_back", trial.went_back},
                         {"halted_s", seconds_of(trial.halted)},
                         {"resumed", trial.resumed},
                         {"trouble_s", seconds_of(trial.troubled)},
                         {"host", trial.host},
                         {"sentence", trial.sentence},
                         {"deferred", trial.deferred},
                         {"broken_s", seconds_of(trial.broken)},
                         {"healed", trial.healed_after.has_value()},
                         {"healed_after_s", seconds_of(trial.healed_after)},
                         {"violations", list_of(trial.violations)}});
}

Json hosts_of(const Years& years) {
    Json list = Json::array();
    for (const HostYears& each : years.hosts)
        list.push(Json::object({{"host", each.host}, {"rotate_every_s", seconds_of(each.rotate_every)}, {"rolls", each.rolls}, {"emergency_rolls", each.emergency_rolls}, {"state", each.phase}}));
    return list;
}

Json waits_of(const Years& years) {
    Json list = Json::array();
    for (const Wait& each : years.waits)
        list.push(Json::object({{"host", each.host}, {"kind", each.kind}, {"length_s", seconds_of(each.length)}, {"times", each.times}, {"sentence", each.sentence}}));
    return list;
}

Json strikes_of(const Years& years) {
    Json strikes = Json::object();
    for (const FaultFacts& each : all_faults())
        if (const auto count = years.struck[static_cast<std::size_t>(each.fault)]) strikes.set(std::string(each.name), count);
    return strikes;
}

} // namespace

bool Forecast::kept() const {
    return years.violations.empty() && undisturbed.violations.empty() && std::all_of(trials.begin(), trials.end(), [](const Trial& each) { return each.violations.empty(); });
}

Result<std::vector<Fault>> faults_named(const std::vector<std::string>& names) {
    std::vector<Fault> faults;
    std::string allowed;
    for (const FaultFacts& each : all_faults()) {
        allowed += fmt::format("{}{}", allowed.empty() ? "" : ", ", each.name);
        if (names.empty()) faults.push_back(each.fault);
    }
    for (const std::string& name : names) {
        auto fault = parse_fault(name);
        if (!fault) return Error(ErrorCode::invalid, fmt::format("'{}' is no kind of fault; allowed: {}", escape_untrusted(name, 40), allowed));
        if (std::find(faults.begin(), faults.end(), *fault) == faults.end()) faults.push_back(*fault);
    }
    return faults;
}

Result<Forecast> forecast(const agent::Config& config, const ForecastWanted& wanted) {
    Forecast all;
    auto setting = setting_for(config, all.assumptions);
    if (!setting.ok()) return std::move(setting).error();
    all.seed = wanted.seed;
    all.host = wanted.host.empty() ? setting->config.hosts.begin()->first.text() : wanted.host;
    const auto& hosts = setting->config.hosts;
    if (std::none_of(hosts.begin(), hosts.end(), [&](const auto& each) { return each.first.text() == all.host; }))
        return Error(ErrorCode::invalid, fmt::format("{} has `dane: off`: nothing of it is rolled; name another host", all.host));
    const auto tell = [&](std::string_view what, std::size_t done_so_far, std::size_t of) {
        if (wanted.on_progress) wanted.on_progress(what, done_so_far, of);
    };
    tell("years", 0, kYearParts);
    all.years = live(*setting, wanted.length, wanted.seed, wanted.faults_in_years ? usual_faults() : FaultOptions::none(), all.host,
                     [&](std::size_t part) { tell("years", part, kYearParts); });
    if (wanted.trials.empty()) return all;
    tell("faults", 0, wanted.trials.size() + 1);
    all.undisturbed = roll_in_peace(*setting, wanted.seed, all.host);
    for (Fault fault : wanted.trials) {
        tell("faults", all.trials.size() + 1, wanted.trials.size() + 1);
        if (!all.undisturbed.possible()) break;
        all.trials.push_back(try_fault(*setting, wanted.seed, all.host, fault, all.undisturbed));
    }
    return all;
}

Json to_json(const Forecast& forecast) {
    const Years& years = forecast.years;
    const Undisturbed& roll = forecast.undisturbed;
    Json faults = Json::array();
    for (const Trial& each : forecast.trials) faults.push(to_json(each));
    std::vector<std::string> violations = years.violations;
    violations.insert(violations.end(), roll.violations.begin(), roll.violations.end());
    return Json::object({{"length_s", seconds_of(years.length)},
                         {"seed", forecast.seed},
                         {"host", forecast.host},
                         {"assumptions", list_of(forecast.assumptions)},
                         {"hosts", hosts_of(years)},
                         {"waits", waits_of(years)},
                         {"deliveries", Json::object({{"made", years.counters.deliveries}, {"failed", years.failed}, {"deferred", years.counters.deferred}})},
                         {"strikes", strikes_of(years)},
                         {"roll", roll.possible() ? Json::object({{"asked_at", to_rfc3339(*roll.asked)}, {"switched_after_s", seconds_of(roll.switched)}, {"finished_after_s", seconds_of(roll.finished)}}) : Json()},
                         {"faults", std::move(faults)},
                         {"violations", list_of(violations)},
                         {"events", years.counters.events},
                         {"kept", forecast.kept()},
                         {"picture", Json::object({{"host", years.picture.host}, {"at", to_rfc3339(years.picture.at)}, {"status", years.picture.status}, {"plan", years.picture.plan}, {"log", years.picture.log}})}});
}

} // namespace mxseal::simulation
