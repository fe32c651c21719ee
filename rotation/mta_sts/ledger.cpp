#include "rotation/mta_sts/ledger.hpp"

#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace mxseal::rotation::mta_sts {

namespace {

constexpr int kRounds = 3;                                       // section 0, T_all
constexpr Duration kTtlLookBack = std::chrono::hours(7 * 24);    // RFC 8767 section 4 (W5)
constexpr Duration kServerGone = std::chrono::hours(48);         // TTL of an NS RRset at a parent; then a server that left is not asked any more

RrsetVersion& version_of(RrsetLedger& ledger, const Values& values, Instant now) {
    for (RrsetVersion& version : ledger.versions)
        if (version.values == values) return version;
    return ledger.versions.emplace_back(RrsetVersion{values, now, std::nullopt});
}

void note_ttl(RrsetLedger& ledger, Ttl ttl, Instant now) {
    while (!ledger.ttls.empty() && ledger.ttls.back().ttl <= ttl) {
        now = std::max(now, ledger.ttls.back().at);
        ledger.ttls.pop_back();
    }
    ledger.ttls.push_back({ttl, now});
}

RrsetServer& memory_of(RrsetLedger& ledger, const RrsetAnswer& answer) {
    for (RrsetServer& server : ledger.servers)
        if (server.address == answer.address && (!server.address.empty() || server.server == answer.server)) return server;
    return ledger.servers.emplace_back(RrsetServer{answer.server, answer.address, std::nullopt, std::nullopt, {}, false});
}

void note_answer(RrsetLedger& ledger, const RrsetAnswer& answer, Instant finished) {
    RrsetServer& server = memory_of(ledger, answer);
    server.by_alias = answer.by_alias;
    if (!answer.answered) {
        server.trouble = answer.detail;
        if (!server.silent_since) server.silent_since = finished;
        return;
    }
    server.values = answer.values;
    server.silent_since.reset();
    server.trouble.clear();
    version_of(ledger, answer.values, finished).closed_at.reset();
    if (!answer.values.empty()) note_ttl(ledger, answer.ttl, finished);
}

// Every server of the owner's zone has spoken, and none shows an alias: whoever was asked for one has no say any more.
bool without_alias(const RrsetObservation& seen) {
    return !seen.servers.empty() && seen.following.empty() && std::all_of(seen.servers.begin(), seen.servers.end(), [](const RrsetAnswer& each) { return each.answered && !each.by_alias; });
}

// A server that no NS record names any more is silent, and forgotten once nobody can know of it. One that follows an alias now has given up
// what it said itself; a name that was found without an address is nobody that a resolver could ask.
void note_departures(RrsetLedger& ledger, const RrsetObservation& seen, Instant finished) {
    if (without_alias(seen)) std::erase_if(ledger.servers, [](const RrsetServer& server) { return server.by_alias; });
    std::erase_if(ledger.servers, [&](const RrsetServer& server) {
        const bool named = std::any_of(seen.servers.begin(), seen.servers.end(), [&](const RrsetAnswer& answer) { return answer.address == server.address && answer.server == server.server; });
        return (server.address.empty() && !named) || std::find(seen.following.begin(), seen.following.end(), server.address) != seen.following.end();
    });
    for (RrsetServer& server : ledger.servers) {
        const bool named = std::any_of(seen.servers.begin(), seen.servers.end(), [&](const RrsetAnswer& answer) { return answer.address == server.address; });
        if (named || server.silent_since) continue;
        server.silent_since = finished;
        server.trouble = "is no name server of the zone any more";
    }
    std::erase_if(ledger.servers, [&](const RrsetServer& server) {
        const bool named = std::any_of(seen.servers.begin(), seen.servers.end(), [&](const RrsetAnswer& answer) { return answer.address == server.address; });
        return !named && server.silent_since && finished >= *server.silent_since + kServerGone;
    });
}

void declare_complete(RrsetLedger& ledger, const Policy& policy) {
    const Instant at = ledger.rounds->first_finished + policy.anycast_margin;
    if (ledger.complete && ledger.complete->values == ledger.rounds->values) return;
    ledger.complete = RrsetLedger::Complete{ledger.rounds->values, at};
    for (RrsetVersion& version : ledger.versions)
        if (version.values != ledger.complete->values && !version.closed_at) version.closed_at = at;
}

} // namespace

void note_intended(RrsetLedger& ledger, const Values& values, Ttl ttl, Instant now) {
    version_of(ledger, values, now).closed_at.reset();
    if (!values.empty()) note_ttl(ledger, ttl, now);
}

void note_round(RrsetLedger& ledger, const RrsetObservation& seen, Instant finished, const Policy& policy) {
    ledger.last_round = finished;
    ledger.primary = seen.primary;
    ledger.primary_error = seen.primary_error;
    for (const RrsetAnswer& answer : seen.servers) note_answer(ledger, answer, finished);
    if (seen.primary) version_of(ledger, *seen.primary, finished);
    note_departures(ledger, seen, finished);

    // A server that is silent may still hand out what it said last, or anything that came before it was ever heard.
    const Values* said = ledger.servers.empty() || !ledger.servers.front().values ? nullptr : &*ledger.servers.front().values;
    const bool agreed = said != nullptr && std::all_of(ledger.servers.begin(), ledger.servers.end(), [&](const RrsetServer& server) { return server.values == *said; });
    if (ledger.complete && (!agreed || *said != ledger.complete->values)) ledger.complete.reset();
    if (!agreed || (ledger.rounds && ledger.rounds->values != *said)) ledger.rounds.reset();
    if (!agreed) return;
    if (!ledger.rounds) {
        ledger.rounds = RrsetLedger::Rounds{*said, finished, finished, 1};
    } else if (ledger.rounds->count < kRounds && finished - ledger.rounds->last_finished >= policy.observe_every) {
        ledger.rounds->last_finished = finished;
        ++ledger.rounds->count;
    }
    if (ledger.rounds->count >= kRounds) declare_complete(ledger, policy);
}

void forget_expired(RrsetLedger& ledger, Instant now, const Policy& policy) {
    const Duration hold = hold_of(ledger, now, policy);
    std::erase_if(ledger.versions, [&](const RrsetVersion& version) { return version.closed_at && now >= *version.closed_at + hold; });
    std::erase_if(ledger.ttls, [&](const RrsetLedger::Sighting& sighting) { return now >= sighting.at + kTtlLookBack + sighting.ttl; });
}

void move(RrsetLedger& ledger, Duration forward) {
    for (RrsetVersion& version : ledger.versions)
        if (version.closed_at) *version.closed_at += forward;
    for (RrsetLedger::Sighting& sighting : ledger.ttls) sighting.at += forward;
    if (ledger.complete) ledger.complete->at += forward;
    ledger.rounds.reset();
}

Duration effective_ttl(const RrsetLedger& ledger, Instant now, const Policy& policy) {
    Duration ttl = policy.resolver_min_ttl;
    for (const RrsetLedger::Sighting& sighting : ledger.ttls)
        if (now < sighting.at + kTtlLookBack + sighting.ttl) ttl = std::max<Duration>(ttl, sighting.ttl);
    return ttl;
}

Duration hold_of(const RrsetLedger& ledger, Instant now, const Policy& policy) { return effective_ttl(ledger, now, policy) + policy.safety_margin + policy.stale_margin; }

std::vector<RrsetVersion> held(const RrsetLedger& ledger, Instant now, const Policy& policy) {
    std::vector<RrsetVersion> all;
    const Duration hold = hold_of(ledger, now, policy);
    for (const RrsetVersion& version : ledger.versions)
        if (!version.closed_at || now < *version.closed_at + hold) all.push_back(version);
    return all;
}

std::string incomplete_because(const RrsetLedger& ledger, const Values& values) {
    std::string out;
    for (const RrsetServer& server : ledger.servers) {
        if (server.values == values && !server.silent_since) continue;
        std::string what = server.silent_since ? server.trouble : server.values && !server.values->empty() ? fmt::format("answers with {}", fmt::join(*server.values, ", ")) : "has no such record";
        if (server.silent_since && server.values == values) continue;
        out += fmt::format("{}{} ({}): {}", out.empty() ? "" : ", ", server.server, server.address, what);
    }
    if (out.empty() && ledger.rounds) out = fmt::format("{} of {} rounds made", ledger.rounds->count, kRounds);
    return out.empty() ? "not observed yet" : out;
}

} // namespace mxseal::rotation::mta_sts
