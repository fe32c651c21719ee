#include "agent/timeline/timeline.hpp"

#include "agent/timeline/svg.hpp"
#include "agent/timeline/text.hpp"
#include "tests/unit/timeline/scripted.hpp"

using namespace mxseal;
using namespace mxseal::timeline;
using namespace std::chrono_literals;

namespace {

// Adopted with key a, standby b ready, then the roll from a to b with standby c.
Script adopted() {
    Script script;
    script.add("2026-11-22T07:00:00Z", "key.adopted", {{"key", key('a')}, {"algorithm", "ecdsa-p256"}});
    script.add("2026-11-22T07:00:01Z", "key.generated", {{"key", key('b')}, {"algorithm", "ecdsa-p256"}});
    script.add("2026-11-22T07:00:02Z", "tlsa.written", {{"owner", "_25._tcp.mx1.example.org"}, {"records", records("ab")}, {"before", "{}"}});
    script.complete("2026-11-22T07:00:10Z", "ab", "2026-11-22T07:00:20Z");
    script.add("2026-11-22T07:00:20Z", "standby.ready", {{"key", key('b')}, {"ready_at", "2026-11-22T07:00:20Z"}});
    return script;
}

Script switched() {
    Script script = adopted();
    script.add("2026-11-22T07:01:00Z", "roll.requested", {{"from", key('a')}, {"kind", "planned"}});
    script.add("2026-11-22T07:01:00Z", "key.generated", {{"key", key('c')}, {"algorithm", "ecdsa-p256"}});
    script.add("2026-11-22T07:01:01Z", "tlsa.written", {{"owner", "_25._tcp.mx1.example.org"}, {"records", records("abc")}, {"before", records("ab")}});
    script.complete("2026-11-22T07:01:10Z", "abc", "2026-11-22T07:01:20Z");
    script.add("2026-11-22T07:01:12Z", "switch.started", {{"from", key('a')}, {"to", key('b')}, {"kind", "planned"}});
    return script;
}

Script rolled() {
    Script script = switched();
    script.add("2026-11-22T07:01:14Z", "switch.verified", {{"to", key('b')}, {"kind", "planned"}});
    script.add("2026-11-22T07:01:30Z", "cleanup.started", {{"from", key('a')}});
    script.add("2026-11-22T07:01:31Z", "tlsa.written", {{"owner", "_25._tcp.mx1.example.org"}, {"records", records("bc")}, {"before", records("abc")}});
    script.complete("2026-11-22T07:01:40Z", "bc", "2026-11-22T07:01:50Z");
    script.add("2026-11-22T07:01:41Z", "roll.finished", {{"from", key('a')}, {"to", key('b')}, {"kind", "planned"}});
    return script;
}

Span span(Phase phase, std::string_view from, std::string_view to = "") {
    return {phase, at(from), to.empty() ? std::nullopt : std::optional(at(to))};
}

const Mark& mark_of(const Timeline& timeline, Mark::Kind kind) {
    for (const Mark& mark : timeline.marks)
        if (mark.kind == kind) return mark;
    FAIL("no such mark: " << to_string(kind));
    return timeline.marks.front();
}

} // namespace

TEST_CASE("a key lives from its making to its removal, phase by phase") {
    const auto timeline = rolled().draw("2026-11-22T07:02:00Z", at("2026-11-22T07:00:00Z"));
    REQUIRE(timeline.keys.size() == 3);
    CHECK(timeline.keys[0].letter == "A");
    CHECK(timeline.keys[0].role == "removed");
    CHECK(timeline.keys[0].spans == std::vector<Span>{span(Phase::active, "2026-11-22T07:00:00Z", "2026-11-22T07:01:14Z"),
                                                      span(Phase::retired, "2026-11-22T07:01:14Z", "2026-11-22T07:01:40Z"), span(Phase::removed, "2026-11-22T07:01:40Z")});
    CHECK(timeline.keys[1].spans == std::vector<Span>{span(Phase::generated, "2026-11-22T07:00:01Z", "2026-11-22T07:00:10Z"),
                                                      span(Phase::published, "2026-11-22T07:00:10Z", "2026-11-22T07:00:20Z"),
                                                      span(Phase::ready, "2026-11-22T07:00:20Z", "2026-11-22T07:01:12Z"), span(Phase::active, "2026-11-22T07:01:12Z")});
    CHECK(timeline.keys[2].spans.back() == span(Phase::published, "2026-11-22T07:01:10Z"));
}

TEST_CASE("from the switch to its proof both keys count as in use") {
    const auto timeline = switched().draw("2026-11-22T07:01:13Z");
    CHECK(timeline.keys[0].spans.back() == span(Phase::active, "2026-11-22T07:00:00Z"));
    CHECK(timeline.keys[1].spans.back() == span(Phase::active, "2026-11-22T07:01:12Z"));
}

TEST_CASE("a version is live until the next one is complete, and held for as long as the log said") {
    const auto timeline = rolled().draw("2026-11-22T07:02:00Z", at("2026-11-22T07:00:00Z"));
    REQUIRE(timeline.versions.size() == 3);
    const Version& first = timeline.versions[0];
    CHECK(first.letters == std::vector<std::string>{"A", "B"});
    CHECK(first.live_from == at("2026-11-22T07:00:02Z"));
    CHECK(first.complete_at == at("2026-11-22T07:00:10Z"));
    CHECK(first.live_until == at("2026-11-22T07:01:10Z"));
    CHECK(first.held_until == at("2026-11-22T07:01:20Z"));
    CHECK(first.held_for == "TTL 1h");
    CHECK(timeline.versions[2].letters == std::vector<std::string>{"B", "C"});
    CHECK_FALSE(timeline.versions[2].live_until);
    CHECK_FALSE(timeline.versions[2].held_until);
}

TEST_CASE("the same records that come back are a lane of their own") {
    Script script = adopted();
    script.complete("2026-11-22T07:01:00Z", "a", "2026-11-22T07:01:10Z").complete("2026-11-22T07:02:00Z", "ab", "2026-11-22T07:02:10Z");
    const auto timeline = script.draw("2026-11-22T07:02:05Z", at("2026-11-22T07:00:00Z"));
    REQUIRE(timeline.versions.size() == 3);
    CHECK(timeline.versions[0].live_until == at("2026-11-22T07:01:00Z"));
    CHECK(timeline.versions[2].records == timeline.versions[0].records);
    CHECK_FALSE(timeline.versions[2].live_until);
}

TEST_CASE("what stood there before the first look counts as a version too") {
    Script script;
    script.add("2026-11-22T07:00:10Z", "tlsa.complete",
               {{"owner", "_25._tcp.mx1.example.org"}, {"records", "{}"}, {"complete_at", "2026-11-22T07:00:10Z"}, {"first_look", "2026-11-22T07:00:00Z"}, {"unseen_held_until", "2026-11-23T07:00:00Z"}});
    const auto timeline = script.draw("2026-11-22T07:00:30Z");
    REQUIRE(timeline.versions.size() == 2);
    CHECK(timeline.versions[0].unseen);
    CHECK(timeline.versions[0].held_until == at("2026-11-23T07:00:00Z"));
    CHECK(timeline.to > at("2026-11-23T07:00:00Z"));
    CHECK(timeline.versions[1].letters.empty());
}

TEST_CASE("the status sets right what the log said of a version, for the core knows best") {
    Script script = adopted();
    script.complete("2026-11-22T07:01:00Z", "b", "2026-11-22T07:01:10Z");
    script.owner(Json::object({{"owner", "_25._tcp.mx1.example.org"},
                               {"held", Json(Json::Array{Json::object({{"records", records("ab")}, {"live_from", "2026-11-22T07:00:02Z"}, {"live_until", nullptr}, {"held_until", nullptr}}),
                                                         Json::object({{"records", records("b")}, {"live_from", "2026-11-22T07:00:50Z"}, {"live_until", nullptr}, {"held_until", nullptr}})})}}));
    const auto timeline = script.draw("2026-11-22T07:01:05Z", at("2026-11-22T07:00:00Z"));
    REQUIRE(timeline.versions.size() == 2);
    CHECK_FALSE(timeline.versions[0].live_until); // a name server shows it again
    CHECK_FALSE(timeline.versions[0].held_until);
}

TEST_CASE("a log that is cut at its beginning leaves the status's keys and versions") {
    Script script;
    script.holds('a', "current").holds('b', "next");
    script.owner(Json::object({{"owner", "_25._tcp.mx1.example.org"},
                               {"held", Json(Json::Array{Json::object({{"records", records("ab")}, {"live_from", "2026-11-22T07:00:02Z"}, {"live_until", nullptr}, {"held_until", nullptr}})})}}));
    const auto timeline = script.draw("2026-11-22T07:10:00Z");
    REQUIRE(timeline.keys.size() == 2);
    CHECK(timeline.keys[0].role == "current");
    REQUIRE(timeline.versions.size() == 1);
    CHECK(timeline.versions[0].letters == std::vector<std::string>{"A", "B"});
    CHECK(plain(text_of(timeline, 80)).find("uses key A (aaaaaaaa)") != std::string::npos);
}

TEST_CASE("the keys of a version stand in the order of the keys, whatever the order of its records") {
    Script script;
    script.add("2026-11-22T07:00:00Z", "key.adopted", {{"key", key('f')}}).add("2026-11-22T07:00:01Z", "key.generated", {{"key", key('1')}});
    script.complete("2026-11-22T07:00:10Z", "1f");
    const auto timeline = script.draw("2026-11-22T07:01:00Z");
    REQUIRE(timeline.versions.size() == 1);
    CHECK(timeline.versions[0].letters == std::vector<std::string>{"A", "B"});
}

TEST_CASE("a version that was replaced before every name server had it was never complete") {
    Script script = adopted();
    script.add("2026-11-22T07:01:00Z", "tlsa.written", {{"owner", "_25._tcp.mx1.example.org"}, {"records", records("abc")}, {"before", records("ab")}});
    script.complete("2026-11-22T07:01:10Z", "bc", "2026-11-22T07:01:20Z");
    const auto timeline = script.draw("2026-11-22T07:01:15Z", at("2026-11-22T07:00:00Z"));
    REQUIRE(timeline.versions.size() == 3);
    CHECK_FALSE(timeline.versions[1].complete_at);
    CHECK(timeline.versions[1].live_until == at("2026-11-22T07:01:10Z"));
    CHECK(timeline.versions[1].held_until == at("2026-11-22T07:01:20Z"));
}

TEST_CASE("a switch says what caches could hold at its moment") {
    const auto safe = mark_of(switched().draw("2026-11-22T07:01:13Z"), Mark::Kind::switch_started);
    CHECK(safe.title == "switch from key A to key B");
    CHECK(safe.proof == "safe, because each of the 2 record sets that a cache could hold at that moment allowed key B");

    Script risky = adopted();
    risky.add("2026-11-22T07:01:00Z", "key.generated", {{"key", key('c')}});
    risky.complete("2026-11-22T07:01:10Z", "abc", "2026-11-22T07:01:20Z");
    risky.add("2026-11-22T07:01:12Z", "switch.started", {{"from", key('a')}, {"to", key('c')}, {"kind", "emergency"}});
    const auto mark = mark_of(risky.draw("2026-11-22T07:01:13Z"), Mark::Kind::switch_started);
    CHECK(mark.title == "emergency switch from key A to key C");
    CHECK(mark.proof == "a risk: 1 of the 2 record sets that a cache could hold at that moment did not have key C");
}

TEST_CASE("a denial in a cache breaks nothing and counts as safe") {
    Script script;
    script.add("2026-11-22T07:00:00Z", "key.adopted", {{"key", key('a')}});
    script.complete("2026-11-22T07:00:01Z", "").complete("2026-11-22T07:00:10Z", "ab", "2026-11-22T09:00:00Z");
    script.add("2026-11-22T07:00:12Z", "switch.started", {{"from", key('a')}, {"to", key('b')}});
    CHECK(mark_of(script.draw("2026-11-22T07:01:00Z"), Mark::Kind::switch_started).proof.starts_with("safe, because each of the 2"));
}

TEST_CASE("going back gives each key its former part") {
    Script script = switched();
    script.add("2026-11-22T07:01:40Z", "switch.failed", {{"to", key('b')}}, "not every endpoint showed the new key");
    script.add("2026-11-22T07:01:45Z", "roll.backed", {{"to", key('a')}});
    script.add("2026-11-22T07:01:45Z", "host.halted", {}, "the reload fails");
    script.holds('a', "current").holds('b', "next").holds('c', "next");
    const auto timeline = script.draw("2026-11-22T07:02:00Z", at("2026-11-22T07:00:00Z"));
    CHECK(timeline.keys[0].spans == std::vector<Span>{span(Phase::active, "2026-11-22T07:00:00Z")});
    CHECK(timeline.keys[1].spans.back() == span(Phase::ready, "2026-11-22T07:01:45Z"));
    CHECK(mark_of(timeline, Mark::Kind::halted).sentence == "the reload fails");
    CHECK(mark_of(timeline, Mark::Kind::went_back).title == "the switch to key B failed: going back");
}

TEST_CASE("another hand in the zone is marked") {
    Script script = adopted();
    script.add("2026-11-22T07:03:00Z", "tlsa.repair", {{"records", records("a")}}, "{3 1 1 aaaaaaaa..} is gone from the zone and is published again");
    CHECK(mark_of(script.draw("2026-11-22T07:04:00Z"), Mark::Kind::foreign).sentence == "{3 1 1 aaaaaaaa..} is gone from the zone and is published again");
}

TEST_CASE("steps come by date, those without one last") {
    Script script = adopted();
    script.step("third", Json()).step("second", "2026-11-22T09:00:00Z").step("first", "2026-11-22T08:00:00Z", "TTL 1h");
    const auto timeline = script.draw("2026-11-22T07:02:00Z");
    REQUIRE(timeline.steps.size() == 3);
    CHECK(timeline.steps[0].what == "first");
    CHECK(timeline.steps[0].reason == "TTL 1h");
    CHECK_FALSE(timeline.steps[2].at);
}

TEST_CASE("the window begins with the last roll, or where one says") {
    const auto script = rolled();
    const auto usual = script.draw("2026-11-22T07:10:00Z");
    CHECK(usual.from <= at("2026-11-22T07:01:00Z"));
    CHECK(usual.from > at("2026-11-22T07:00:20Z"));
    CHECK(script.draw("2026-11-22T07:10:00Z", at("2026-11-22T07:01:35Z")).from == at("2026-11-22T07:01:35Z"));
    const auto all = script.draw("2026-11-22T07:10:00Z", at("2000-01-01T00:00:00Z"));
    CHECK(all.from > at("2026-11-22T06:59:00Z")); // nothing is known of the years before
    CHECK(all.from < at("2026-11-22T07:00:00Z"));
}

TEST_CASE("a step that is months away does not squeeze what happened") {
    Script script = rolled();
    script.step("the next roll", "2027-02-20T07:01:14Z").step("soon", "2026-11-22T07:12:00Z");
    const auto timeline = script.draw("2026-11-22T07:10:00Z");
    CHECK(timeline.to > at("2026-11-22T07:12:00Z"));
    CHECK(timeline.to < at("2026-11-22T07:20:00Z"));
    CHECK(plain(text_of(timeline, 80)).find("20 Feb 2027 07:01") != std::string::npos);
}

TEST_CASE("a host without history is an empty picture that says so") {
    const auto timeline = Script().draw("2026-11-22T07:10:00Z");
    CHECK_FALSE(timeline.known_from);
    CHECK(timeline.from < timeline.to);
    CHECK(plain(text_of(timeline, 80)).find("Nothing is known of this host yet") != std::string::npos);
    CHECK(svg_of(timeline).find("none yet") != std::string::npos);
    CHECK(timeline_of(Json(), Json(), Json(), {kHost, at("2026-11-22T07:10:00Z"), std::nullopt}).keys.empty());
}

TEST_CASE("two algorithms are two lanes, and a switch of one leaves the other in use") {
    const auto timeline = scene("two_algorithms.json");
    REQUIRE(timeline.keys.size() == 5);
    CHECK(timeline.keys[0].algorithm == "ecdsa-p256");
    CHECK(timeline.keys[1].algorithm == "rsa-2048");
    CHECK(timeline.keys[1].spans.back().phase == Phase::active);
    CHECK(timeline.keys[0].spans.back().phase == Phase::retired);
    CHECK(timeline.keys[2].spans.back().phase == Phase::active);
}

TEST_CASE("fields that are missing or nonsense leave out a fact, never the picture") {
    Script script;
    script.add("yesterday", "key.generated", {{"key", key('a')}});
    script.add("2026-11-22T07:00:00Z", "key.generated", {{"key", "short"}});
    script.add("2026-11-22T07:00:00Z", "switch.started", {});
    script.add("2026-11-22T07:00:00Z", "switch.verified", {{"to", 7}});
    script.add("2026-11-22T07:00:00Z", "tlsa.complete", {{"records", nullptr}});
    script.add("2026-11-22T07:00:00Z", "tlsa.written", {{"records", "{3 1 1 ffffffff..}"}});
    const auto timeline = script.draw("2026-11-22T07:10:00Z");
    CHECK(timeline.keys.empty());
    REQUIRE(timeline.versions.size() == 1);
    CHECK(timeline.versions[0].owner == "_25._tcp.mx1.example.org");
    CHECK(timeline.versions[0].letters == std::vector<std::string>{"?"});
}

TEST_CASE("one picture holds so much and counts what it left out") {
    Script script;
    for (int i = 0; i < 60; ++i) script.add("2026-11-22T07:00:00Z", "roll.requested", {{"from", key('a')}});
    const auto timeline = script.draw("2026-11-22T07:10:00Z");
    CHECK(timeline.marks.size() == 40);
    CHECK(timeline.left_out == 20);
}

TEST_CASE("--from takes an instant or a duration back, and says what it wants") {
    const auto now = at("2026-11-22T07:10:00Z");
    CHECK(*parse_from("2026-11-22T07:00:00Z", now) == at("2026-11-22T07:00:00Z"));
    CHECK(*parse_from("2h-ago", now) == now - 2h);
    for (const char* bad : {"", "-ago", "2h", "2 hours-ago", "-5m-ago", "2026-13-22T07:00:00Z", "yesterday", "2026-11-22"}) {
        INFO(bad);
        auto from = parse_from(bad, now);
        REQUIRE_FALSE(from);
        CHECK(from.error().message().find("is no instant: say 2026-11-22T07:00:00Z, or 2h-ago") != std::string::npos);
    }
    auto future = parse_from("2026-11-22T07:10:01Z", now);
    REQUIRE_FALSE(future);
    CHECK(future.error().message() == "2026-11-22T07:10:01Z lies in the future, it is 2026-11-22T07:10:00Z now; name an instant that is over");
}
