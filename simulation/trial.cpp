#include "simulation/trial.hpp"

#include "simulation/years.hpp"

#include <algorithm>
#include <iterator>

namespace mxseal::simulation {

using namespace std::chrono_literals;

namespace {

// A fault that comes by the clock has an occasion this often; the last fitting one before the request is taken, for some the first one
// after it.
constexpr double kOccasionsADay = 24 * 60 * 4;
constexpr Duration kAside = 30s;
constexpr Duration kMailEvery = 10min; // so that a short gap is met by somebody
constexpr Duration kQuiet = 24h;     // without trouble after the roll: it is over
constexpr Duration kLooksOften = 48h; // after the request
// What an operator would stop at when reading the log.
constexpr std::array kNotable{"host.halted", "switch.failed", "roll.back", "wire.trouble", "wire.foreign_key", "tlsa.incomplete", "tlsa.repair",
                              "tlsa.withdrawn", "standby.lost", "clock.stepped", "action.failed"};

class TrialLife {
public:
    TrialLife(const Setting& setting, std::uint64_t seed, std::string host, const FaultOptions& faults, std::set<Strike> only)
        : world_(setting, Options{seed, faults, std::move(only), false}), host_(std::move(host)), began_(world_.now()) {
        world_.on_log = [this](const agent::LogEntry& entry) { hear(entry); };
    }

    // True when all hosts became steady.
    bool settle() {
        const Duration step = look_every(world_.setting().config);
        while (world_.now() < began_ + kTrialMax && world_.judge().clean()) {
            world_.run_until(world_.now() + step);
            const auto hosts = glance_at(world_);
            const bool steady = !hosts.empty() && std::all_of(hosts.begin(), hosts.end(), [](const Glance& each) { return each.phase == "steady"; });
            if (!steady || world_.agent() == nullptr) continue;
            return true;
        }
        return false;
    }

    bool ask(Instant at) {
        world_.run_until(at);
        asked_ = world_.now();
        return world_.agent() != nullptr && world_.agent()->request(Json::object({{"command", "roll"}, {"hosts", Json(Json::Array{Json(host_)})}, {"who", "operator"}})).ok();
    }

    // Until the roll is over and nothing has been in trouble for a while.
    void watch() {
        const Duration seldom = look_every(world_.setting().config), often = std::min<Duration>(seldom, 5min);
        while (world_.now() < *asked_ + kTrialMax && world_.judge().clean() && !over()) {
            const Instant before = world_.now();
            world_.run_until(before + (before < *asked_ + kLooksOften ? often : seldom));
            look(world_.now() - before);
        }
    }

    const World& world() const { return world_; }
    Instant began() const { return began_; }
    Instant now() const { return world_.now(); }
    std::optional<Duration> since_asked(const std::optional<Instant>& at) const { return at ? std::optional(*at - *asked_) : std::nullopt; }
    std::optional<Instant> switched() const { return switched_; }
    std::optional<Instant> finished() const { return finished_; }

    void tell(Trial& trial, const Undisturbed& undisturbed) const {
        const auto& struck = world_.fate().struck();
        if (!struck.empty()) trial.struck = struck.front().at;
        if (finished_) trial.roll_later = *since_asked(finished_) - *undisturbed.finished;
        trial.went_back = backed_ && !finished_;
        trial.halted = halted_;
        trial.resumed = resumed_;
        trial.troubled = troubled_;
        trial.deferred = world_.counters().deferred;
        trial.broken = world_.counters().worst_foreign_breakage;
        if (trial.struck && !in_trouble_) trial.healed_after = last_trouble_ ? *last_trouble_ - *trial.struck : Duration{0};
        trial.violations = in_words(world_.judge().violations());
        std::pair<std::string, std::string> said = halt_;
        if (said.second.empty()) said = notable_;
        if (said.second.empty() && trial.roll_later.value_or(kTrialMax) > often_enough()) said = {host_, longest_new(undisturbed)};
        trial.host = said.first;
        trial.sentence = said.second;
    }
    const std::map<std::string, Duration>& waits() const { return waits_; }

private:
    Duration often_enough() const { return 2 * world_.setting().config.timing.observe_every; }

    void hear(const agent::LogEntry& entry) {
        if (!world_.fate().struck().empty() && notable_.second.empty() && std::find(kNotable.begin(), kNotable.end(), entry.event) != kNotable.end())
            notable_ = {entry.host.empty() ? "the agent" : entry.host, entry.sentence};
        if (entry.event == "host.resumed") resumed_ = true;
        if (entry.host != host_) return;
        if (entry.event == "switch.started" && !switched_) switched_ = world_.now();
        if (entry.event == "roll.finished" && !finished_) finished_ = world_.now();
        if (entry.event == "roll.backed") backed_ = world_.now();
    }

    void look(Duration lasted) {
        const auto hosts = glance_at(world_);
        bool halted = false, ill = world_.agent() == nullptr || world_.agent()->hosts_in_trouble() > 0;
        for (const Glance& each : hosts) {
            halted = halted || each.halted();
            ill = ill || each.ill();
            if (each.halted() && halt_.second.empty()) halt_ = {each.host, each.reason.sentence()};
            if (each.host == host_ && !each.reason.empty()) waits_[each.reason.sentence()] += lasted;
            if (each.host == host_ && each.rolls) last_busy_ = world_.now();
        }
        if (halted) halted_ += lasted;
        if (ill) {
            troubled_ += lasted;
            last_trouble_ = world_.now();
        }
        in_trouble_ = ill;
        operator_.look(world_, hosts);
    }

    bool over() const { return !in_trouble_ && world_.now() >= std::max(last_busy_.value_or(*asked_), last_trouble_.value_or(*asked_)) + kQuiet; }

    std::string longest_new(const Undisturbed& undisturbed) const {
        std::pair<Duration, std::string> longest{Duration{0}, {}};
        for (const auto& [sentence, lasted] : waits_)
            if (!undisturbed.sentences.contains(sentence) && lasted > longest.first) longest = {lasted, sentence};
        return longest.second;
    }

    World world_;
    const std::string host_;
    const Instant began_;
    Operator operator_;
    std::optional<Instant> asked_, switched_, finished_, backed_, last_trouble_, last_busy_;
    Duration halted_{0}, troubled_{0};
    bool in_trouble_ = false, resumed_ = false;
    std::pair<std::string, std::string> halt_, notable_; // host and sentence
    std::map<std::string, Duration> waits_;              // sentence and how long it stood
};

// Of the occasions of a fault that comes by the clock, one that shows what it can do: to the host that is rolled, and lasting neither
// the shortest nor the longest time.
bool tells(const Fate& fate, const Strike& strike, std::size_t host, std::size_t hosts) {
    const auto within = [&](unsigned part, double least, double most) { return fate.measure(strike, part) >= least && fate.measure(strike, part) < most; };
    if (static_cast<std::size_t>(fate.measure(strike, 0) * static_cast<double>(hosts)) != host) return false;
    if (strike.fault == Fault::server_falls_back && !within(1, 0.5, 1)) return false;                  // the primary does not fall back
    if (strike.fault == Fault::signer_stops) return within(3, 0, 0.03) && within(4, 0.5, 1);            // signatures run out before it runs again
    if (strike.fault == Fault::clock_steps && !(within(4, 0.7, 1) && within(5, 0.5, 1))) return false; // forward, which would end waits too early, and nothing else
    if (strike.fault == Fault::rolled_back && !within(4, 0.5, 1)) return false;                         // at once, not at the next removal
    return within(3, 0.2, 0.6);
}

// A killed agent is started again by the service manager; when it stays dead nothing happens until it lives.
bool restarts_at_once(const Fate& fate, const Strike& strike) { return strike.fault != Fault::killed || fate.measure(strike, 1) >= 0.2; }

// Some mean nothing without a roll under way.
bool strikes_later(Fault fault) { return fault == Fault::rolled_back || fault == Fault::rolled_in_emergency || fault == Fault::rolled_twice; }

Setting with_more_mail(Setting setting) {
    setting.mail_every = std::min(setting.mail_every, kMailEvery);
    return setting;
}

std::optional<Strike> close_to(std::uint64_t seed, const FaultOptions& options, Fault fault, Instant began, Instant asked, std::size_t host, std::size_t hosts) {
    Fate fate(seed, options, std::nullopt);
    std::optional<Strike> last;
    for (auto coming = fate.next(fault, began); coming; coming = fate.next(fault, coming->at)) {
        if (!tells(fate, coming->strike, host, hosts)) continue;
        const bool before = coming->at < asked - kAside;
        if (before && !strikes_later(fault)) last = coming->strike;
        if (coming->at >= asked + kAside) return last ? last : coming->strike;
    }
    return last;
}

} // namespace

Undisturbed roll_in_peace(const Setting& setting, std::uint64_t seed, const std::string& host) {
    // Every fault at a point has its chances counted, and none may strike.
    FaultOptions counted;
    for (const FaultFacts& each : all_faults())
        if (!each.by_the_clock) counted[each.fault] = 1;
    TrialLife life(with_more_mail(setting), seed, host, counted, {});
    Undisturbed undisturbed;
    undisturbed.began = life.began();
    const bool steady = life.settle();
    for (std::size_t each = 0; each < kFaults; ++each) undisturbed.chances[each] = life.world().fate().chances(static_cast<Fault>(each));
    if (steady && life.ask(life.now())) {
        undisturbed.asked = life.now();
        life.watch();
        undisturbed.switched = life.since_asked(life.switched());
        undisturbed.finished = life.since_asked(life.finished());
    }
    for (std::size_t each = 0; each < kFaults; ++each) undisturbed.chances_in_all[each] = life.world().fate().chances(static_cast<Fault>(each));
    for (const auto& [sentence, unused] : life.waits()) undisturbed.sentences.insert(sentence);
    undisturbed.violations = in_words(life.world().judge().violations());
    return undisturbed;
}

Trial try_fault(const Setting& setting, std::uint64_t seed, const std::string& host, Fault fault, const Undisturbed& undisturbed) {
    Trial trial;
    trial.fault = fault;
    const auto kind = static_cast<std::size_t>(fault);
    const bool by_the_clock = facts_of(fault).by_the_clock;
    FaultOptions options;
    options[fault] = by_the_clock ? kOccasionsADay : 1;
    std::optional<Strike> strike;
    if (by_the_clock) {
        const auto& hosts = setting.config.hosts;
        const auto number = static_cast<std::size_t>(std::distance(hosts.begin(), std::find_if(hosts.begin(), hosts.end(), [&](const auto& each) { return each.first.text() == host; })));
        strike = close_to(seed, options, fault, undisturbed.began, *undisturbed.asked, number, hosts.size());
    } else {
        const Fate fate(seed, options, std::nullopt);
        for (std::uint32_t number = undisturbed.chances[kind] + 1; !strike && number <= undisturbed.chances_in_all[kind]; ++number)
            if (const Strike each{fault, number}; restarts_at_once(fate, each)) strike = each;
    }
    if (!strike) return trial;
    TrialLife life(with_more_mail(setting), seed, host, options, {*strike});
    life.ask(*undisturbed.asked);
    life.watch();
    life.tell(trial, undisturbed);
    return trial;
}

} // namespace mxseal::simulation
