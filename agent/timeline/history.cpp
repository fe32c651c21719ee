#include "agent/timeline/history.hpp"

#include <algorithm>

#include <fmt/format.h>

namespace mxseal::timeline {

namespace {

// "A" .. "Z", "A2" .. "Z2", ..
std::string letter_number(std::size_t index) {
    const auto letter = std::string(1, static_cast<char>('A' + index % 26));
    return index < 26 ? letter : letter + std::to_string(index / 26 + 1);
}

bool is_spki(std::string_view text) {
    return text.size() == 64 && std::all_of(text.begin(), text.end(), [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

std::string host_of(const Json& entry) {
    auto host = text_at(entry, "host");
    if (host.ends_with('.')) host.pop_back();
    return host;
}

// Reads the log entry by entry; what a line lacks is left out of the picture, never guessed.
class Reader {
public:
    Reader(History& history, std::string host) : history_(history), host_(std::move(host)) {}

    void read(const Json& entry) {
        const auto at = instant_at(entry, "at");
        if (!at) return;
        at_ = *at;
        sentence_ = text_at(entry, "sentence");
        const auto event = text_at(entry, "event");
        const Json& fields = entry["fields"];
        if (event.starts_with("tlsa.")) return read_records(event, fields);
        if (event.starts_with("key.") || event.starts_with("standby.") || event.starts_with("pair.")) return read_key(event, fields);
        if (event.starts_with("switch.") || event.starts_with("roll.") || event.starts_with("cleanup.")) return read_roll(event, fields);
        if (event == "host.halted") mark(Mark::Kind::halted, "halt: nothing moves");
        if (event == "host.resumed") mark(Mark::Kind::resumed, "resumed");
        if (event == "wire.foreign_key") mark(Mark::Kind::foreign, "a key that is not mxseal's was presented");
    }

private:
    void mark(Mark::Kind kind, std::string title, std::string proof = {}) { history_.marks.push_back({kind, at_, std::move(title), sentence_, std::move(proof)}); }

    void read_records(const std::string& event, const Json& fields) {
        auto owner = text_at(fields, "owner");
        if (owner.empty()) owner = "_25._tcp." + host_;
        if (event == "tlsa.written") note_written(history_, owner, text_at(fields, "records"), at_);
        if (event == "tlsa.complete") read_complete(owner, fields);
        if (event == "tlsa.incomplete") mark(Mark::Kind::foreign, "a name server answered with other records");
        if (event == "tlsa.repair") mark(Mark::Kind::foreign, "records were gone from the zone; they are published again");
        if (event == "tlsa.withdrawn") mark(Mark::Kind::went_back, "the first records were taken back");
        if (event == "tlsa.off") mark(Mark::Kind::clean_up, "the records are taken out: `dane: off`");
    }

    void read_complete(const std::string& owner, const Json& fields) {
        note_complete(history_, owner, fields, at_);
        const auto hashes = hashes_in(text_at(fields, "records"));
        for (KeyRow& key : history_.keys) {
            const bool inside = std::find(hashes.begin(), hashes.end(), key.short_hash()) != hashes.end();
            if (inside && !key.spans.empty() && key.spans.back().phase == Phase::generated) enter(key, Phase::published, instant_at(fields, "complete_at").value_or(at_));
            if (!inside && !key.spans.empty() && key.spans.back().phase == Phase::retired) enter(key, Phase::removed, instant_at(fields, "complete_at").value_or(at_));
        }
    }

    void read_key(const std::string& event, const Json& fields) {
        const auto spki = text_at(fields, "key");
        if (!is_spki(spki)) return;
        KeyRow& key = history_.key(spki);
        if (auto algorithm = text_at(fields, "algorithm"); !algorithm.empty()) key.algorithm = algorithm;
        if (event == "key.generated") enter(key, Phase::generated, at_);
        // A renewal of a known key is no new life.
        if (event == "pair.brought" && key.spans.empty()) enter(key, Phase::generated, at_);
        if (event == "pair.superseded") enter(key, Phase::retired, at_);
        if (event == "standby.ready") enter(key, Phase::ready, instant_at(fields, "ready_at").value_or(at_));
        if (event == "standby.lost") enter(key, Phase::published, at_);
        if (event != "key.adopted" && event != "key.active") return;
        enter(key, Phase::active, at_);
        mark(Mark::Kind::adopted, event == "key.adopted" ? fmt::format("key {} adopted: the server used it already", key.letter) : fmt::format("the server uses key {}, mxseal's own", key.letter));
    }

    void read_roll(const std::string& event, const Json& fields) {
        const auto from = text_at(fields, "from"), to = text_at(fields, "to");
        const bool emergency = text_at(fields, "kind") == "emergency";
        if (event == "roll.requested") mark(Mark::Kind::requested, fmt::format("{}change of key {} asked for", emergency ? "emergency " : "", history_.letter_of(from)));
        if (event == "switch.started" && is_spki(to)) start_switch(from, to, emergency);
        if (event == "switch.verified" && is_spki(to)) verify_switch(to);
        if (event == "switch.failed") mark(Mark::Kind::went_back, fmt::format("the switch to key {} failed: going back", history_.letter_of(to)));
        if (event == "roll.back") mark(Mark::Kind::went_back, fmt::format("going back to key {}", history_.letter_of(to)));
        if (event == "roll.backed" && is_spki(to)) go_back(to);
        if (event == "cleanup.started") mark(Mark::Kind::clean_up, fmt::format("the record of key {} is taken out of DNS", history_.letter_of(from)));
        if (event == "roll.finished") finish(from, to);
    }

    void start_switch(const std::string& from, const std::string& to, bool emergency) {
        switching_from_ = from;
        switching_to_ = to;
        const auto old = is_spki(from) ? history_.key(from).letter : std::string("none");
        KeyRow& next = history_.key(to);
        enter(next, Phase::active, at_);
        mark(Mark::Kind::switch_started, fmt::format("{}switch from key {} to key {}", emergency ? "emergency " : "", old, next.letter), proof_of(history_.versions, next, at_));
    }

    void verify_switch(const std::string& to) {
        mark(Mark::Kind::switch_verified, fmt::format("every address of the server shows key {}", history_.key(to).letter));
        if (is_spki(switching_from_)) enter(history_.key(switching_from_), Phase::retired, at_);
    }

    void go_back(const std::string& to) {
        mark(Mark::Kind::went_back, fmt::format("every address of the server shows key {} again", history_.letter_of(to)));
        enter(history_.key(to), Phase::active, at_);
        if (is_spki(switching_to_)) enter(history_.key(switching_to_), Phase::ready, at_);
    }

    void finish(const std::string& from, const std::string& to) {
        if (is_spki(from)) enter(history_.key(from), Phase::removed, at_);
        mark(Mark::Kind::finished, fmt::format("change to key {} finished", history_.letter_of(to)));
    }

    History& history_;
    const std::string host_;
    Instant at_{};
    std::string sentence_, switching_from_, switching_to_;
};

// What the status knows and the log does not: the log is cut, or older than a field.
void complete_from_status(KeyRow& key, const Json& status) {
    key.role = text_at(status, "role");
    if (auto algorithm = text_at(status, "algorithm"); !algorithm.empty()) key.algorithm = algorithm;
    if (!key.spans.empty()) return;
    const std::pair<Phase, const char*> known[]{{Phase::generated, "generated_at"}, {Phase::published, "published_at"}, {Phase::ready, "ready_at"},
                                                {Phase::active, "active_since"},    {Phase::retired, "retired_at"}};
    for (const auto& [phase, name] : known)
        if (auto at = instant_at(status, name)) enter(key, phase, *at);
}

void read_status(History& history, const Json& status) {
    for (const Json& each : status["keys"].items())
        if (auto spki = text_at(each, "spki_sha256"); is_spki(spki)) complete_from_status(history.key(spki), each);
    for (KeyRow& key : history.keys) {
        if (!key.role.empty()) continue;
        const bool gone = key.spans.empty() || key.spans.back().phase == Phase::removed;
        key.role = gone ? "removed" : "retired";
    }
    for (const Json& owner : status["tlsa_owners"].items()) note_held(history, owner);
}

} // namespace

std::string text_at(const Json& json, std::string_view name) { return json[name].as_string().value_or(""); }

std::optional<Instant> instant_at(const Json& json, std::string_view name) {
    auto text = json[name].as_string();
    if (!text || text->empty()) return std::nullopt;
    auto instant = parse_rfc3339(*text);
    return instant ? std::optional(*instant) : std::nullopt;
}

KeyRow& History::key(std::string_view spki) {
    for (KeyRow& each : keys)
        if (each.spki == spki) return each;
    KeyRow row;
    row.letter = letter_number(keys.size());
    row.spki = spki;
    keys.push_back(std::move(row));
    return keys.back();
}

std::string History::letter_of(std::string_view spki) const {
    for (const KeyRow& each : keys)
        if (spki.size() >= 8 && each.spki.starts_with(spki)) return each.letter;
    return "?";
}

void enter(KeyRow& key, Phase phase, Instant at) {
    if (key.spans.empty()) {
        key.spans.push_back({phase, at, std::nullopt});
        return;
    }
    Span& last = key.spans.back();
    if (last.phase == phase) return;
    // An instant told later (`ready_at`) may lie before what came between.
    at = std::max(at, last.from);
    if (at == last.from) {
        last.phase = phase;
        return;
    }
    last.to = at;
    key.spans.push_back({phase, at, std::nullopt});
}

History history_of(const std::string& host, const Json& host_status, const Json& log) {
    History history;
    Reader reader(history, host);
    for (const Json& entry : log.items())
        if (host_of(entry) == host) reader.read(entry);
    read_status(history, host_status);
    for (Version& version : history.versions) {
        for (const auto& hash : hashes_in(version.records)) version.letters.push_back(history.letter_of(hash));
        // In the order of the keys, so that stripes of one key stand alike in every lane.
        std::stable_sort(version.letters.begin(), version.letters.end(), [](const auto& a, const auto& b) { return std::pair(a.size(), a) < std::pair(b.size(), b); });
    }
    return history;
}

} // namespace mxseal::timeline
