#include "agent/timeline/words.hpp"

#include "tests/unit/timeline/scripted.hpp"

using namespace mxseal;
using namespace mxseal::timeline;

namespace {

std::vector<std::string> labels(std::string_view from, std::string_view to, std::size_t most) {
    std::vector<std::string> out;
    for (const Tick& tick : ticks_of(at(from), at(to), most)) out.push_back(tick.label);
    return out;
}

} // namespace

TEST_CASE("ticks are seconds in a lab, hours in a day, days in real life, years in an archive") {
    CHECK(labels("2026-11-22T07:20:03Z", "2026-11-22T07:21:00Z", 5) == std::vector<std::string>{"07:20:15", "07:20:30", "07:20:45", "07:21:00"});
    CHECK(labels("2026-11-22T01:00:00Z", "2026-11-22T20:00:00Z", 5) == std::vector<std::string>{"06:00", "12:00", "18:00"});
    CHECK(labels("2026-11-22T13:00:00Z", "2026-11-23T13:00:00Z", 5) == std::vector<std::string>{"22 Nov 18:00", "23 Nov 00:00", "23 Nov 06:00", "23 Nov 12:00"});
    CHECK(labels("2026-11-20T13:00:00Z", "2026-11-24T13:00:00Z", 6) == std::vector<std::string>{"21 Nov", "22 Nov", "23 Nov", "24 Nov"});
    CHECK(labels("2020-01-01T00:00:00Z", "2026-01-01T00:00:00Z", 8).front() == "19 Dec 2020");
}

TEST_CASE("no window, however long, has more ticks than asked for") {
    for (const char* to : {"2026-01-01T00:00:01Z", "2026-01-01T00:07:00Z", "2026-01-03T00:00:00Z", "2026-02-01T00:00:00Z", "2031-01-01T00:00:00Z", "2999-01-01T00:00:00Z"})
        for (std::size_t most = 2; most < 12; ++most) {
            const auto ticks = ticks_of(at("2026-01-01T00:00:00Z"), at(to), most);
            INFO(to << " " << most);
            CHECK(ticks.size() <= most);
        }
}

TEST_CASE("text is broken at spaces only, and a long word stays whole") {
    CHECK(lines_of("one two three", 7) == std::vector<std::string>{"one two", "three"});
    CHECK(lines_of("unbreakable", 3) == std::vector<std::string>{"unbreakable"});
    CHECK(lines_of("  two   words ", 80) == std::vector<std::string>{"two words"});
    CHECK(lines_of("", 10).empty());
}

TEST_CASE("a moment names its day when the window has several, its year when that is another one") {
    Timeline timeline;
    timeline.from = timeline.now = at("2026-11-22T07:00:00Z");
    timeline.to = at("2026-11-22T08:00:00Z");
    CHECK(moment(timeline, at("2026-11-22T07:20:12Z")) == "07:20:12");
    CHECK(moment(timeline, at("2026-11-25T07:20:12Z")) == "25 Nov 07:20");
    CHECK(moment(timeline, at("2027-01-03T09:00:00Z")) == "3 Jan 2027 09:00");
}

TEST_CASE("titles name a key by its letter beside its hash") {
    Script script;
    script.add("2026-11-22T07:00:00Z", "key.adopted", {{"key", key('a')}, {"algorithm", "ecdsa-p256"}});
    const auto timeline = script.draw("2026-11-22T07:10:00Z");
    CHECK(with_letters(timeline, "remove the record of key aaaaaaaa") == "remove the record of key aaaaaaaa (A)");
    CHECK(with_letters(timeline, "nothing to name") == "nothing to name");
}
