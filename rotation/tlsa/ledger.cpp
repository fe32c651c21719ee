#include "rotation/tlsa/ledger.hpp"

#include "rotation/planted.hpp"

#include <algorithm>

#include <fmt/format.h>

namespace mxseal::rotation::tlsa {

namespace {

// Our choice: far more versions than 7 days of rolls leave behind; the oldest closed ones go first.
constexpr std::size_t kVersionsMax = 64;

Version& version_of(Ledger& ledger, const dns::TlsaSet& records, Instant now) {
    for (Version& version : ledger.versions)
        if (version.records == records) return version;
    Version version;
    version.records = records;
    version.first_seen = now;
    ledger.versions.push_back(std::move(version));
    return ledger.versions.back();
}

const Version* find_version(const Ledger& ledger, const dns::TlsaSet& records) {
    for (const Version& version : ledger.versions)
        if (version.records == records) return &version;
    return nullptr;
}

void note_ttl(Ledger& ledger, Ttl ttl, Instant now) {
    // A later sighting of at least the same TTL makes an earlier one pointless; a look whose answer comes late is the earlier one.
    while (!ledger.ttls.empty() && ledger.ttls.back().ttl <= ttl) {
        now = std::max(now, ledger.ttls.back().at);
        ledger.ttls.pop_back();
    }
    ledger.ttls.push_back({ttl, now});
}

ServerMemory& memory_of(Ledger& ledger, const ServerAnswer& answer) {
    for (ServerMemory& memory : ledger.servers)
        if (memory.address == answer.address) return memory;
    ServerMemory memory;
    memory.address = answer.address;
    ledger.servers.push_back(std::move(memory));
    return ledger.servers.back();
}

void note_answer(Ledger& ledger, const ServerAnswer& answer, Instant finished) {
    ServerMemory& memory = memory_of(ledger, answer);
    memory.server = answer.server;
    memory.left_at.reset();
    if (answer.soa_expire) memory.soa_expire = answer.soa_expire;
    if (answer.negative_ttl) ledger.negative_ttl = std::max(ledger.negative_ttl.value_or(Ttl{0}), *answer.negative_ttl);
    if (!answer.answered()) {
        memory.trouble = answer.detail.empty() ? "no valid answer" : answer.detail;
        memory.wrong = answer.kind != ServerAnswer::Kind::unreachable;
        if (!memory.silent_since) memory.silent_since = finished;
        return;
    }
    memory.records = answer.records;
    memory.answered_at = finished;
    memory.silent_since.reset();
    memory.signed_until = answer.rrsig_expiration;
    memory.trouble.clear();
    memory.wrong = false;
    Version& version = version_of(ledger, answer.records, finished);
    if (!planted(Mistake::fall_back_ignored)) version.closed_at.reset();
    if (answer.rrsig_expiration) version.signed_until = std::max(version.signed_until.value_or(*answer.rrsig_expiration), *answer.rrsig_expiration);
    if (!answer.records.empty()) note_ttl(ledger, answer.ttl, finished);
}

void note_departures(Ledger& ledger, const OwnerObservation& seen, Instant finished) {
    for (ServerMemory& memory : ledger.servers) {
        bool named = std::any_of(seen.servers.begin(), seen.servers.end(), [&](const ServerAnswer& answer) { return answer.address == memory.address; });
        if (!named && !memory.left_at) memory.left_at = finished;
    }
    // A.4, unreachable server rule: until the NS and glue TTL is over resolvers may still ask a server that left.
    const Duration gone_after = seen.ns_ttl ? Duration{*seen.ns_ttl} : Duration{std::chrono::hours(48)};
    std::erase_if(ledger.servers, [&](const ServerMemory& memory) { return memory.left_at && finished >= *memory.left_at + gone_after; });
}

// A.4, unreachable server rule: a silent server cannot serve the old version beyond its SOA EXPIRE, nor validly beyond the
// last signature over it.
std::optional<Instant> counts_as_switched_at(const Ledger& ledger, const ServerMemory& server, const dns::TlsaSet& records) {
    const Version* version = find_version(ledger, records);
    if (version == nullptr || !server.records || server.wrong) return std::nullopt;
    std::optional<Instant> end;
    // One that was heard with another version after this one was there may have fallen back, and its time began anew.
    if (server.soa_expire) end = std::max(version->first_seen, server.answered_at) + Duration{*server.soa_expire};
    if (server.signed_until) end = end ? std::min(*end, *server.signed_until) : *server.signed_until;
    return end;
}

bool has_switched(const Ledger& ledger, const ServerMemory& server, const dns::TlsaSet& records, Instant now) {
    const bool answered_last = !server.silent_since && !server.left_at;
    if (!answered_last && planted(Mistake::silent_server_has_switched)) return true;
    if (answered_last) return server.records == records;
    if (server.left_at && server.records == records) return true;
    auto end = counts_as_switched_at(ledger, server, records);
    return end && now >= *end;
}

// The one version that every answering server gave in this round, with the largest TTL it was served with; nothing when they
// differ or none answered.
std::optional<Complete> unanimous(const OwnerObservation& seen) {
    std::optional<Complete> version;
    for (const ServerAnswer& answer : seen.servers) {
        if (!answer.answered() || (planted(Mistake::one_server_not_asked) && &answer != &seen.servers.front())) continue;
        if (!version) version = Complete{answer.records, answer.ttl, {}};
        if (answer.records != version->records) return std::nullopt;
        version->ttl = std::max(version->ttl, answer.ttl);
    }
    return version;
}

void count_round(Ledger& ledger, const Complete& answer, Instant finished, const Policy& policy) {
    if (ledger.rounds && (ledger.rounds->records != answer.records || ledger.rounds->ttl != answer.ttl)) ledger.rounds.reset();
    if (!ledger.rounds) {
        ledger.rounds = Rounds{answer.records, answer.ttl, finished, finished, 1};
    } else if (ledger.rounds->count < kRounds && finished - ledger.rounds->last_finished >= policy.observe_every) {
        ledger.rounds->last_finished = finished;
        ++ledger.rounds->count;
    }
}

// Section 0, T_all: the end of the first complete round, confirmed by two more, plus anycast_margin.
void declare_complete(Ledger& ledger, const Policy& policy) {
    const Rounds& rounds = *ledger.rounds;
    if (ledger.complete && ledger.complete->records == rounds.records && ledger.complete->ttl == rounds.ttl) return;
    const bool same_records = ledger.complete && ledger.complete->records == rounds.records;
    const Instant at = same_records ? ledger.complete->at : rounds.first_finished + policy.anycast_margin;
    ledger.complete = Complete{rounds.records, rounds.ttl, at};
    for (Version& version : ledger.versions)
        if (version.records != rounds.records && !version.closed_at) version.closed_at = at;
}

Duration hold_of(const Ledger& ledger, Instant now, const Policy& policy, Urgency urgency) {
    const Duration hold = effective_ttl(ledger, now, policy) + policy.safety_margin + stale_margin(policy, urgency);
    return planted(Mistake::wait_twice) ? 2 * hold : hold;
}

Instant unseen_until(const Ledger& ledger, const Policy& policy, Urgency urgency) {
    return *ledger.first_observed + policy.unseen_ttl + policy.safety_margin + stale_margin(policy, urgency);
}

std::vector<Reason::Term> hold_terms(const Ledger& ledger, Instant now, const Policy& policy, Urgency urgency) {
    if (planted(Mistake::wait_twice)) return {{"twice", hold_of(ledger, now, policy, urgency)}};
    return {{"TTL", effective_ttl(ledger, now, policy)},
            {"safety_margin", policy.safety_margin},
            {urgency == Urgency::emergency ? "emergency_stale_margin" : "stale_margin", stale_margin(policy, urgency)}};
}

// What makes the wait of W1 the longest.
enum class WaitCause { first_look, older_version, denial, before_first_look };
struct LongestWait {
    WaitCause cause = WaitCause::first_look;
    Instant base{}, until{};
};

// Absent: some server may still answer with a version without `record`.
std::optional<LongestWait> longest_wait(const Ledger& ledger, const dns::TlsaRecord& record, Instant now, const Policy& policy, Urgency urgency) {
    if (!ledger.first_observed || ledger.versions.empty()) return std::nullopt;
    LongestWait longest{WaitCause::first_look, *ledger.first_observed, *ledger.first_observed};
    const Duration hold = hold_of(ledger, now, policy, urgency);
    for (const Version& version : ledger.versions) {
        if (version.records.contains(record)) continue;
        if (!version.closed_at) return std::nullopt;
        // match(empty set, k) is true: a cache that holds a denial breaks nothing (A.3), it only has to be replaced everywhere.
        const Instant until = *version.closed_at + (version.records.empty() ? Duration{0} : hold);
        if (until > longest.until) longest = {version.records.empty() ? WaitCause::denial : WaitCause::older_version, *version.closed_at, until};
    }
    const Instant unseen = unseen_until(ledger, policy, urgency);
    if (unseen > longest.until && !planted(Mistake::unseen_forgotten)) longest = {WaitCause::before_first_look, *ledger.first_observed, unseen};
    return longest;
}

} // namespace

Duration stale_margin(const Policy& policy, Urgency urgency) {
    if (planted(Mistake::stale_margin_forgotten)) return Duration{0};
    return urgency == Urgency::emergency ? policy.emergency_stale_margin : policy.stale_margin;
}

Duration effective_ttl(const Ledger& ledger, Instant now, const Policy& policy) {
    if (planted(Mistake::configured_ttl)) return std::max<Duration>(policy.resolver_min_ttl, policy.tlsa_ttl);
    Duration ttl = planted(Mistake::floor_forgotten) ? Duration{0} : policy.resolver_min_ttl;
    for (const TtlSighting& sighting : ledger.ttls)
        if (now < sighting.at + kTtlLookBack + sighting.ttl) ttl = std::max<Duration>(ttl, sighting.ttl);
    return ttl;
}

Duration effective_negative_ttl(const Ledger& ledger, const Policy& policy) {
    return std::max<Duration>(ledger.negative_ttl.value_or(Ttl{0}), policy.resolver_min_ttl);
}

void note_intended(Ledger& ledger, const dns::TlsaSet& records, Ttl ttl, Instant now) {
    Version& version = version_of(ledger, records, now);
    version.closed_at.reset();
    if (!records.empty()) note_ttl(ledger, ttl, now);
}

void note_round(Ledger& ledger, const OwnerObservation& seen, Instant started, Instant finished, const Policy& policy) {
    ledger.last_round = finished;
    ledger.last_round_clean = false;
    ledger.cname_target = seen.cname_target;
    ledger.primary = seen.primary;
    ledger.primary_ttl = seen.primary_ttl;
    ledger.primary_error = seen.primary_error;
    for (const ServerAnswer& answer : seen.servers)
        if (!planted(Mistake::one_server_not_asked) || &answer == &seen.servers.front()) note_answer(ledger, answer, finished);
    if (seen.primary && !find_version(ledger, *seen.primary)) note_intended(ledger, *seen.primary, seen.primary_ttl.value_or(policy.tlsa_ttl), started);
    note_departures(ledger, seen, finished);

    const bool every_server_answered =
        !seen.servers.empty() && std::all_of(seen.servers.begin(), seen.servers.end(), [](const ServerAnswer& answer) { return answer.answered(); });
    if (every_server_answered && !ledger.first_observed) ledger.first_observed = finished;

    const auto answer = unanimous(seen);
    const bool agreed = answer && std::all_of(ledger.servers.begin(), ledger.servers.end(), [&](const ServerMemory& server) {
        return has_switched(ledger, server, answer->records, finished);
    });
    // A.4: a wait starts again when any server shows another version than the complete one.
    const bool another = std::any_of(seen.servers.begin(), seen.servers.end(), [&](const ServerAnswer& each) {
        return each.answered() && ledger.complete && each.records != ledger.complete->records;
    });
    if (another) ledger.complete.reset();
    if (!agreed) {
        ledger.rounds.reset();
        return;
    }
    ledger.last_round_clean = every_server_answered;
    count_round(ledger, *answer, finished, policy);
    if (ledger.rounds->count >= kRounds) declare_complete(ledger, policy);
}

void forget_expired(Ledger& ledger, Instant now, const Policy& policy) {
    const Duration hold = hold_of(ledger, now, policy, Urgency::planned);
    std::erase_if(ledger.versions, [&](const Version& version) {
        return version.closed_at && now >= *version.closed_at + hold && (!version.signed_until || now >= *version.signed_until);
    });
    std::erase_if(ledger.ttls, [&](const TtlSighting& sighting) { return now >= sighting.at + kTtlLookBack + sighting.ttl; });
    for (auto version = ledger.versions.begin(); version != ledger.versions.end() && ledger.versions.size() > kVersionsMax;)
        version = version->closed_at && now >= *version->closed_at + hold ? ledger.versions.erase(version) : version + 1;
}

std::vector<Held> held(const Ledger& ledger, Instant now, const Policy& policy, Urgency urgency) {
    std::vector<Held> all;
    for (const Version& version : ledger.versions) {
        Held entry;
        entry.records = version.records;
        if (version.closed_at) entry.until = *version.closed_at + hold_of(ledger, now, policy, urgency);
        if (!entry.until || now < *entry.until) all.push_back(std::move(entry));
    }
    // Section 0, unseen_ttl: what was there yesterday cannot be known.
    Held unseen;
    unseen.unseen = true;
    if (ledger.first_observed) unseen.until = unseen_until(ledger, policy, urgency);
    if (!unseen.until || now < *unseen.until) all.push_back(std::move(unseen));
    return all;
}

std::optional<Instant> servable_from(const Ledger& ledger, const dns::TlsaRecord& record, Instant now, const Policy& policy, Urgency urgency) {
    const auto wait = longest_wait(ledger, record, now, policy, urgency);
    return wait ? std::optional(wait->until) : std::nullopt;
}

Readiness readiness(const Ledger& ledger, const dns::TlsaRecord& record, Instant now, const Policy& policy, Urgency urgency) {
    const auto key = fmt::format("key {}", to_hex(record.data).substr(0, 8));
    const auto wait = longest_wait(ledger, record, now, policy, urgency);
    if (!wait) {
        auto target = ledger.primary && ledger.primary->contains(record) ? *ledger.primary : dns::TlsaSet({record});
        return {false, because("wait.complete", fmt::format("{} may be served once every name server answers with its record and caches have forgotten the versions without it; {}", key,
                                                            incomplete_because(ledger, target, now)))};
    }
    std::vector<Reason::Term> terms;
    if (wait->cause == WaitCause::older_version) terms = hold_terms(ledger, now, policy, urgency);
    if (wait->cause == WaitCause::before_first_look)
        terms = {{"unseen_ttl", policy.unseen_ttl}, {"safety_margin", policy.safety_margin}, {"stale_margin", stale_margin(policy, urgency)}};
    const bool of_a_version = wait->cause == WaitCause::older_version || wait->cause == WaitCause::denial;
    return {now >= wait->until, wait_until("wait.standby", key + " may be served from", of_a_version ? "complete at" : "first observed", wait->base, std::move(terms))};
}

Readiness nothing_held(const Ledger& ledger, Instant now, const Policy& policy) {
    if (!ledger.complete) return {false, because("wait.denial", "waits until every name server has denied the TLSA RRset in " + std::to_string(kRounds) + " rounds; " +
                                                                    incomplete_because(ledger, dns::TlsaSet(), now))};
    if (!ledger.complete->records.empty())
        return {false, because("found.records", fmt::format("the TLSA RRset {} is in the zone", ledger.complete->records.to_string()))};
    Reason longest = wait_until("wait.denial", "no TLSA record can be held from", "complete at", ledger.complete->at, {});
    for (const Held& version : held(ledger, now, policy, Urgency::planned)) {
        if (!version.unseen && version.records.empty()) continue;
        if (!version.until) return {false, because("wait.denial", "some name server may still answer with " + version.records.to_string())};
        if (*version.until <= *longest.until) continue;
        longest = version.unseen ? wait_until("wait.unseen", "no TLSA record from before mxseal's first look can be held from", "first observed", *ledger.first_observed,
                                              {{"unseen_ttl", policy.unseen_ttl}, {"safety_margin", policy.safety_margin}, {"stale_margin", policy.stale_margin}})
                                 : wait_until("wait.denial", "no TLSA record can be held from", "complete at", *version.until - hold_of(ledger, now, policy, Urgency::planned),
                                              hold_terms(ledger, now, policy, Urgency::planned));
    }
    return {now >= *longest.until, longest};
}

std::string incomplete_because(const Ledger& ledger, const dns::TlsaSet& records, Instant now) {
    std::string out;
    for (const ServerMemory& server : ledger.servers) {
        if (has_switched(ledger, server, records, now)) continue;
        const auto name = fmt::format("{} ({})", server.server, server.address);
        std::string what;
        if (!server.silent_since && !server.left_at)
            what = fmt::format("{} answers with {}", name, server.records ? server.records->to_string() : "nothing");
        else if (auto end = counts_as_switched_at(ledger, server, records))
            what = fmt::format("{} does not answer since {} ({}) and counts as switched at {}", name, to_rfc3339(server.silent_since.value_or(server.answered_at)),
                               server.trouble, to_rfc3339(*end));
        else
            what = fmt::format("{}: {}", name, server.trouble.empty() ? "left the NS RRset with another version" : server.trouble);
        out += (out.empty() ? "" : ", ") + what;
    }
    if (out.empty() && ledger.rounds) out = fmt::format("{} of {} rounds made", ledger.rounds->count, kRounds);
    return out.empty() ? "not observed yet" : out;
}

} // namespace mxseal::rotation::tlsa
