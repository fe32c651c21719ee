#include "agent/timeline/words.hpp"

#include <algorithm>
#include <array>

#include <fmt/format.h>

namespace mxseal::timeline {

namespace {

constexpr std::array<const char*, 12> kMonths{"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

struct Parts {
    int year, month, day, hour, minute, second;
};

Parts parts_of(Instant at) {
    const auto midnight = std::chrono::floor<std::chrono::days>(at);
    const std::chrono::year_month_day date(midnight);
    const std::chrono::hh_mm_ss time(std::chrono::floor<std::chrono::seconds>(at - midnight));
    return {static_cast<int>(date.year()), static_cast<int>(static_cast<unsigned>(date.month())), static_cast<int>(static_cast<unsigned>(date.day())),
            static_cast<int>(time.hours().count()), static_cast<int>(time.minutes().count()), static_cast<int>(time.seconds().count())};
}

std::string label_of(Instant at, Duration step, bool several_days) {
    const Parts parts = parts_of(at);
    const char* month = kMonths[static_cast<std::size_t>(parts.month - 1)];
    if (step >= std::chrono::hours(24 * 90)) return fmt::format("{} {} {}", parts.day, month, parts.year);
    if (step >= std::chrono::hours(24)) return fmt::format("{} {}", parts.day, month);
    if (several_days) return fmt::format("{} {} {:02}:{:02}", parts.day, month, parts.hour, parts.minute);
    if (step >= std::chrono::minutes(1)) return fmt::format("{:02}:{:02}", parts.hour, parts.minute);
    return fmt::format("{:02}:{:02}:{:02}", parts.hour, parts.minute, parts.second);
}

bool several_days(Instant from, Instant to) { return std::chrono::floor<std::chrono::days>(from) != std::chrono::floor<std::chrono::days>(to); }

std::string standing(const Timeline& timeline) {
    std::string served, standby;
    for (const KeyRow& key : timeline.keys) {
        if (key.role == "current") served += fmt::format("{}key {} ({})", served.empty() ? "" : " and ", key.letter, key.short_hash());
        if (key.role != "next" || key.spans.empty()) continue;
        const char* ready = key.spans.back().phase == Phase::ready ? "ready to be used at any moment" : "not ready yet";
        standby += fmt::format("{}key {} ({})", standby.empty() ? "; standby: " : ", ", key.letter, ready);
    }
    if (!timeline.known_from) return "Nothing is known of this host yet: the agent has not looked at it.";
    if (served.empty()) return fmt::format("Now ({}) no key of {} is under mxseal's care yet.", moment(timeline, timeline.now), timeline.host);
    return fmt::format("Now ({}) {} uses {}{}.", moment(timeline, timeline.now), timeline.host, served, standby);
}

} // namespace

std::string_view role_words(const KeyRow& key) {
    if (key.role == "current") return "in use";
    if (key.role == "next") return "standby";
    if (key.role == "removed") return "gone";
    return "old";
}

std::string_view phase_words(Phase phase) {
    switch (phase) {
    case Phase::generated: return "made";
    case Phase::published: return "announced";
    case Phase::ready: return "ready";
    case Phase::active: return "in use";
    case Phase::retired: return "put away";
    case Phase::removed: return "gone";
    }
    return "";
}

std::string_view phase_explained(Phase phase) {
    switch (phase) {
    case Phase::generated: return "made, not in DNS yet";
    case Phase::published: return "announced in DNS, some caches may not know it yet";
    case Phase::ready: return "ready: every cache knows it";
    case Phase::active: return "in use by the mail server";
    case Phase::retired: return "put away, still announced in DNS";
    case Phase::removed: return "gone from DNS";
    }
    return "";
}

std::string version_words(const Version& version) {
    if (version.unseen) return "unknown";
    if (version.letters.empty()) return "no record";
    std::string words;
    for (const auto& letter : version.letters) words += (words.empty() ? "" : "+") + letter;
    return words;
}

std::string state_words(const std::string& state) {
    constexpr std::array<std::pair<std::string_view, std::string_view>, 10> kStates{{{"absent", "not looked at yet, or `dane: off`"},
                                                                                     {"precheck", "being looked at before the first record is written"},
                                                                                     {"waiting_for_mta", "the mail server does not use mxseal's key yet"},
                                                                                     {"publishing", "records are on their way into every cache"},
                                                                                     {"steady", "nothing to do, the standby is ready"},
                                                                                     {"certificate_pending", "the standby waits for its certificate"},
                                                                                     {"switching", "the mail server gets the new key"},
                                                                                     {"verifying", "every address is asked for the new key"},
                                                                                     {"cleanup", "the old key's record still has to go"},
                                                                                     {"halted", "nothing moves until the reason is gone or an operator says so"}}};
    for (const auto& [name, words] : kStates)
        if (name == state) return fmt::format("{}: {}", name, words);
    return state.empty() ? "unknown" : state;
}

std::string port_words(const std::string& owner) {
    const auto end = owner.find("._tcp.");
    return owner.starts_with('_') && end != std::string::npos ? "port " + owner.substr(1, end - 1) : owner;
}

std::string with_letters(const Timeline& timeline, std::string text) {
    for (const KeyRow& key : timeline.keys) {
        const auto place = text.find(key.short_hash());
        if (place != std::string::npos) text.insert(place + key.short_hash().size(), fmt::format(" ({})", key.letter));
    }
    return text;
}

std::vector<std::string> introduction(const Timeline& timeline) {
    return {"Mail senders look up in DNS which keys the mail server may show (its TLSA records) and keep the answer in caches for a while. A sender whose "
            "answer lacks the key that the server shows does not deliver.",
            "So a new key is announced first, and used only when no cache can still hold an answer without it; an old key is taken out of DNS only when "
            "the server shows it nowhere. At every moment, each record set drawn below must contain the key in use (one without any record asks for none).",
            standing(timeline)};
}

std::string moment(const Timeline& timeline, Instant at) {
    const Parts parts = parts_of(at);
    const bool other_day = several_days(timeline.from, timeline.to) || several_days(timeline.now, at);
    if (!other_day) return fmt::format("{:02}:{:02}:{:02}", parts.hour, parts.minute, parts.second);
    const bool other_year = parts_of(timeline.now).year != parts.year;
    const auto date = fmt::format("{} {}{}", parts.day, kMonths[static_cast<std::size_t>(parts.month - 1)], other_year ? fmt::format(" {}", parts.year) : "");
    return fmt::format("{} {:02}:{:02}", date, parts.hour, parts.minute);
}

std::string day_and_time(Instant at) {
    const Parts parts = parts_of(at);
    return fmt::format("{} {} {} {:02}:{:02}:{:02} UTC", parts.day, kMonths[static_cast<std::size_t>(parts.month - 1)], parts.year, parts.hour, parts.minute, parts.second);
}

std::vector<Tick> ticks_of(Instant from, Instant to, std::size_t most) {
    using namespace std::chrono_literals;
    constexpr std::array<Duration, 24> kSteps{1s,  2s, 5s, 10s, 15s, 30s, 1min, 2min,     5min,     10min,    15min,     30min,
                                              1h,  2h, 3h, 6h,  12h, 24h, 2 * 24h, 7 * 24h, 14 * 24h, 30 * 24h, 90 * 24h, 365 * 24h};
    const auto limit = static_cast<Duration::rep>(std::max<std::size_t>(most, 2));
    Duration step = kSteps.back();
    for (auto each = kSteps.rbegin(); each != kSteps.rend(); ++each)
        if ((to - from) / *each < limit) step = *each;
    while ((to - from) / step >= limit) step *= 2;
    std::vector<Tick> ticks;
    auto since = from.time_since_epoch();
    since = (since + step - Duration{1}) / step * step;
    for (Instant at{since}; at <= to; at += step) ticks.push_back({at, label_of(at, step, several_days(from, to))});
    return ticks;
}

std::vector<std::string> lines_of(std::string_view text, std::size_t width) {
    std::vector<std::string> lines;
    std::string line;
    while (!text.empty()) {
        const auto end = std::min(text.find(' '), text.size());
        const auto word = text.substr(0, end);
        text.remove_prefix(std::min(end + 1, text.size()));
        if (word.empty()) continue;
        if (!line.empty() && line.size() + 1 + word.size() > width) {
            lines.push_back(std::move(line));
            line.clear();
        }
        if (!line.empty()) line += ' ';
        line += word;
    }
    if (!line.empty()) lines.push_back(std::move(line));
    return lines;
}

std::vector<Numbered> numbered(const Timeline& timeline) {
    std::vector<Numbered> all;
    for (const Mark& mark : timeline.marks) {
        Numbered entry{all.size() + 1, mark.at, false, mark.kind == Mark::Kind::switch_started, moment(timeline, mark.at), mark.title, {mark.sentence}};
        if (!mark.proof.empty()) entry.sentences.push_back(mark.proof);
        all.push_back(std::move(entry));
    }
    for (const Step& step : timeline.steps) {
        const auto when = !step.at ? "no date yet" : *step.at < timeline.now + std::chrono::seconds(1) ? "now" : moment(timeline, *step.at);
        all.push_back({all.size() + 1, step.at, true, false, when, step.what, {step.reason}});
    }
    return all;
}

} // namespace mxseal::timeline
