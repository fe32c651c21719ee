#include "agent/cli/roll_watch.hpp"

#include "agent/cli/render.hpp"

#include <algorithm>

namespace mxseal::cli {

namespace {

bool is_rolling(const Json& host) {
    const auto state = host["state"].as_string().value_or("");
    return state == "switching" || state == "verifying" || state == "cleanup";
}

// Keys whose records are gone are not listed any more.
bool is_gone(const Json& host, const std::string& key) {
    const auto& keys = host["keys"].items();
    return std::none_of(keys.begin(), keys.end(), [&](const Json& each) {
        const auto state = each["state"].as_string();
        return each["spki_sha256"].as_string() == key && state != "retired" && state != "removed";
    });
}

} // namespace

RollWatch::RollWatch(const Json& status, const std::vector<std::string>& hosts, const std::optional<std::string>& key, Wanted wanted) : wanted_(wanted) {
    for (const auto& name : hosts) hosts_[name];
    for (const Json& host : status["hosts"].items()) expect(host, key);
}

// a repeat names the roll under way; a key that is retired already needs no waiting.
void RollWatch::expect(const Json& host, const std::optional<std::string>& key) {
    auto found = hosts_.find(host["host"].as_string().value_or(""));
    if (found == hosts_.end()) return;
    Watched& watched = found->second;
    const bool rolling = is_rolling(host);
    if (key) {
        watched.keys.insert(*key);
        watched.over = !rolling && is_gone(host, *key);
        return;
    }
    watched.any = rolling || wanted_ == Wanted::back;
    if (watched.any) return;
    for (const Json& each : host["keys"].items())
        if (each["role"].as_string() == "current") watched.keys.insert(each["spki_sha256"].as_string().value_or(""));
    watched.any = watched.keys.empty();
}

bool RollWatch::take_entry(const Json& entry) {
    const auto name = entry["host"].as_string().value_or("");
    auto found = hosts_.find(name);
    if (found == hosts_.end()) return false;
    Watched& watched = found->second;
    const auto event = entry["event"].as_string();
    if (event == "roll.finished") finish(watched, entry["fields"]["from"].as_string().value_or(""));
    if (event == "roll.backed" && wanted_ == Wanted::back) watched.over = true;
    if (event == "roll.backed" && wanted_ == Wanted::roll) fail(watched, name + " went back to its old key");
    return true;
}

void RollWatch::finish(Watched& watched, const std::string& from) {
    if (wanted_ == Wanted::back) return fail(watched, "the roll was finished before it could be rolled back");
    watched.keys.erase(from);
    if (watched.any || watched.keys.empty()) watched.over = true;
}

void RollWatch::fail(Watched& watched, std::string sentence) {
    if (!watched.over) failures_.push_back(std::move(sentence));
    watched.over = true;
}

void RollWatch::take_status(const Json& status) {
    for (const Json& host : status["hosts"].items()) {
        auto found = hosts_.find(host["host"].as_string().value_or(""));
        if (found == hosts_.end() || found->second.over || !is_halted(host)) continue;
        const auto reason = text_of(host["halted"]["reason"], text_of(host["reason"], "see `mxseal status`"));
        fail(found->second, found->first + " halted: " + reason);
    }
}

bool RollWatch::is_over() const {
    return std::all_of(hosts_.begin(), hosts_.end(), [](const auto& each) { return each.second.over; });
}

} // namespace mxseal::cli
