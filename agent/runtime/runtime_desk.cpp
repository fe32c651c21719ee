// The desk's half of Runtime: what operators ask and what they are told.
#include "agent/runtime/host_entry.hpp"
#include "agent/runtime/report.hpp"
#include "agent/runtime/runtime.hpp"
#include "rotation/tlsa/brought.hpp"
#include "rotation/tlsa/view.hpp"

#include <algorithm>

#include <fmt/format.h>

namespace mxseal::agent {

using namespace rotation::tlsa;

namespace {

std::optional<Event> event_of(const Json& body, std::string& wrong) {
    const auto command = body["command"].as_string().value_or("");
    const auto who = body["who"].as_string().value_or("unknown");
    if (command == "halt") return OperatorHalt{who, body["why"].as_string().value_or("")};
    if (command == "resume") return OperatorResume{who};
    if (command == "roll_back") return OperatorRollBack{who};
    if (command != "roll") {
        wrong = fmt::format("unknown command '{}'; allowed: roll, roll_back, halt, resume, pairs", escape_untrusted(command, 40));
        return std::nullopt;
    }
    OperatorRoll roll;
    roll.kind = body["emergency"].as_bool().value_or(false) ? RollKind::emergency : RollKind::planned;
    roll.who = who;
    roll.accepted_risk = body["accept_risk"].as_string();
    if (auto hex = body["key"].as_string()) {
        roll.retire = rotation::SpkiHash::from_hex(*hex);
        if (!roll.retire) wrong = fmt::format("'{}' is not a key: 64 hexadecimal digits of its SPKI SHA-256, as `mxseal status --json` shows them", escape_untrusted(*hex, 80));
        if (!roll.retire) return std::nullopt;
    }
    return roll;
}

} // namespace

Json Runtime::status() {
    const Instant now = time_.now();
    Json hosts = Json::array();
    for (auto& [name, entry] : entries_) {
        if (auto loaded = load(*entry); !loaded.ok())
            hosts.push(Json::object({{"host", name}, {"state", "halted"}, {"halted", Json::object({{"reason", loaded.error().to_string()}})}}));
        else
            hosts.push(status_of(*entry->state, now, entry->policy, group_of(*entry), entry->reason));
    }
    Json domains = Json::array();
    for (const auto& [name, domain] : config_.domains) {
        auto seen = mx_.find(name);
        Json mx = Json::array();
        std::size_t matched = 0, broken = 0, ours = 0;
        const bool known = seen != mx_.end() && seen->second.error.empty();
        if (known)
            for (const MxHost& host : seen->second.hosts) {
                mx.push(host.host.text());
                const Entry* entry = find(host.host.text());
                if (entry == nullptr || !entry->view.published) continue;
                ++ours;
                entry->view.sound ? ++matched : ++broken;
            }
        // a domain is as protected as its weakest MX host; an MX RRset that is not secure protects nothing.
        const bool secure = known && seen->second.security == Security::secure;
        const char* dane = broken > 0 ? "broken" : !secure || ours == 0 ? "none" : matched == seen->second.hosts.size() ? "full" : "partial";
        domains.push(Json::object({{"domain", name.text()}, {"dane", dane}, {"mx", std::move(mx)}}));
    }
    return Json::object({{"at", to_rfc3339(now)}, {"store", store_trouble_.empty() ? Json() : Json(store_trouble_)}, {"hosts", std::move(hosts)}, {"domains", std::move(domains)}});
}

Result<Json> Runtime::plan(const std::vector<std::string>& hosts) {
    const Instant now = time_.now();
    for (const std::string& name : hosts)
        if (find(name) == nullptr) return Error(ErrorCode::not_found, fmt::format("{} is not in the configuration", escape_untrusted(name, 80)));
    Json all = Json::array();
    for (auto& [name, entry] : entries_) {
        if (!hosts.empty() && std::find(hosts.begin(), hosts.end(), name) == hosts.end()) continue;
        if (auto loaded = load(*entry); !loaded.ok()) return std::move(loaded).error();
        all.push(plan_of(*entry->state, now, entry->policy, group_of(*entry), entry->reason));
    }
    return Json::object({{"hosts", std::move(all)}});
}

std::optional<Runtime::Soundness> Runtime::soundness_of(const std::string& host) {
    const Entry* entry = find(host);
    if (entry == nullptr) return std::nullopt;
    std::string trouble = entry->view.unhealthy;
    if (!entry->view.published) trouble = "its TLSA records are not in place yet";
    return Soundness{entry->view.published, entry->view.sound, std::move(trouble)};
}

Runtime::Brought Runtime::bring(const std::string& host, const Key& pair, const std::function<Status()>& keep) {
    Entry* entry = find(host);
    if (entry == nullptr) return {host + " is not in the configuration", true, true};
    if (entry->given_up) return {entry->reason.sentence(), false, false};
    if (auto loaded = load(*entry); !loaded.ok()) return {loaded.error().to_string(), true, false};
    const PairJudgement judgement = judge_pair(*entry->state, entry->policy, pair, time_.now());
    if (!judgement.taken()) return {judgement.sentence, judgement.fate == PairFate::refused, true};
    if (auto kept = keep(); !kept.ok()) return {"it could not be put into the store: " + kept.error().to_string(), true, false};
    Decision decision;
    process(*entry, PairBrought{pair}, &decision);
    return {decision.reply, decision.refused, !entry->given_up};
}

// What a pair met is in the host's log already where it was taken; a refusal is told here.
Json Runtime::take_pairs() {
    Json replies = pairs_ ? pairs_() : Json::array();
    for (const Json& reply : replies.items())
        if (reply["refused"].as_bool() == true)
            log({0, time_.now(), reply["host"].as_string().value_or(""), "pair.refused", Json::object({{"pair", reply["pair"]}}), reply["text"].as_string().value_or("")});
    return replies;
}

Result<Json> Runtime::hand_over(const Json& body) {
    if (!hands_over_) return Error(ErrorCode::refused, "the sealing key is not at hand here; ask while `mxseal agent` runs");
    Json replies = Json::array();
    for (const Json& each : body["hosts"].items()) {
        const auto name = each.as_string().value_or("");
        Entry* entry = find(name);
        if (entry == nullptr) return Error(ErrorCode::not_found, fmt::format("{} is not in the configuration", escape_untrusted(name, 80)));
        if (auto loaded = load(*entry); !loaded.ok()) return std::move(loaded).error();
        const auto keys = keys_for_client(*entry->state, time_.now(), entry->policy);
        if (keys.empty()) return Error(ErrorCode::refused, fmt::format("{} has no key yet: {}", name, entry->reason.sentence()));
        auto folder = hands_over_(name, keys);
        if (!folder.ok()) return std::move(folder).error();
        const bool next = role_of(*entry->state, keys.front()) == KeyRole::next;
        replies.push(Json::object({{"host", name}, {"folder", *folder}, {"refused", false},
                                   {"text", fmt::format("the {} key {} and its signing request are in {}", next ? "next" : "current", keys.front().short_hex(), *folder)}}));
    }
    return Json::object({{"replies", std::move(replies)}, {"plan", Json::object({{"hosts", Json::array()}})}});
}

Result<Json> Runtime::request(const Json& body) {
    if (body["command"].as_string() == "handover") return hand_over(body);
    if (body["command"].as_string() == "pairs") {
        if (!pairs_) return Error(ErrorCode::refused, "the sealing key is not at hand here: the pair waits for the mxseal that has it");
        return Json::object({{"replies", take_pairs()}, {"plan", Json::object({{"hosts", Json::array()}})}});
    }
    if (body["command"].as_string() == "mx") {
        if (domain_request_) return domain_request_(body);
        return Error(ErrorCode::refused, "there is no `endpoint` in the configuration, so no policy of any domain is kept here");
    }
    std::string wrong;
    auto event = event_of(body, wrong);
    if (!event) return Error(ErrorCode::invalid, wrong);
    std::vector<std::string> names;
    for (const Json& host : body["hosts"].items()) names.push_back(host.as_string().value_or(""));
    const bool every = names.empty() && (std::holds_alternative<OperatorHalt>(*event) || std::holds_alternative<OperatorResume>(*event));
    if (every)
        for (const auto& [name, entry] : entries_) names.push_back(name);
    if (names.empty()) return Error(ErrorCode::invalid, "name at least one host");
    for (const std::string& name : names)
        if (find(name) == nullptr) return Error(ErrorCode::not_found, fmt::format("{} is not in the configuration", escape_untrusted(name, 80)));
    Json replies = Json::array();
    for (const std::string& name : names) {
        Entry& entry = *find(name);
        Decision decision;
        if (entry.given_up) {
            decision.refused = true;
            decision.reply = entry.reason.sentence();
        } else {
            process(entry, *event, &decision);
        }
        replies.push(Json::object({{"host", name}, {"text", decision.reply}, {"refused", decision.refused}}));
    }
    auto planned = plan(names);
    if (!planned.ok()) return std::move(planned).error();
    return Json::object({{"replies", std::move(replies)}, {"plan", std::move(*planned)}});
}

} // namespace mxseal::agent
