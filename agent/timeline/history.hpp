// History: the facts of one host gathered from its log, then set right by its status, which is what the core holds for true.
// Internal to timeline_of().
#pragma once

#include "agent/timeline/timeline.hpp"

namespace mxseal::timeline {

struct History {
    std::vector<KeyRow> keys;           // letters given, spans open at their end
    std::vector<Version> versions;
    std::vector<Mark> marks;

    // Found or made.
    KeyRow& key(std::string_view spki);
    std::string letter_of(std::string_view spki) const; // "?" when unknown; a hash cut to 8 digits will do
};

History history_of(const std::string& host, const Json& host_status, const Json& log);

// A key enters a phase; what was said of later instants stays, repeating changes nothing.
void enter(KeyRow& key, Phase phase, Instant at);

// versions.cpp
void note_written(History& history, const std::string& owner, const std::string& records, Instant at);
void note_complete(History& history, const std::string& owner, const Json& fields, Instant at);
void note_held(History& history, const Json& owner);  // one of the status's `tlsa_owners`
std::vector<std::string> hashes_in(std::string_view records); // short ones, in order
// What a cache could hold at the moment of a switch to the key, as a sentence.
std::string proof_of(const std::vector<Version>& versions, const KeyRow& key, Instant at);

// Members as they come in fields and status: text; an instant in RFC 3339, absent when null, empty or no instant.
std::string text_at(const Json& json, std::string_view name);
std::optional<Instant> instant_at(const Json& json, std::string_view name);

} // namespace mxseal::timeline
