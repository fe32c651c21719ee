#include "simulation/glance.hpp"

#include "agent/runtime/host_document.hpp"

#include <algorithm>

namespace mxseal::simulation {

namespace {

using rotation::Reason;

bool rests(const Reason& reason) { return reason.empty() || reason.code == "wait.rotation" || reason.code.starts_with("note."); }

std::string kind_of(const Reason& reason) { return reason.base_label.empty() ? reason.code : reason.code + ", " + reason.base_label; }

} // namespace

std::vector<Glance> glance_at(World& world) {
    std::vector<Glance> all;
    auto rows = world.store().load_hosts();
    if (!rows.ok()) return all;
    for (const agent::HostRow& row : *rows) {
        Glance each;
        each.host = row.name;
        each.phase = row.summary["phase"].as_string().value_or("");
        each.reason = agent::reason_from_json(row.summary["reason"]);
        each.trouble = row.summary["unhealthy"].as_string().value_or("");
        each.rolls = row.summary["wants_switch"].as_bool() == true || each.phase == "switching" || each.phase == "verifying" || each.phase == "cleanup";
        all.push_back(std::move(each));
    }
    return all;
}

void WaitBook::look(const std::vector<Glance>& hosts, Instant now) {
    for (const Glance& each : hosts) {
        Open& open = open_[each.host];
        const auto kind = rests(each.reason) ? std::string() : kind_of(each.reason);
        if (open.kind != kind) {
            open = {kind, now};
            if (!kind.empty()) ++worst_[kind].times;
        }
        if (kind.empty()) continue;
        const bool computed = each.reason.base && each.reason.until;
        const Duration length = computed ? *each.reason.until - *each.reason.base : now - open.since;
        Wait& worst = worst_[kind];
        if (length < worst.length || (length == worst.length && !worst.host.empty())) continue;
        worst = {each.host, kind, length, each.reason.sentence(), worst.times};
    }
}

std::vector<Wait> WaitBook::longest() const {
    std::vector<Wait> all;
    for (const auto& [unused, wait] : worst_)
        if (wait.length > Duration{0}) all.push_back(wait);
    std::stable_sort(all.begin(), all.end(), [](const Wait& left, const Wait& right) { return left.length > right.length; });
    return all;
}

void Operator::look(World& world, const std::vector<Glance>& hosts) {
    for (const Glance& each : hosts) {
        if (!each.halted()) {
            halted_since_.erase(each.host);
            continue;
        }
        const auto [since, fresh] = halted_since_.try_emplace(each.host, world.now());
        if (fresh || world.now() < since->second + kReadsAfter || world.agent() == nullptr) continue;
        since->second = world.now();
        // A halt that ends by itself is answered with that; nothing else can be refused.
        static_cast<void>(world.agent()->request(Json::object({{"command", "resume"}, {"hosts", Json(Json::Array{Json(each.host)})}, {"who", "operator"}})));
    }
}

} // namespace mxseal::simulation
