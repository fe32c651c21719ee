// What can happen next in a SmallWorld, and what does when nothing goes wrong.
#include "tests/simulation/small_world.hpp"

#include <algorithm>

#include <fmt/format.h>

namespace mxseal::small {

namespace {

constexpr std::array<std::string_view, kWhats> kNames{
    "time passes", "time passes (last host first)", "the write is done", "the write is refused", "the write is done, its answer lost", "the write is on its way, its answer lost", "the late write arrives",
    "the pair is served", "the pair is written, one address keeps the old one", "the pair is written, the reload fails", "the pair is not written", "every address takes the file",
    "the second server stands still", "the second server falls back", "the second server follows", "one address is gone", "the address is back", "answers are held back", "the answers arrive",
    "killed before anything was done", "killed after it was begun", "a roll is asked for", "an emergency roll is asked for", "the way back is asked for"};
constexpr std::array<std::string_view, kRules> kRuleNames{"no_gap", "never_early", "one_change", "one_at_a_time", "healthy_group", "hash_retired", "comes_to_rest", "repeated"};

// What people ask for in the usual course, each when both hosts are steady.
constexpr std::array kAsked{Move{What::asked_roll, 0}, Move{What::asked_roll, 1}, Move{What::asked_roll, 0}, Move{What::asked_emergency, 1}};

} // namespace

std::string_view to_string(What what) { return kNames[static_cast<std::size_t>(what)]; }
std::string_view to_string(Rule rule) { return kRuleNames[static_cast<std::size_t>(rule)]; }

std::string to_string(const Move& move) {
    const bool of_all = move.what == What::time_passes || move.what == What::time_passes_back || move.what == What::killed_before || move.what == What::killed_after;
    return of_all ? std::string(to_string(move.what)) : fmt::format("mx{}: {}", move.host + 1, to_string(move.what));
}

std::vector<Move> SmallWorld::moves() const {
    std::vector<Move> all;
    std::optional<Instant> next;
    for (const SmallHost& host : hosts_)
        if (host.wake && (!next || *host.wake < *next)) next = host.wake;
    if (next) {
        const Instant due = std::max(now_, *next);
        all.push_back({What::time_passes, 0});
        if (std::all_of(hosts_.begin(), hosts_.end(), [&](const SmallHost& host) { return host.wake && *host.wake <= due; })) all.push_back({What::time_passes_back, 0});
    }
    bool under_way = false;
    for (std::uint8_t number = 0; number < kHosts; ++number) {
        const SmallHost& host = hosts_[number];
        const auto may = [&](What what, bool possible) {
            if (possible) all.push_back({what, number});
        };
        const auto& roll = host.state.roll;
        under_way = under_way || host.write || host.deploy;
        for (What what : {What::write_done, What::write_refused, What::write_unheard}) may(what, host.write.has_value());
        may(What::write_late, host.write && !host.late_write);
        may(What::late_write_arrives, host.late_write.has_value());
        for (What what : {What::deploy_done, What::deploy_halfway, What::deploy_reload_fails, What::deploy_refused}) may(what, host.deploy.has_value());
        may(What::address_follows, host.serving != std::array{host.file, host.file});
        may(What::secondary_lags, !host.lags);
        may(What::secondary_falls_back, !host.lags && host.before != host.secondary);
        may(What::secondary_follows, host.lags);
        may(What::address_gone, !host.gone);
        may(What::address_back, host.gone);
        may(What::answers_held, !host.held_back);
        may(What::answers_arrive, host.held_back && (host.answers.dns || host.answers.wire));
        may(What::asked_roll, host.state.adopted && !roll && host.state.requests.empty());
        may(What::asked_emergency, host.state.adopted && !(roll && roll->kind == rotation::tlsa::RollKind::emergency));
        may(What::asked_back, roll && roll->intent && !roll->back);
    }
    all.push_back({What::killed_before, 0});
    if (under_way) all.push_back({What::killed_after, 0});
    return all;
}

std::optional<Move> SmallWorld::usual() const {
    for (std::uint8_t number = 0; number < kHosts; ++number) {
        if (hosts_[number].write) return Move{What::write_done, number};
        if (hosts_[number].deploy) return Move{What::deploy_done, number};
    }
    if (asked_ < kAsked.size() && steady()) return kAsked[asked_];
    for (const SmallHost& host : hosts_)
        if (host.wake) return Move{What::time_passes, 0};
    for (std::uint8_t number = 0; number < kHosts; ++number)
        if (hosts_[number].answers.dns || hosts_[number].answers.wire) return Move{What::answers_arrive, number};
    return std::nullopt;
}

bool SmallWorld::over() const { return asked_ == kAsked.size() && steady(); }

} // namespace mxseal::small
