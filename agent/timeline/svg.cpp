#include "agent/timeline/svg.hpp"

#include "agent/timeline/svg_paper.hpp"
#include "agent/timeline/words.hpp"

#include <algorithm>
#include <array>

#include <fmt/format.h>

namespace mxseal::timeline {

namespace {

constexpr double kWidth = 1240, kLeft = 28, kChartLeft = 272, kChartRight = 1212;
constexpr double kKeyLane = 32, kKeyBar = 20, kStripe = 9, kVersionGap = 12;
constexpr std::size_t kLineWidth = 158; // characters of 12 px in the whole width
constexpr std::string_view kGrey = "#5f6670", kNow = "#b3001b";

// Okabe and Ito's colours that colour-blind people tell apart, in an order in which neighbours also differ in lightness.
struct Colour {
    const char *full, *half, *pale;
    const char* on_full; // text on it
};
constexpr std::array<Colour, 6> kColours{{{"#00517f", "#7fa8bf", "#dbe7ee", "#ffffff"},
                                          {"#e69f00", "#f2cf80", "#fbefd5", "#222222"},
                                          {"#00785a", "#80bcac", "#d9ebe6", "#ffffff"},
                                          {"#d98cba", "#ecc6dd", "#f8eaf2", "#222222"},
                                          {"#8c3a00", "#c69d80", "#efe3da", "#ffffff"},
                                          {"#56b4e9", "#abdaf4", "#e3f3fc", "#222222"}}};
constexpr Colour kForeign{"#808080", "#c0c0c0", "#ececec", "#ffffff"};

std::size_t colour_index(const std::string& letter) { return letter.empty() || letter == "?" ? kColours.size() : static_cast<std::size_t>(letter[0] - 'A') % kColours.size(); }
const Colour& colour_of(const std::string& letter) { return colour_index(letter) < kColours.size() ? kColours[colour_index(letter)] : kForeign; }
std::string hatch_of(const std::string& letter) { return fmt::format("url(#tail{})", colour_index(letter)); }

class Picture {
public:
    explicit Picture(const Timeline& timeline) : timeline_(timeline), entries_(numbered(timeline)) {}

    std::string draw() {
        for (std::size_t i = 0; i <= kColours.size(); ++i) paper_.hatching(fmt::format("tail{}", i), i < kColours.size() ? kColours[i].full : kForeign.full);
        head();
        legend();
        chart();
        list();
        std::string description;
        for (const auto& sentence : introduction(timeline_)) description += (description.empty() ? "" : " ") + sentence;
        return paper_.svg(kWidth, y_ + 10, title(), description);
    }

private:
    std::string title() const { return fmt::format("{}: its keys and TLSA records", timeline_.host); }

    void paragraph(double x, const std::string& text, std::size_t width, const Font& font) {
        for (const auto& line : lines_of(text, width)) {
            paper_.text(x, y_, line, font);
            y_ += font.size + 5;
        }
    }

    double x_of(Instant at) const {
        const auto part = std::chrono::duration<double>(at - timeline_.from) / std::chrono::duration<double>(timeline_.to - timeline_.from);
        return kChartLeft + (kChartRight - kChartLeft) * std::clamp(part, 0.0, 1.0);
    }

    void head() {
        y_ = 38;
        paper_.text(kLeft, y_, title(), {22, "#111111", true});
        y_ += 22;
        paper_.text(kLeft, y_, fmt::format("{} to {}; state: {}", day_and_time(timeline_.from), day_and_time(timeline_.to), state_words(timeline_.state)),
                    {12, kGrey});
        y_ += 26;
        for (const auto& sentence : introduction(timeline_)) {
            paragraph(kLeft, sentence, kLineWidth, {13, "#222222"});
            y_ += 3;
        }
        y_ += 8;
    }

    void sample(double& x, const Ink& ink, const std::string& words) {
        paper_.rectangle(x, y_ - 11, 30, 13, ink);
        paper_.text(x + 37, y_, words, {12});
        x += 37 + 7.1 * static_cast<double>(words.size()) + 22;
    }

    void legend() {
        const Colour& colour = kColours[0];
        double x = kLeft + 92;
        paper_.text(kLeft, y_, "A key is", {12, "#222222", true});
        sample(x, phase_ink(Phase::generated, colour), "made");
        sample(x, phase_ink(Phase::published, colour), "announced, not known to every cache");
        sample(x, phase_ink(Phase::ready, colour), "ready: known to every cache");
        sample(x, phase_ink(Phase::active, colour), "in use");
        sample(x, phase_ink(Phase::retired, colour), "put away, still announced");
        y_ += 22;
        x = kLeft + 92;
        paper_.text(kLeft, y_, "Record sets", {12, "#222222", true});
        sample(x, {colour.half, {}, 1, {}}, "spreads over the name servers");
        sample(x, {colour.full, {}, 1, {}}, "is what they answer");
        sample(x, {"url(#tail0)", colour.full, 1, {}}, "is replaced, but caches may still hold it");
        sample(x, {"none", colour.full, 1, "4 4"}, "is expected to stay");
        y_ += 24;
    }

    static Ink phase_ink(Phase phase, const Colour& colour) {
        switch (phase) {
        case Phase::generated: return {"#ffffff", colour.full, 1, "3 3"};
        case Phase::published: return {colour.pale, colour.full, 1, {}};
        case Phase::ready: return {colour.half, colour.full, 1, {}};
        case Phase::active: return {colour.full, colour.full, 1, {}};
        case Phase::retired: return {"#ffffff", colour.full, 2, {}};
        case Phase::removed: return {};
        }
        return {};
    }

    // Rows for the circles, so that those of one moment stand below each other.
    std::vector<std::pair<std::size_t, double>> placed_numbers(std::size_t& rows) const {
        constexpr double kRoom = 23;
        std::vector<double> ends;
        std::vector<std::pair<std::size_t, double>> places;
        for (const Numbered& entry : entries_) {
            const bool drawn = entry.at && *entry.at <= timeline_.to;
            const double x = drawn ? x_of(*entry.at) : 0;
            std::size_t row = 0;
            while (drawn && row < ends.size() && ends[row] > x) ++row;
            if (drawn && row == ends.size()) ends.push_back(0);
            if (drawn) ends[row] = x + kRoom;
            places.emplace_back(row, x);
        }
        rows = ends.size();
        return places;
    }

    void number(double x, double y, const Numbered& entry, double radius = 9) {
        const bool dark = !entry.future;
        const auto stroke = std::string(entry.important ? "#111111" : "#444a52");
        paper_.circle(x, y, radius, {dark ? stroke : "#ffffff", stroke, 1.4, dark ? "" : "3 2"});
        paper_.text(x, y + 3.6, std::to_string(entry.number), {10, dark ? "#ffffff" : "#222222", true, "middle"});
    }

    void chart() {
        std::size_t rows = 0;
        const auto places = placed_numbers(rows);
        paper_.text(kLeft, y_ + 12, "Events (numbered, told below)", {12, "#222222", true});
        const double numbers_top = y_ + 8;
        y_ += 24 * static_cast<double>(std::max<std::size_t>(rows, 1)) + 26;
        const double top = y_;
        const double bottom = top + lanes_height();
        paper_.rectangle(x_of(timeline_.now), top, kChartRight - x_of(timeline_.now), bottom - top, {"#f3f3f0", {}, 1, {}});
        axis(top, bottom);
        lines_of_events(numbers_top, bottom, places, false);
        keys();
        versions();
        y_ = bottom;
        lines_of_events(numbers_top, bottom, places, true);
        now_line(top, bottom);
        for (std::size_t i = 0; i < entries_.size(); ++i)
            if (entries_[i].at && *entries_[i].at <= timeline_.to) number(places[i].second, numbers_top + 24 * static_cast<double>(places[i].first), entries_[i]);
        y_ += 34;
    }

    void axis(double top, double bottom) {
        for (const Tick& tick : ticks_of(timeline_.from, timeline_.to, 10)) {
            const double x = x_of(tick.at);
            paper_.line(x, top, x, bottom, {"none", "#dfe2e6", 1, {}});
            const std::string_view anchor = x > kChartRight - 30 ? "end" : "middle";
            paper_.text(x, top - 7, tick.label, {11, kGrey, false, anchor});
            paper_.text(x, bottom + 15, tick.label, {11, kGrey, false, anchor});
        }
        paper_.line(kChartLeft, top, kChartRight, top, {"none", "#8a9099", 1, {}});
        paper_.line(kChartLeft, bottom, kChartRight, bottom, {"none", "#8a9099", 1, {}});
        paper_.text(kLeft, top - 7, "time (UTC)", {11, kGrey});
    }

    void lines_of_events(double numbers_top, double bottom, const std::vector<std::pair<std::size_t, double>>& places, bool important) {
        for (std::size_t i = 0; i < entries_.size(); ++i) {
            const Numbered& entry = entries_[i];
            if (!entry.at || *entry.at > timeline_.to || entry.important != important) continue;
            const double y = numbers_top + 24 * static_cast<double>(places[i].first);
            const Ink ink = entry.future ? Ink{"none", "#444a52", 1.2, "6 4"} : entry.important ? Ink{"none", "#111111", 2.2, {}} : Ink{"none", "#a8aeb6", 1, {}};
            paper_.line(places[i].second, y, places[i].second, bottom, ink);
        }
    }

    void now_line(double top, double bottom) {
        const double x = x_of(timeline_.now);
        paper_.line(x, top - 4, x, bottom + 4, {"none", std::string(kNow), 2, {}});
        paper_.text(x, bottom + 31, "now " + moment(timeline_, timeline_.now), {12, kNow, true, x > kChartRight - 60 ? "end" : "middle"});
    }

    double version_height(const Version& version) const { return kStripe * static_cast<double>(std::max<std::size_t>(version.letters.size(), 1)) + 6; }

    double lanes_height() const {
        double height = 30 + kKeyLane * static_cast<double>(std::max<std::size_t>(timeline_.keys.size(), 1)) + 8;
        std::string owner;
        for (const Version& version : timeline_.versions) {
            if (version.owner != owner) height += 30;
            owner = version.owner;
            height += version_height(version) + kVersionGap;
        }
        return height + 6;
    }

    void section(const std::string& words) {
        paper_.text(kLeft, y_ + 20, words, {12, "#222222", true});
        y_ += 30;
    }

    void key_lane(const KeyRow& key) {
        const Colour& colour = colour_of(key.letter);
        const double top = y_ + (kKeyLane - kKeyBar) / 2;
        paper_.rectangle(kLeft, top, 26, kKeyBar, {colour.full, {}, 1, {}});
        paper_.text(kLeft + 13, top + 14.5, key.letter, {13, colour.on_full, true, "middle"});
        paper_.text(kLeft + 34, top + 9, fmt::format("{}, {}", key.short_hash(), role_words(key)), {12, "#222222", true});
        paper_.text(kLeft + 34, top + 22, key.algorithm, {10, kGrey});
        for (const Span& span : key.spans) bar(key, span, top);
        y_ += kKeyLane;
    }

    void bar(const KeyRow& key, const Span& span, double top) {
        const bool outside = span.from > timeline_.to || (span.to && *span.to < timeline_.from);
        if (span.phase == Phase::removed || outside) return;
        const Colour& colour = colour_of(key.letter);
        const Instant end = span.to.value_or(timeline_.now);
        const double x = x_of(span.from), width = std::max(x_of(end) - x, 1.5);
        const bool thin = span.phase == Phase::generated || span.phase == Phase::retired;
        paper_.open_group(fmt::format("key {} ({}) {}, from {} to {}", key.letter, key.short_hash(), phase_explained(span.phase), day_and_time(span.from),
                                      span.to ? day_and_time(*span.to) : "now"));
        paper_.rectangle(x, thin ? top + 4 : top, width, thin ? kKeyBar - 8 : kKeyBar, phase_ink(span.phase, colour));
        const auto words = phase_words(span.phase);
        if (width > 7.0 * static_cast<double>(words.size()) + 8) paper_.text(x + 5, top + 14, words, {11, span.phase == Phase::active ? colour.on_full : "#222222"});
        paper_.close_group();
        // What goes on is expected to go on: a dashed outline only. A key that was put away waits for its end.
        if (!span.to && span.phase != Phase::retired && x_of(timeline_.now) < kChartRight)
            paper_.rectangle(x_of(timeline_.now), thin ? top + 4 : top, kChartRight - x_of(timeline_.now), thin ? kKeyBar - 8 : kKeyBar, {"none", colour.full, 1, "4 4"});
    }

    void keys() {
        section("Keys of the mail server");
        if (timeline_.keys.empty()) {
            paper_.text(kLeft, y_ + 16, "none yet", {12, kGrey});
            y_ += kKeyLane;
        }
        for (const KeyRow& key : timeline_.keys) key_lane(key);
        y_ += 8;
    }

    std::string explained(const Version& version) const {
        const auto live = version.live_from ? day_and_time(*version.live_from) : std::string("before what is known");
        if (version.unseen) return "what stood in DNS before mxseal's first look is unknown, and counts as held by caches for a while";
        auto text = fmt::format("{} {}: answered by name servers from {}", version.owner, version.records, live);
        if (version.live_until) text += " to " + day_and_time(*version.live_until);
        if (version.held_until) text += fmt::format("; a cache may hold it until {}{}", day_and_time(*version.held_until), version.held_for.empty() ? "" : " (" + version.held_for + ")");
        return text;
    }

    void stripe(const Version& version, const std::string& letter, double top) {
        const Colour& colour = colour_of(letter);
        const double begin = x_of(version.live_from.value_or(timeline_.from));
        const double end = x_of(version.live_until.value_or(timeline_.now));
        if (version.live_until && version.held_until) {
            const double tail = version.unseen ? begin : end;
            paper_.rectangle(tail, top, std::max(x_of(*version.held_until) - tail, 0.0), kStripe, {hatch_of(letter), {}, 1, {}});
        }
        if (version.unseen) return;
        const double spread = version.complete_at ? std::clamp(x_of(*version.complete_at), begin, end) : end;
        paper_.rectangle(begin, top, spread - begin, kStripe, {colour.half, {}, 1, {}});
        paper_.rectangle(spread, top, std::max(end - spread, 0.5), kStripe, {colour.full, {}, 1, {}});
        if (!version.live_until && end < kChartRight) paper_.rectangle(end, top, kChartRight - end, kStripe, {"none", colour.full, 1, "4 4"});
    }

    void version_lane(const Version& version, std::size_t index) {
        const double height = version_height(version);
        double top = y_ + 3;
        const auto letters = version.letters.empty() ? std::vector<std::string>{"?"} : version.letters;
        paper_.text(kLeft, y_ + height / 2 + 5, fmt::format("#{}", index), {12, kGrey});
        double x = kLeft + 34;
        for (const auto& letter : version.letters) {
            const Colour& colour = colour_of(letter);
            paper_.rectangle(x, y_ + height / 2 - 8, 22, 16, {colour.full, {}, 1, {}});
            paper_.text(x + 11, y_ + height / 2 + 4.5, letter, {12, colour.on_full, true, "middle"});
            x += 27;
        }
        if (version.letters.empty()) paper_.text(x, y_ + height / 2 + 4.5, version.unseen ? "unknown (before the first look)" : "no record: any key will do", {12});
        paper_.open_group(explained(version));
        for (const auto& letter : letters) {
            stripe(version, letter, top);
            top += kStripe;
        }
        paper_.close_group();
        y_ += height + kVersionGap;
    }

    void versions() {
        std::string owner;
        std::size_t index = 0;
        for (const Version& version : timeline_.versions) {
            if (version.owner != owner) section(fmt::format("Record sets in DNS, {}", port_words(version.owner)));
            owner = version.owner;
            version_lane(version, ++index);
        }
    }

    void list_entry(const Numbered& entry) {
        number(kLeft + 10, y_ - 4, entry);
        paper_.text(kLeft + 30, y_, entry.when, {12, kGrey});
        paper_.text(kLeft + 160, y_, with_letters(timeline_, entry.title), {12, "#222222", true});
        y_ += 17;
        for (const auto& sentence : entry.sentences) paragraph(kLeft + 160, sentence, kLineWidth - 16, {11, "#3d434a"});
        y_ += 5;
    }

    void list() {
        std::optional<bool> future;
        y_ += 20;
        for (const Numbered& entry : entries_) {
            if (future != entry.future) {
                y_ += 10;
                paper_.text(kLeft, y_, entry.future ? "What comes next, and why not earlier" : "What happened", {14, "#111111", true});
                y_ += 22;
            }
            future = entry.future;
            list_entry(entry);
        }
        if (timeline_.left_out > 0) paragraph(kLeft, fmt::format("{} older keys, record sets and events are left out.", timeline_.left_out), kLineWidth, {11, kGrey});
    }

    const Timeline& timeline_;
    const std::vector<Numbered> entries_;
    Paper paper_;
    double y_ = 0;
};

} // namespace

std::string svg_of(const Timeline& timeline) { return Picture(timeline).draw(); }

} // namespace mxseal::timeline
