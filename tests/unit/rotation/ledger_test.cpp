#include "rotation/tlsa/ledger.hpp"

#include <catch2/catch.hpp>

#include <map>

using namespace mxseal;
using namespace mxseal::rotation;
using namespace mxseal::rotation::tlsa;
using namespace std::chrono_literals;
using dns::TlsaSet;

namespace {

const Instant kNoon = *parse_rfc3339("2026-11-22T12:00:00Z");

dns::TlsaRecord record(std::uint8_t fill) { return {3, 1, 1, Bytes(32, fill)}; }
const TlsaSet kOld({record(1)});
const TlsaSet kBoth({record(1), record(2)});

using Answers = std::map<std::string, std::optional<TlsaSet>>; // by address; nothing: unreachable

struct Watch {
    Ledger ledger;
    Policy policy;
    Instant signed_until = kNoon + 48h;

    void round(Instant at, const Answers& answers, Ttl ttl = 1h) {
        OwnerObservation seen;
        for (const auto& [address, records] : answers) {
            ServerAnswer answer;
            answer.server = "ns." + address;
            answer.address = address;
            answer.kind = !records ? ServerAnswer::Kind::unreachable : records->empty() ? ServerAnswer::Kind::denied : ServerAnswer::Kind::records;
            if (records) answer.records = *records;
            answer.ttl = ttl;
            answer.soa_expire = Ttl{7 * 24h};
            answer.rrsig_expiration = signed_until;
            seen.servers.push_back(answer);
        }
        seen.primary = answers.begin()->second;
        note_round(ledger, seen, at, at, policy);
    }
    void rounds(Instant at, const Answers& answers) {
        for (int i = 0; i < kRounds; ++i) round(at + i * 1min, answers);
    }
    // The old version stood for weeks: what was there before the first look cannot be held any more.
    void long_ago() {
        rounds(kNoon - 24h * 30, {{"a", kOld}, {"b", kOld}});
    }
};

} // namespace

TEST_CASE("a version is complete at the end of the first of three rounds in which every server answers with it, plus anycast_margin") {
    Watch watch;
    watch.long_ago();
    note_intended(watch.ledger, kBoth, 1h, kNoon);
    watch.round(kNoon + 10min, {{"a", kBoth}, {"b", kOld}});
    CHECK_FALSE(watch.ledger.complete);
    watch.round(kNoon + 20min, {{"a", kBoth}, {"b", kBoth}});
    watch.round(kNoon + 21min, {{"a", kBoth}, {"b", kBoth}});
    CHECK_FALSE(watch.ledger.complete);
    watch.round(kNoon + 22min, {{"a", kBoth}, {"b", kBoth}});
    REQUIRE(watch.ledger.complete);
    CHECK(watch.ledger.complete->at == kNoon + 25min); // conformance case 3
}

TEST_CASE("a server that fell back and then fell silent counts as switched EXPIRE after it was last heard") {
    Watch watch;
    watch.signed_until = kNoon + 24h * 365;
    watch.long_ago();
    note_intended(watch.ledger, kBoth, 1h, kNoon);
    watch.rounds(kNoon, {{"a", kBoth}, {"b", kBoth}});
    REQUIRE(watch.ledger.complete);
    const Instant fallen = kNoon + 24h * 10; // the newer version is older than EXPIRE by then
    watch.round(fallen, {{"a", kBoth}, {"b", kOld}});
    watch.rounds(fallen + 1h, {{"a", kBoth}, {"b", std::nullopt}});
    CHECK_FALSE(watch.ledger.complete);
    watch.rounds(fallen + 24h * 7, {{"a", kBoth}, {"b", std::nullopt}});
    CHECK(watch.ledger.complete);
}

TEST_CASE("rounds closer together than observe_every count once") {
    Watch watch;
    for (int i = 0; i < 10; ++i) watch.round(kNoon + i * 1s, {{"a", kBoth}});
    CHECK_FALSE(watch.ledger.complete);
}

TEST_CASE("a standby is ready when the version without it is forgotten: T_all + TTL + safety_margin + stale_margin") {
    Watch watch;
    watch.long_ago();
    watch.rounds(kNoon + 20min, {{"a", kBoth}, {"b", kBoth}});
    const Instant all = kNoon + 25min;
    const Instant ready = all + 1h + 16min + 72h; // conformance case 3
    const auto before = readiness(watch.ledger, record(2), ready - 1ms, watch.policy, Urgency::planned);
    CHECK_FALSE(before.ready);
    CHECK(before.reason.until == ready);
    CHECK(before.reason.sentence() == "key 02020202 may be served from 2026-11-25T13:41:00Z: complete at 2026-11-22T12:25:00Z + TTL 1h + safety_margin 16m + stale_margin 3d");
    CHECK(readiness(watch.ledger, record(2), ready, watch.policy, Urgency::planned).ready);
    // An emergency counts emergency_stale_margin, which is 0.
    CHECK(readiness(watch.ledger, record(2), all + 1h + 16min, watch.policy, Urgency::emergency).ready);
}

TEST_CASE("the largest TTL that was served within seven days counts, not the newest") {
    Watch watch;
    watch.long_ago();
    watch.round(kNoon - 1h, {{"a", kOld}, {"b", kOld}}, 24h);
    watch.rounds(kNoon, {{"a", kBoth}, {"b", kBoth}});
    const auto wait = readiness(watch.ledger, record(2), kNoon + 10min, watch.policy, Urgency::planned);
    CHECK(wait.reason.until == kNoon + 5min + 24h + 16min + 72h);
}

TEST_CASE("a server that falls back to the older version takes readiness away, and the wait begins anew") {
    Watch watch;
    watch.long_ago();
    watch.rounds(kNoon, {{"a", kBoth}, {"b", kBoth}});
    const Instant later = kNoon + 24h * 5;
    REQUIRE(readiness(watch.ledger, record(2), later, watch.policy, Urgency::planned).ready);
    watch.round(later, {{"a", kBoth}, {"b", kOld}});
    CHECK_FALSE(readiness(watch.ledger, record(2), later, watch.policy, Urgency::planned).ready);
    watch.rounds(later + 1h, {{"a", kBoth}, {"b", kBoth}});
    const auto again = readiness(watch.ledger, record(2), later + 2h, watch.policy, Urgency::planned);
    CHECK(again.reason.until == later + 1h + 5min + 1h + 16min + 72h);
}

TEST_CASE("a newer version that still contains the key does not take its readiness away") {
    Watch watch;
    watch.long_ago();
    watch.rounds(kNoon, {{"a", kBoth}, {"b", kBoth}});
    const Instant later = kNoon + 24h * 5;
    const TlsaSet three({record(1), record(2), record(3)});
    note_intended(watch.ledger, three, 1h, later);
    watch.round(later, {{"a", three}, {"b", kBoth}});
    CHECK(readiness(watch.ledger, record(2), later, watch.policy, Urgency::planned).ready);
    CHECK_FALSE(readiness(watch.ledger, record(3), later, watch.policy, Urgency::planned).ready);
}

TEST_CASE("a server that cannot be reached holds completion up until its copy of the zone cannot be valid any more") {
    Watch watch;
    watch.long_ago();
    note_intended(watch.ledger, kBoth, 1h, kNoon);
    watch.rounds(kNoon + 10min, {{"a", kBoth}, {"b", std::nullopt}});
    CHECK_FALSE(watch.ledger.complete);
    CHECK(incomplete_because(watch.ledger, kBoth, kNoon + 13min).find("counts as switched at") != std::string::npos);
    // The signatures over the old version there end at noon + 48 h, before SOA EXPIRE.
    watch.rounds(kNoon + 48h, {{"a", kBoth}, {"b", std::nullopt}});
    CHECK(watch.ledger.complete);
}

TEST_CASE("a server that answers wrongly never counts as switched") {
    Watch watch;
    watch.long_ago();
    for (ServerMemory& server : watch.ledger.servers) server.wrong = server.address == "b";
    OwnerObservation seen;
    ServerAnswer good;
    good.address = "a";
    good.kind = ServerAnswer::Kind::records;
    good.records = kBoth;
    good.ttl = 1h;
    ServerAnswer bad;
    bad.address = "b";
    bad.kind = ServerAnswer::Kind::failed;
    bad.detail = "SERVFAIL";
    seen.servers = {good, bad};
    for (int i = 0; i < 5; ++i) note_round(watch.ledger, seen, kNoon + 24h * 30 + i * 1min, kNoon + 24h * 30 + i * 1min, watch.policy);
    CHECK_FALSE(watch.ledger.complete);
}

TEST_CASE("what stood there before the first look counts as an unknown version for unseen_ttl") {
    Watch watch;
    watch.rounds(kNoon, {{"a", kBoth}, {"b", kBoth}});
    const auto wait = readiness(watch.ledger, record(2), kNoon + 1h, watch.policy, Urgency::planned);
    CHECK_FALSE(wait.ready);
    CHECK(wait.reason.until == kNoon + 24h + 16min + 72h);
    CHECK(nothing_held(watch.ledger, kNoon + 1h, watch.policy).reason.code == "found.records");
}

TEST_CASE("nobody can hold a TLSA record once every server denied it in three rounds and unseen_ttl is over") {
    Watch watch;
    watch.rounds(kNoon, {{"a", TlsaSet()}, {"b", TlsaSet()}});
    const Instant over = kNoon + 24h + 16min + 72h;
    CHECK_FALSE(nothing_held(watch.ledger, over - 1ms, watch.policy).ready);
    CHECK(nothing_held(watch.ledger, over, watch.policy).ready);
}

TEST_CASE("the first version after a denial needs no wait beyond being on every server") {
    Watch watch;
    watch.rounds(kNoon - 24h * 30, {{"a", TlsaSet()}, {"b", TlsaSet()}});
    watch.rounds(kNoon, {{"a", kBoth}, {"b", kBoth}});
    CHECK(readiness(watch.ledger, record(2), kNoon + 5min, watch.policy, Urgency::planned).ready);
    CHECK_FALSE(readiness(watch.ledger, record(2), kNoon + 4min, watch.policy, Urgency::planned).ready);
}

TEST_CASE("a version counts as held from the moment it is intended") {
    Watch watch;
    watch.long_ago();
    note_intended(watch.ledger, kBoth, 1h, kNoon);
    bool found = false;
    for (const Held& version : held(watch.ledger, kNoon, watch.policy, Urgency::planned)) found = found || (version.records == kBoth && !version.until);
    CHECK(found);
}
