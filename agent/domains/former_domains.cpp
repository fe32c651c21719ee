#include "agent/domains/former_domains.hpp"

#include <algorithm>

#include <fmt/format.h>

namespace mxseal::agent {

namespace {

constexpr std::size_t kFormerMax = 10'000; // our choice: a document of a megabyte or two

std::vector<std::string> texts_of(const Json& list) {
    std::vector<std::string> out;
    for (const Json& each : list.items()) out.push_back(each.as_string().value_or(""));
    return out;
}

Json list_of(const std::vector<std::string>& texts) {
    Json out = Json::array();
    for (const std::string& text : texts) out.push(text);
    return out;
}

std::string sentence_of(const std::string& domain, const std::string& names) {
    return fmt::format("the policy of {} has ended, and {}: whoever comes by that name can publish a policy for the domain; tell its owner to remove it", domain, names);
}

} // namespace

void FormerDomains::restore(const Json& document, Instant now) {
    all_.clear();
    const auto rows = document["domains"].items();
    std::size_t place = 0;
    for (const Json& row : rows) {
        Former former{texts_of(row["addresses"]), row["shared"].as_string().value_or(""), from_unix_ms(row["ended_ms"].as_integer().value_or(0)), {}, row["told"].as_string().value_or("")};
        former.due = now + every_ * static_cast<std::int64_t>(++place) / static_cast<std::int64_t>(rows.size());
        all_.emplace(row["domain"].as_string().value_or(""), std::move(former));
    }
    settle_next();
}

Json FormerDomains::document() const {
    Json rows = Json::array();
    for (const auto& [domain, former] : all_)
        rows.push(Json::object({{"domain", domain}, {"addresses", list_of(former.addresses)}, {"shared", former.shared}, {"ended_ms", to_unix_ms(former.ended)}, {"told", former.told}}));
    return Json::object({{"domains", std::move(rows)}});
}

void FormerDomains::add(const std::string& domain, std::vector<std::string> addresses, std::string shared, Instant now) {
    if (addresses.empty() && shared.empty()) return;
    all_[domain] = Former{std::move(addresses), std::move(shared), now, now, {}};
    next_ = std::min(next_.value_or(now), now);
    dirty_ = true;
    if (all_.size() > kFormerMax) all_.erase(std::min_element(all_.begin(), all_.end(), [](const auto& one, const auto& other) { return one.second.ended < other.second.ended; }));
}

void FormerDomains::forget(const std::string& domain) {
    if (all_.erase(domain) > 0) dirty_ = true;
}

std::vector<std::string> FormerDomains::take_due(Instant now) {
    std::vector<std::string> due;
    if (!next_ || (now < *next_ && *next_ <= now + every_)) return due;
    for (auto& [domain, former] : all_) {
        if (former.due > now && former.due <= now + every_) continue; // one that is later than that: the clock was set back
        former.due = now + every_;
        due.push_back(domain);
    }
    settle_next();
    return due;
}

void FormerDomains::settle_next() {
    next_.reset();
    for (const auto& [domain, former] : all_) next_ = std::min(next_.value_or(former.due), former.due);
}

// One that leads elsewhere, or nowhere, is its owner's again. What could not be found out is looked at once more.
FormerDomains::News FormerDomains::heard(const FormerLook& look) {
    auto found = all_.find(look.domain);
    if (found == all_.end() || !look.trouble.empty()) return {};
    Former& former = found->second;
    const bool leads = std::any_of(look.addresses.begin(), look.addresses.end(), [&](const std::string& address) { return std::find(former.addresses.begin(), former.addresses.end(), address) != former.addresses.end(); });
    const bool announces = !former.shared.empty() && look.alias == former.shared;
    std::string names = leads ? fmt::format("mta-sts.{} still leads to this endpoint", look.domain) : "";
    if (announces) names += fmt::format("{}_mta-sts.{} is still an alias of {}", leads ? ", and " : "", look.domain, former.shared);
    if (names == former.told && !names.empty()) return {};
    const bool was_told = !former.told.empty();
    dirty_ = true;
    if (names.empty()) {
        all_.erase(found);
        return was_told ? News{"domain.names_gone", fmt::format("no name of {} leads here any more", look.domain)} : News{};
    }
    former.told = names;
    return {"domain.dangling", sentence_of(look.domain, names)};
}

Json FormerDomains::report() const {
    Json out = Json::array();
    for (const auto& [domain, former] : all_)
        if (!former.told.empty()) out.push(Json::object({{"domain", domain}, {"reason", sentence_of(domain, former.told)}}));
    return out;
}

} // namespace mxseal::agent
