#include "agent/observe/policy_observer.hpp"

#include "agent/observe/alias_walk.hpp"
#include "agent/observe/rrset_questions.hpp"
#include "agent/observe/rrset_text.hpp"
#include "providers/driver.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>

namespace mxseal::agent {
namespace {

using rotation::mta_sts::DnsObservation;
using rotation::mta_sts::RrsetObservation;
using rotation::mta_sts::RrsetRound;
using rotation::mta_sts::Values;

struct Looked {
    RrsetObservation rrset;
    std::optional<std::string> alias;
};

// Where the values would be written, or why nowhere.
Result<dns::Name> written_at(const Walked& walked, const std::optional<ZoneAccess>& access) {
    const dns::Name& end = walked.names.back();
    const bool alias = walked.names.size() > 1;
    if (alias && !(access && walked.zone == access->zone))
        return Error(ErrorCode::not_managed, fmt::format("{}, in another zone ({})", chain_text(walked.names), walked.zone.text()));
    if (walked.names.size() > 2)
        return Error(ErrorCode::cname_conflict, fmt::format("{}; point {} at {} itself", chain_text(walked.names), walked.names.front().text(), end.text()));
    if (!access || access->drivers.empty())
        return Error(ErrorCode::not_managed, fmt::format("no provider is configured for {}", walked.zone.text()));
    return end;
}

Result<Values> read_values(providers::DnsDriver& driver, const dns::Name& owner, dns::Type type) {
    auto zone = driver.find_zone(owner);
    if (!zone) return std::move(zone).error();
    auto rrset = driver.read(*zone, owner, type);
    if (!rrset) return std::move(rrset).error();
    return values_text(type, *rrset ? (*rrset)->values : std::vector<Bytes>{});
}

Looked looked(Walked walked, dns::Type type, const std::optional<ZoneAccess>& access) {
    Looked out;
    if (walked.names.size() > 1) out.alias = walked.names[1].text();
    const auto owner = written_at(walked, access);
    auto values = owner ? read_values(*access->drivers.front(), *owner, type) : Result<Values>(owner.error());
    if (values)
        out.rrset.primary = std::move(*values);
    else
        out.rrset.primary_error = values.error().to_string();
    out.rrset.servers = std::move(walked.answers);
    out.rrset.following = std::move(walked.following);
    return out;
}

// One round over some RRsets: those of one zone are asked for together.
class Round {
public:
    Round(ValidatingResolver& resolver, const ObserverOptions& options, const std::optional<ZoneAccess>& access) : questions_(resolver, options), access_(access) {}

    Result<std::vector<Looked>> look(const std::vector<dns::Question>& wanted) {
        std::vector<Looked> found(wanted.size());
        auto by_zone = zones_of(wanted);
        if (!by_zone) return std::move(by_zone).error();
        for (const auto& [zone, indices] : *by_zone) {
            std::vector<dns::Question> questions;
            for (const std::size_t index : indices) questions.push_back(wanted[index]);
            const auto reports = questions_.ask(zone, access_ ? access_->nameservers : std::vector<ExtraNameServer>{}, questions);
            if (!reports) return reports.error();
            for (std::size_t i = 0; i < indices.size(); ++i) {
                auto walked = AliasWalk(questions_, access_, questions[i].type).from(questions[i].name, zone, said_of(*reports, i));
                if (!walked) return std::move(walked).error();
                found[indices[i]] = looked(std::move(*walked), questions[i].type, access_);
            }
        }
        return found;
    }

private:
    using IndicesByZone = std::map<dns::Name, std::vector<std::size_t>>;

    Result<IndicesByZone> zones_of(const std::vector<dns::Question>& wanted) {
        IndicesByZone indices;
        for (std::size_t i = 0; i < wanted.size(); ++i) {
            auto zone = access_ ? Result<dns::Name>(access_->zone) : questions_.zone_of(wanted[i].name);
            if (!zone) return std::move(zone).error();
            indices[*zone].push_back(i);
        }
        return indices;
    }

    static std::vector<RrsetSaid> said_of(const std::vector<RrsetReport>& reports, std::size_t question) {
        std::vector<RrsetSaid> said;
        for (const RrsetReport& report : reports) said.push_back(report.said[question]);
        return said;
    }

    RrsetQuestions questions_;
    const std::optional<ZoneAccess>& access_;
};

} // namespace

DnsObservation AuthoritativePolicyObserver::observe(const dns::Name& domain, const std::optional<ZoneAccess>& zone) {
    DnsObservation out;
    out.started = clock_.wall();
    const auto owner = domain.prefixed("_mta-sts"); // RFC 8461 section 3.1
    auto found = owner ? Round(resolver_, options_, zone).look({{*owner, dns::Type::txt}, {domain, dns::Type::mx}}) : Result<std::vector<Looked>>(owner.error());
    if (found) {
        out.txt = std::move((*found)[0].rrset);
        out.txt_alias = std::move((*found)[0].alias);
        out.mx = std::move((*found)[1].rrset);
    } else {
        out.error = found.error().to_string();
    }
    out.finished = clock_.wall();
    return out;
}

RrsetRound AuthoritativePolicyObserver::observe_rrset(const dns::Name& owner, dns::Type type, const std::optional<ZoneAccess>& zone) {
    RrsetRound out;
    out.started = clock_.wall();
    auto found = Round(resolver_, options_, zone).look({{owner, type}});
    if (found) {
        out.rrset = std::move(found->front().rrset);
        out.alias = std::move(found->front().alias);
    } else {
        out.error = found.error().to_string();
    }
    out.finished = clock_.wall();
    return out;
}

} // namespace mxseal::agent
