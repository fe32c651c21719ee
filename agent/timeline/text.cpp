#include "agent/timeline/text.hpp"

#include "agent/timeline/words.hpp"

#include <algorithm>

#include <fmt/format.h>

namespace mxseal::timeline {

namespace {

constexpr std::size_t kLabelWidth = 20;

struct Cell {
    char sign = ' ';
    Tone tone = Tone::plain;
};

char sign_of(Phase phase) {
    switch (phase) {
    case Phase::generated: return '.';
    case Phase::published: return '-';
    case Phase::ready: return '=';
    case Phase::active: return '#';
    case Phase::retired: return 'o';
    case Phase::removed: return ' ';
    }
    return ' ';
}

Tone tone_of(Phase phase) { return phase == Phase::active ? Tone::live : phase == Phase::ready ? Tone::plain : Tone::dim; }

class Picture {
public:
    Picture(const Timeline& timeline, std::size_t width) : timeline_(timeline), width_(width), columns_(width - kLabelWidth) {}

    std::vector<Line> draw() {
        head();
        chart();
        legend();
        for (const auto& sentence : introduction(timeline_)) paragraph("", sentence);
        list();
        return std::move(lines_);
    }

private:
    void add(std::string text, Tone tone = Tone::plain) { lines_.push_back({{std::move(text), tone}}); }

    void paragraph(const std::string& first, const std::string& text, Tone tone = Tone::plain) {
        auto start = first;
        for (auto& line : lines_of(text, width_ - first.size())) {
            add(start + line, tone);
            start = std::string(first.size(), ' ');
        }
    }

    // Column of an instant; those outside the window fall on its edges.
    std::size_t column(Instant at) const {
        const auto part = std::chrono::duration<double>(at - timeline_.from) / std::chrono::duration<double>(timeline_.to - timeline_.from);
        const auto place = static_cast<double>(columns_) * std::clamp(part, 0.0, 1.0);
        return std::min(columns_ - 1, static_cast<std::size_t>(place));
    }

    std::vector<Cell> empty_row() const {
        std::vector<Cell> row(columns_);
        for (const Mark& mark : timeline_.marks)
            if (mark.kind == Mark::Kind::switch_started) row[column(mark.at)] = {':', Tone::strong};
        row[column(timeline_.now)] = {'|', Tone::now};
        return row;
    }

    // At least one column: what was short is seen too.
    void fill(std::vector<Cell>& row, Instant from, std::optional<Instant> to, Cell cell) const {
        if (from > timeline_.to || (to && *to < timeline_.from)) return;
        const auto begin = column(from), end = to ? column(*to) : column(timeline_.now) + 1;
        for (std::size_t i = begin; i < std::max(end, begin + 1) && i < columns_; ++i) row[i] = cell;
        if (!to && end < columns_) row[end] = {'>', cell.tone};
    }

    void row(const std::string& label, const std::vector<Cell>& cells) {
        Line line{{fmt::format("{:<{}}", label.substr(0, kLabelWidth - 1), kLabelWidth), Tone::plain}};
        for (const Cell& cell : cells) {
            if (line.size() == 1 || line.back().tone != cell.tone) line.push_back({"", cell.tone});
            line.back().text += cell.sign;
        }
        while (line.back().text.ends_with(' ')) line.back().text.pop_back();
        lines_.push_back(std::move(line));
    }

    void head() {
        add(fmt::format("{}: its keys and TLSA records", timeline_.host), Tone::strong);
        add(fmt::format("{} to {}, now {}", day_and_time(timeline_.from), day_and_time(timeline_.to), moment(timeline_, timeline_.now)), Tone::dim);
        add("state: " + state_words(timeline_.state), Tone::dim);
        add("");
    }

    void numbers() {
        std::vector<std::string> rows;
        for (const Numbered& entry : numbered(timeline_)) {
            if (!entry.at || *entry.at > timeline_.to) continue;
            const auto text = std::to_string(entry.number);
            const auto place = std::min(column(*entry.at), columns_ - text.size());
            auto free = std::find_if(rows.begin(), rows.end(), [&](const std::string& row) { return row.size() < place || row.empty(); });
            if (free == rows.end()) free = rows.insert(rows.end(), "");
            free->resize(place, ' ');
            *free += text;
        }
        for (std::size_t i = 0; i < rows.size(); ++i) add(fmt::format("{:<{}}{}", i == 0 ? "events (see below)" : "", kLabelWidth, rows[i]), Tone::strong);
    }

    void axis() {
        std::string labels(columns_, ' '), rule(columns_, '-');
        std::size_t free = 0;
        for (const Tick& tick : ticks_of(timeline_.from, timeline_.to, columns_ / 14)) {
            const auto place = column(tick.at);
            rule[place] = '+';
            if (place < free || place + tick.label.size() > columns_) continue;
            labels.replace(place, tick.label.size(), tick.label);
            free = place + tick.label.size() + 1;
        }
        rule[column(timeline_.now)] = '|';
        labels.erase(labels.find_last_not_of(' ') + 1);
        add(fmt::format("{:<{}}{}", "time (UTC)", kLabelWidth, labels), Tone::dim);
        add(fmt::format("{:<{}}{}", "", kLabelWidth, rule), Tone::dim);
    }

    void keys() {
        add("KEYS OF THE MAIL SERVER", Tone::strong);
        if (timeline_.keys.empty()) add("  none yet");
        for (const KeyRow& key : timeline_.keys) {
            auto cells = empty_row();
            for (const Span& span : key.spans)
                if (span.phase != Phase::removed) fill(cells, span.from, span.to, {sign_of(span.phase), tone_of(span.phase)});
            row(fmt::format("{} {} {}", key.letter, key.short_hash(), role_words(key)), cells);
        }
    }

    void version_row(const Version& version, std::size_t number) {
        auto cells = empty_row();
        const auto begin = version.live_from.value_or(timeline_.from);
        if (version.live_until && version.held_until) fill(cells, *version.live_until, version.held_until, {'~', Tone::tail});
        if (!version.unseen) {
            fill(cells, begin, version.live_until, {'#', Tone::live});
            const auto spread = version.complete_at ? version.complete_at : version.live_until;
            if (!spread || *spread > begin) fill(cells, begin, spread, {'+', Tone::plain});
        }
        row(fmt::format("#{} {}", number, version_words(version)), cells);
    }

    void versions() {
        std::string owner;
        std::size_t number = 0;
        for (const Version& version : timeline_.versions) {
            if (version.owner != owner) add(fmt::format("RECORD SETS AT {}, by the keys in them", version.owner), Tone::strong);
            owner = version.owner;
            version_row(version, ++number);
        }
    }

    void chart() {
        numbers();
        axis();
        keys();
        add("");
        versions();
        add("");
    }

    void legend() {
        std::string keys = "keys: ";
        for (const Phase phase : {Phase::generated, Phase::published, Phase::ready, Phase::active, Phase::retired})
            keys += fmt::format("{}{} {}", phase == Phase::generated ? "" : "; ", sign_of(phase), phase_explained(phase));
        paragraph("  ", keys + "; > goes on", Tone::dim);
        paragraph("  ", "record sets: + spreading over the name servers; # every name server answers with it; ~ replaced, but a cache may still hold it; : switch; | now", Tone::dim);
        add("");
    }

    void list() {
        std::optional<bool> future;
        for (const Numbered& entry : numbered(timeline_)) {
            if (future != entry.future) {
                add("");
                add(entry.future ? "WHAT COMES NEXT (and why not earlier)" : "WHAT HAPPENED", Tone::strong);
            }
            future = entry.future;
            const auto first = fmt::format("{:>3} {:<12}  ", entry.number, entry.when);
            paragraph(first, with_letters(timeline_, entry.title), entry.important ? Tone::strong : Tone::plain);
            for (const auto& sentence : entry.sentences) paragraph(std::string(first.size(), ' '), sentence, Tone::dim);
        }
        if (timeline_.left_out > 0) add(fmt::format("{} older keys, record sets and events are left out; `--from` with a later instant shows less", timeline_.left_out), Tone::dim);
    }

    const Timeline& timeline_;
    const std::size_t width_, columns_;
    std::vector<Line> lines_;
};

} // namespace

std::vector<Line> text_of(const Timeline& timeline, std::size_t width) { return Picture(timeline, std::clamp(width, kTextWidthMin, kTextWidthMax)).draw(); }

std::string plain(const std::vector<Line>& lines) {
    std::string out;
    for (const Line& line : lines) {
        for (const Piece& piece : line) out += piece.text;
        out += '\n';
    }
    return out;
}

} // namespace mxseal::timeline
