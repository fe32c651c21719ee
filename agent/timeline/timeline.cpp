#include "agent/timeline/timeline.hpp"

#include "agent/timeline/history.hpp"

#include <algorithm>

#include <fmt/format.h>

namespace mxseal::timeline {

namespace {

// Our choice: what fits on one picture that a person reads; the newest stay.
constexpr std::size_t kKeysMax = 12, kVersionsMax = 24, kMarksMax = 40, kStepsMax = 20;
// An empty window cannot be drawn; this little, because a lab's days are seconds.
constexpr Duration kWindowMin = std::chrono::seconds(10);

const Json& host_in(const Json& answer, const std::string& host) {
    static const Json none;
    for (const Json& each : answer["hosts"].items()) {
        auto name = text_at(each, "host");
        if (name.ends_with('.')) name.pop_back();
        if (name == host) return each;
    }
    return none;
}

std::vector<Step> steps_of(const Json& host_plan) {
    std::vector<Step> steps;
    for (const Json& each : host_plan["steps"].items())
        if (steps.size() < kStepsMax) steps.push_back({text_at(each, "what"), instant_at(each, "earliest"), text_at(each, "reason")});
    std::stable_sort(steps.begin(), steps.end(), [](const Step& a, const Step& b) { return a.at && (!b.at || *a.at < *b.at); });
    return steps;
}

void earliest(std::optional<Instant>& known, const std::optional<Instant>& at) {
    if (at && (!known || *at < *known)) known = at;
}

std::optional<Instant> first_fact(const History& history) {
    std::optional<Instant> first;
    for (const KeyRow& key : history.keys)
        if (!key.spans.empty()) earliest(first, key.spans.front().from);
    for (const Version& version : history.versions) earliest(first, version.unseen ? version.live_until : version.live_from);
    for (const Mark& mark : history.marks) earliest(first, mark.at);
    return first;
}

// From the last roll on, and far enough back to show why each version that may still be held is held.
std::optional<Instant> last_story(const History& history, Instant now) {
    std::optional<Instant> from;
    for (const Mark& mark : history.marks)
        if (mark.kind == Mark::Kind::requested) from = mark.at;
    for (const Version& version : history.versions)
        if (version.live_until && version.held_until && *version.held_until > now) earliest(from, version.live_until);
    return from;
}

// Until no cache can hold an old version any more; steps beyond that only if there is as much past: a roll that is due in months
// would leave no room for what happened.
Instant horizon(const Timeline& timeline, const History& history) {
    Instant held = timeline.now;
    for (const Version& version : history.versions)
        if (version.live_until && version.held_until) held = std::max(held, *version.held_until);
    const Instant limit = std::max(held, timeline.now + (timeline.now - timeline.from));
    Instant to = held;
    for (const Step& step : timeline.steps)
        if (step.at && *step.at <= limit) to = std::max(to, *step.at);
    return to;
}

void set_window(Timeline& timeline, const History& history, const Question& question) {
    timeline.known_from = first_fact(history);
    const Instant first = std::min(timeline.known_from.value_or(timeline.now), timeline.now);
    timeline.from = std::clamp(question.from.value_or(last_story(history, timeline.now).value_or(first)), first, timeline.now);
    timeline.to = horizon(timeline, history);
    // A short past beside a long wait: some of what was before tells more than a crowded edge.
    if (!question.from) timeline.from = std::max(first, std::min(timeline.from, timeline.now - (timeline.to - timeline.now) / 3));
    const Duration shown = std::max<Duration>(timeline.to - timeline.from, kWindowMin);
    if (!question.from || *question.from < timeline.from) timeline.from -= shown / 20;
    timeline.to = std::max(timeline.to + shown / 12, timeline.from + kWindowMin);
}

bool takes_part(const Timeline& timeline, const KeyRow& key) {
    if (key.spans.empty()) return key.role != "removed";
    const Span& last = key.spans.back();
    if (key.spans.front().from > timeline.to) return false;
    return last.phase != Phase::removed || last.from >= timeline.from;
}

bool takes_part(const Timeline& timeline, const Version& version) {
    if (version.live_from && *version.live_from > timeline.to) return false;
    const auto end = version.live_until ? (version.held_until ? version.held_until : version.live_until) : std::nullopt;
    return !end || *end >= timeline.from;
}

template <class T>
void keep_newest(std::vector<T>& all, std::size_t most, std::size_t& left_out) {
    if (all.size() <= most) return;
    left_out += all.size() - most;
    all.erase(all.begin(), all.end() - static_cast<std::ptrdiff_t>(most));
}

void take_over(Timeline& timeline, History history) {
    for (KeyRow& key : history.keys)
        if (takes_part(timeline, key)) timeline.keys.push_back(std::move(key));
    for (Version& version : history.versions)
        if (takes_part(timeline, version)) timeline.versions.push_back(std::move(version));
    for (Mark& mark : history.marks)
        if (mark.at >= timeline.from && mark.at <= timeline.now) timeline.marks.push_back(std::move(mark));
    keep_newest(timeline.keys, kKeysMax, timeline.left_out);
    keep_newest(timeline.versions, kVersionsMax, timeline.left_out);
    keep_newest(timeline.marks, kMarksMax, timeline.left_out);
    std::stable_sort(timeline.versions.begin(), timeline.versions.end(), [](const Version& a, const Version& b) { return a.owner < b.owner; });
}

Json json_at(const std::optional<Instant>& at) { return at ? Json(to_rfc3339(*at)) : Json(); }

Json to_json(const KeyRow& key) {
    Json spans = Json::array();
    for (const Span& span : key.spans) spans.push(Json::object({{"state", to_string(span.phase)}, {"from", to_rfc3339(span.from)}, {"to", json_at(span.to)}}));
    return Json::object({{"name", key.letter}, {"spki_sha256", key.spki}, {"algorithm", key.algorithm}, {"role", key.role}, {"spans", std::move(spans)}});
}

Json to_json(const Version& version) {
    Json keys = Json::array();
    for (const auto& letter : version.letters) keys.push(letter);
    return Json::object({{"owner", version.owner}, {"records", version.unseen ? Json() : Json(version.records)}, {"keys", std::move(keys)},
                         {"live_from", json_at(version.live_from)}, {"complete_at", json_at(version.complete_at)}, {"live_until", json_at(version.live_until)},
                         {"held_until", json_at(version.held_until)}, {"held_for", version.held_for}});
}

Json to_json(const Mark& mark) {
    return Json::object({{"what", to_string(mark.kind)}, {"at", to_rfc3339(mark.at)}, {"title", mark.title}, {"sentence", mark.sentence}, {"proof", mark.proof}});
}

Json to_json(const Step& step) { return Json::object({{"what", step.what}, {"at", json_at(step.at)}, {"reason", step.reason}}); }

template <class T>
Json list_of(const std::vector<T>& all) {
    Json list = Json::array();
    for (const T& each : all) list.push(to_json(each));
    return list;
}

} // namespace

std::string_view to_string(Phase phase) {
    switch (phase) {
    case Phase::generated: return "generated";
    case Phase::published: return "published";
    case Phase::ready: return "ready";
    case Phase::active: return "active";
    case Phase::retired: return "retired";
    case Phase::removed: return "removed";
    }
    return "";
}

std::string_view to_string(Mark::Kind kind) {
    switch (kind) {
    case Mark::Kind::adopted: return "adopted";
    case Mark::Kind::requested: return "requested";
    case Mark::Kind::switch_started: return "switch_started";
    case Mark::Kind::switch_verified: return "switch_verified";
    case Mark::Kind::went_back: return "went_back";
    case Mark::Kind::clean_up: return "clean_up";
    case Mark::Kind::finished: return "finished";
    case Mark::Kind::halted: return "halted";
    case Mark::Kind::resumed: return "resumed";
    case Mark::Kind::foreign: return "foreign";
    }
    return "";
}

Timeline timeline_of(const Json& status, const Json& plan, const Json& log, const Question& question) {
    const Json& host_status = host_in(status, question.host);
    History history = history_of(question.host, host_status, log);
    Timeline timeline;
    timeline.host = question.host;
    timeline.state = text_at(host_status, "state");
    timeline.waiting = text_at(host_status, "reason");
    timeline.now = question.now;
    timeline.steps = steps_of(host_in(plan, question.host));
    set_window(timeline, history, question);
    take_over(timeline, std::move(history));
    return timeline;
}

Json to_json(const Timeline& timeline) {
    return Json::object({{"host", timeline.host}, {"state", timeline.state}, {"waits_for", timeline.waiting}, {"from", to_rfc3339(timeline.from)},
                         {"to", to_rfc3339(timeline.to)}, {"now", to_rfc3339(timeline.now)}, {"known_from", json_at(timeline.known_from)}, {"keys", list_of(timeline.keys)},
                         {"versions", list_of(timeline.versions)}, {"marks", list_of(timeline.marks)}, {"steps", list_of(timeline.steps)},
                         {"left_out", timeline.left_out}});
}

Result<Instant> parse_from(std::string_view text, Instant now) {
    constexpr std::string_view kAgo = "-ago";
    const bool ago = text.ends_with(kAgo);
    std::optional<Instant> from;
    if (ago) {
        if (auto back = parse_duration(text.substr(0, text.size() - kAgo.size()))) from = now - *back;
    } else if (auto instant = parse_rfc3339(text)) {
        from = *instant;
    }
    if (!from) return Error(ErrorCode::invalid, fmt::format("{} is no instant: say 2026-11-22T07:00:00Z, or 2h-ago (units s m h d w)", text));
    if (*from > now) return Error(ErrorCode::invalid, fmt::format("{} lies in the future, it is {} now; name an instant that is over", text, to_rfc3339(now)));
    return *from;
}

} // namespace mxseal::timeline
