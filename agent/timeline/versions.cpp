// The versions of the TLSA RRsets and how long each may be held (requirements A.4).
#include "agent/timeline/history.hpp"

#include <algorithm>

#include <fmt/format.h>

namespace mxseal::timeline {

namespace {

// The newest stint of the records; with `open_only` one that some server may still serve.
Version* find_stint(History& history, const std::string& owner, const std::string& records, bool open_only) {
    for (auto version = history.versions.rbegin(); version != history.versions.rend(); ++version)
        if (!version->unseen && version->owner == owner && version->records == records && (!open_only || !version->live_until)) return &*version;
    return nullptr;
}

Version& stint_of(History& history, const std::string& owner, const std::string& records, Instant live_from) {
    if (Version* open = find_stint(history, owner, records, true)) return *open;
    Version version;
    version.owner = owner;
    version.records = records;
    version.live_from = live_from;
    history.versions.push_back(std::move(version));
    return history.versions.back();
}

Version& unseen_of(History& history, const std::string& owner) {
    for (Version& version : history.versions)
        if (version.unseen && version.owner == owner) return version;
    Version version;
    version.owner = owner;
    version.unseen = true;
    return *history.versions.insert(history.versions.begin(), std::move(version));
}

// A.4: L(V_old) <= T_all(V_new).
void close_others(History& history, const std::string& owner, const std::string& records, Instant at, const Json& fields) {
    for (Version& version : history.versions) {
        if (version.unseen || version.owner != owner || version.live_until || version.records == records) continue;
        version.live_until = at;
        version.held_until = instant_at(fields, "older_held_until");
        version.held_for = text_at(fields, "older_held_for");
    }
}

bool may_be_held(const Version& version, Instant at) { return (!version.live_from || *version.live_from <= at) && (!version.held_until || at < *version.held_until); }

} // namespace

bool Version::has(const std::string& letter) const { return std::find(letters.begin(), letters.end(), letter) != letters.end(); }

std::vector<std::string> hashes_in(std::string_view records) {
    std::vector<std::string> hashes;
    std::string word;
    for (const char c : records) {
        const bool digit = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
        word = digit ? word + c : std::string();
        if (word.size() == 8) hashes.push_back(word);
    }
    return hashes;
}

void note_written(History& history, const std::string& owner, const std::string& records, Instant at) {
    if (!records.empty()) stint_of(history, owner, records, at);
}

void note_complete(History& history, const std::string& owner, const Json& fields, Instant at) {
    const auto records = text_at(fields, "records");
    if (records.empty()) return;
    const Instant complete = instant_at(fields, "complete_at").value_or(at);
    Version& version = stint_of(history, owner, records, instant_at(fields, "served_since").value_or(complete));
    if (!version.complete_at) version.complete_at = complete;
    close_others(history, owner, records, complete, fields);
    const auto looked = instant_at(fields, "first_look");
    if (!looked) return;
    Version& unseen = unseen_of(history, owner);
    unseen.live_until = looked;
    unseen.held_until = instant_at(fields, "unseen_held_until");
}

void note_held(History& history, const Json& owner) {
    const auto name = text_at(owner, "owner");
    for (const Json& each : owner["held"].items()) {
        const auto records = each["records"].as_string();
        const auto live_until = instant_at(each, "live_until");
        Version* version = records ? find_stint(history, name, *records, false) : &unseen_of(history, name);
        if (version == nullptr) {
            const auto from = instant_at(each, "live_from");
            if (!from) continue;
            version = &stint_of(history, name, *records, *from);
            version->complete_at = from; // nobody followed how it spread: drawn as served from its beginning
        }
        version->live_until = live_until;
        version->held_until = instant_at(each, "held_until");
    }
}

std::string proof_of(const std::vector<Version>& versions, const KeyRow& key, Instant at) {
    std::size_t held = 0, without = 0;
    for (const Version& version : versions) {
        if (!may_be_held(version, at)) continue;
        const auto hashes = hashes_in(version.records);
        // A.3: a cached denial matches everything.
        const bool harmless = !version.unseen && hashes.empty();
        ++held;
        if (!harmless && std::find(hashes.begin(), hashes.end(), key.short_hash()) == hashes.end()) ++without;
    }
    if (held == 0) return {};
    if (without > 0) return fmt::format("a risk: {} of the {} record sets that a cache could hold at that moment did not have key {}", without, held, key.letter);
    return held == 1 ? fmt::format("safe, because the one record set that a cache could hold at that moment allowed key {}", key.letter)
                     : fmt::format("safe, because each of the {} record sets that a cache could hold at that moment allowed key {}", held, key.letter);
}

} // namespace mxseal::timeline
