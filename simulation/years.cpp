#include "simulation/years.hpp"

#include "agent/timeline/timeline.hpp"

#include <algorithm>

#include <fmt/format.h>

namespace mxseal::simulation {

using namespace std::chrono_literals;

namespace {

constexpr std::size_t kRollDrawn = 2; // the first one begins with what was unknown before mxseal came

class Life {
public:
    Life(const Setting& setting, std::uint64_t seed, const FaultOptions& faults, std::string drawn) : world_(setting, Options{seed, faults, std::nullopt, false}), drawn_(std::move(drawn)) {
        for (const auto& [name, host] : setting.config.hosts) years_.hosts.push_back({name.text(), host.rotate_every, 0, 0, {}});
        world_.on_log = [this](const agent::LogEntry& entry) { hear(entry); };
    }

    Years live(Duration length, const std::function<void(std::size_t)>& on_progress) {
        const Instant began = world_.now(), end = began + length;
        const Duration step = look_every(world_.setting().config);
        std::size_t told = 0;
        while (world_.now() < end && world_.judge().clean()) {
            world_.run_until(std::min(end, world_.now() + step));
            const auto hosts = glance_at(world_);
            waits_.look(hosts, world_.now());
            operator_.look(world_, hosts);
            if (finished_ > drawn_at_ && finished_ <= kRollDrawn) draw();
            const auto part = static_cast<std::size_t>((world_.now() - began) * static_cast<std::int64_t>(kYearParts) / length);
            if (part > told && on_progress) on_progress(told = part);
        }
        if (drawn_at_ == 0) draw();
        return result(length);
    }

private:
    void hear(const agent::LogEntry& entry) {
        if (entry.event != "roll.finished") return;
        for (HostYears& host : years_.hosts) {
            if (host.host != entry.host) continue;
            ++host.rolls;
            if (entry.fields["kind"].as_string() == "emergency") ++host.emergency_rolls;
        }
        if (entry.host == drawn_) ++finished_;
    }

    void draw() {
        if (world_.agent() == nullptr) return;
        Json status = world_.agent()->status();
        auto plan = world_.agent()->plan({drawn_});
        auto log = world_.store().read_log({drawn_, 0, timeline::kEntriesMax});
        auto at = parse_rfc3339(status["at"].as_string().value_or(""));
        if (!plan.ok() || !log.ok() || !at.ok()) return;
        Json lines = Json::array();
        for (agent::LogEntry& each : *log)
            lines.push(Json::object({{"id", each.id}, {"at", to_rfc3339(each.at)}, {"host", each.host}, {"event", each.event}, {"fields", std::move(each.fields)}, {"sentence", each.sentence}}));
        years_.picture = {drawn_, *at, std::move(status), std::move(*plan), std::move(lines)};
        drawn_at_ = finished_;
    }

    Years result(Duration length) {
        years_.length = length;
        years_.waits = waits_.longest();
        years_.counters = world_.counters();
        for (const Struck& each : world_.fate().struck()) ++years_.struck[static_cast<std::size_t>(each.fault)];
        for (const Glance& each : glance_at(world_))
            for (HostYears& host : years_.hosts)
                if (host.host == each.host) host.phase = each.phase;
        years_.violations = in_words(world_.judge().violations());
        const auto& violations = world_.judge().violations();
        years_.failed = static_cast<std::size_t>(std::count_if(violations.begin(), violations.end(), [](const Violation& each) { return each.check == Check::sender_served || each.check == Check::no_gap; }));
        return std::move(years_);
    }

    World world_;
    const std::string drawn_;
    Years years_;
    WaitBook waits_;
    Operator operator_;
    std::size_t finished_ = 0, drawn_at_ = 0;
};

} // namespace

Years live(const Setting& setting, Duration length, std::uint64_t seed, const FaultOptions& faults, const std::string& drawn_host, const std::function<void(std::size_t)>& on_progress) {
    return Life(setting, seed, faults, drawn_host).live(length, on_progress);
}

Duration look_every(const agent::Config& config) {
    Duration shortest = 100h;
    for (const auto& [unused, host] : config.hosts) shortest = std::min(shortest, host.rotate_every);
    return std::max<Duration>(shortest / 100, 1s);
}

std::vector<std::string> in_words(const std::vector<Violation>& violations) {
    std::vector<std::string> all;
    for (const Violation& each : violations) all.push_back(fmt::format("{} {} at {}: {}", to_string(each.check), each.host, to_rfc3339(each.at), each.text));
    return all;
}

} // namespace mxseal::simulation
