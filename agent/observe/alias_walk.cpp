#include "agent/observe/alias_walk.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>

namespace mxseal::agent {
namespace {

using rotation::mta_sts::RrsetAnswer;

constexpr std::size_t kStepsMax = 8; // our choice: one is what RFC 8461 section 8.2 speaks of, and resolvers have a bound of their own

// The alias that most of the servers show, of equals the first by name.
std::optional<dns::Name> alias_among(const std::vector<RrsetSaid>& said) {
    std::map<dns::Name, int> shown;
    for (const RrsetSaid& each : said)
        if (each.alias) ++shown[*each.alias];
    const auto most = std::max_element(shown.begin(), shown.end(), [](const auto& one, const auto& other) { return one.second < other.second; });
    return most == shown.end() ? std::nullopt : std::optional(most->first);
}

// A server that does not show the alias: what it says instead, if it says something, is what senders get from it.
RrsetAnswer dissenting(RrsetSaid said, const dns::Name& owner, const dns::Name& target) {
    if (said.alias) said.answer.detail = fmt::format("{} is an alias of {} here, and of {} at other servers", owner.text(), said.alias->text(), target.text());
    if (said.answer.answered) said.answer.detail = fmt::format("{} is no alias here, and one of {} at other servers", owner.text(), target.text());
    return std::move(said.answer);
}

// One that says the same as the alias's target does today will not tomorrow: it must not count as agreement.
void keep_apart(RrsetAnswer& dissenter, const std::vector<RrsetAnswer>& others, const dns::Name& zone) {
    const auto same = [&](const RrsetAnswer& other) { return other.answered && other.values == dissenter.values; };
    if (dissenter.answered && std::any_of(others.begin(), others.end(), same)) {
        dissenter.answered = false;
        dissenter.values.clear();
    }
    // A server of both zones has two answers, and an address is known by one.
    if (std::any_of(others.begin(), others.end(), [&](const RrsetAnswer& other) { return other.address == dissenter.address; }))
        dissenter.address += " for " + zone.text();
}

Error endless(const std::vector<dns::Name>& names, std::string_view what) {
    return Error(ErrorCode::protocol, fmt::format("{}: {}, so senders find no record; point the first one at the record itself", chain_text(names), what));
}

} // namespace

std::string chain_text(const std::vector<dns::Name>& names) {
    std::string text = names.front().text();
    for (std::size_t i = 1; i < names.size(); ++i) text += (i == 1 ? " is an alias of " : ", and that of ") + names[i].text();
    return text;
}

Result<std::vector<RrsetSaid>> AliasWalk::step(const dns::Name& target, Walked& walked) {
    const bool again = std::find(walked.names.begin(), walked.names.end(), target) != walked.names.end();
    walked.names.push_back(target);
    if (again) return endless(walked.names, "a loop");
    if (walked.names.size() > kStepsMax + 1) return endless(walked.names, fmt::format("more than {} aliases in a row", kStepsMax));
    auto zone = questions_.zone_of(target);
    if (!zone) return std::move(zone).error().in_context(chain_text(walked.names));
    walked.zone = *zone;
    const bool known = access_ && access_->zone == *zone;
    auto reports = questions_.ask(*zone, known ? access_->nameservers : std::vector<ExtraNameServer>{}, {{target, type_}});
    if (!reports) return std::move(reports).error().in_context(chain_text(walked.names));
    std::vector<RrsetSaid> said;
    for (RrsetReport& report : *reports) said.push_back(std::move(report.said.front()));
    return said;
}

Result<Walked> AliasWalk::from(const dns::Name& owner, const dns::Name& zone, std::vector<RrsetSaid> said) {
    Walked walked{{}, {}, {owner}, zone};
    Ttl ttl{0};
    std::vector<std::pair<RrsetAnswer, dns::Name>> dissenters; // and their zones
    while (const auto target = alias_among(said)) {
        for (RrsetSaid& each : said) {
            if (each.alias == target) {
                ttl = std::max(ttl, each.answer.ttl);
                // As a dissenter it may have been known by either.
                walked.following.push_back(each.answer.address);
                walked.following.push_back(each.answer.address + " for " + walked.zone.text());
            } else {
                dissenters.emplace_back(dissenting(std::move(each), walked.names.back(), *target), walked.zone);
            }
        }
        auto next = step(*target, walked);
        if (!next) return std::move(next).error();
        said = std::move(*next);
    }
    for (RrsetSaid& each : said) {
        if (!each.answer.values.empty()) each.answer.ttl = std::max(each.answer.ttl, ttl);
        each.answer.by_alias = walked.names.size() > 1;
        walked.answers.push_back(std::move(each.answer));
    }
    for (auto& [dissenter, of_zone] : dissenters) {
        keep_apart(dissenter, walked.answers, of_zone);
        walked.answers.push_back(std::move(dissenter));
    }
    std::erase_if(walked.following, [&](const std::string& address) {
        return std::any_of(walked.answers.begin(), walked.answers.end(), [&](const RrsetAnswer& answer) { return answer.address == address; });
    });
    return walked;
}

} // namespace mxseal::agent
