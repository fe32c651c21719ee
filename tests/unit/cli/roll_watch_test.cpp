#include "agent/cli/roll_watch.hpp"

#include <catch2/catch.hpp>

using namespace mxseal;
using namespace mxseal::cli;

namespace {

const std::string kOld(64, 'a'), kNew(64, 'b'), kRsa(64, 'c');

Json key(const std::string& spki, const char* role, const char* state) { return Json::object({{"spki_sha256", spki}, {"role", role}, {"state", state}}); }

Json host(const char* name, const char* state, std::vector<Json> keys) {
    return Json::object({{"host", name}, {"state", state}, {"keys", Json(std::move(keys))}, {"halted", nullptr}});
}

Json status(std::vector<Json> hosts) { return Json::object({{"hosts", Json(std::move(hosts))}}); }

Json entry(const char* name, const char* event, const std::string& from = "") {
    return Json::object({{"host", name}, {"event", event}, {"fields", Json::object({{"from", from}})}});
}

const Json kSteady = host("a.example.org", "steady", {key(kOld, "current", "active"), key(kNew, "next", "ready")});

} // namespace

TEST_CASE("a roll is over when the key that was current is finished with") {
    RollWatch watch(status({kSteady}), {"a.example.org"}, std::nullopt, RollWatch::Wanted::roll);
    CHECK(watch.take_entry(entry("a.example.org", "switch.verified")));
    CHECK_FALSE(watch.take_entry(entry("b.example.org", "roll.finished", kOld)));
    watch.take_entry(entry("a.example.org", "roll.finished", kRsa));
    CHECK_FALSE(watch.is_over());
    watch.take_entry(entry("a.example.org", "roll.finished", kOld));
    CHECK(watch.is_over());
    CHECK(watch.failures().empty());
}

TEST_CASE("with two algorithms both current keys have to go") {
    const Json two = host("a.example.org", "steady", {key(kOld, "current", "active"), key(kRsa, "current", "active")});
    RollWatch watch(status({two}), {"a.example.org"}, std::nullopt, RollWatch::Wanted::roll);
    watch.take_entry(entry("a.example.org", "roll.finished", kOld));
    CHECK_FALSE(watch.is_over());
    watch.take_entry(entry("a.example.org", "roll.finished", kRsa));
    CHECK(watch.is_over());
}

TEST_CASE("a repeat follows the roll that is under way, whose key is no longer current") {
    const Json rolling = host("a.example.org", "verifying", {key(kOld, "retired", "active"), key(kNew, "current", "ready")});
    RollWatch watch(status({rolling}), {"a.example.org"}, std::nullopt, RollWatch::Wanted::roll);
    watch.take_entry(entry("a.example.org", "roll.finished", kOld));
    CHECK(watch.is_over());
}

TEST_CASE("a named key that is retired already needs no waiting") {
    CHECK(RollWatch(status({kSteady}), {"a.example.org"}, kRsa, RollWatch::Wanted::roll).is_over());
    const Json cleaning = host("a.example.org", "cleanup", {key(kOld, "retired", "retired"), key(kNew, "current", "active")});
    RollWatch watch(status({cleaning}), {"a.example.org"}, kOld, RollWatch::Wanted::roll);
    CHECK_FALSE(watch.is_over());
    watch.take_entry(entry("a.example.org", "roll.finished", kOld));
    CHECK(watch.is_over());
}

TEST_CASE("a host that halts ends the waiting with its reason") {
    RollWatch watch(status({kSteady}), {"a.example.org"}, std::nullopt, RollWatch::Wanted::roll);
    Json halted = kSteady;
    halted.set("halted", Json::object({{"reason", "foreign record"}}));
    watch.take_status(status({halted}));
    watch.take_status(status({halted}));
    CHECK(watch.is_over());
    CHECK(watch.failures() == std::vector<std::string>{"a.example.org halted: foreign record"});
}

TEST_CASE("going back is a failure of a roll and the success of a roll back") {
    RollWatch roll(status({kSteady}), {"a.example.org"}, std::nullopt, RollWatch::Wanted::roll);
    roll.take_entry(entry("a.example.org", "roll.backed"));
    CHECK(roll.is_over());
    CHECK(roll.failures().size() == 1);
    RollWatch back(status({kSteady}), {"a.example.org"}, std::nullopt, RollWatch::Wanted::back);
    CHECK_FALSE(back.is_over());
    back.take_entry(entry("a.example.org", "roll.backed"));
    CHECK(back.is_over());
    CHECK(back.failures().empty());
}

TEST_CASE("all hosts have to finish") {
    const Json other = host("b.example.org", "steady", {key(kRsa, "current", "active")});
    RollWatch watch(status({kSteady, other}), {"a.example.org", "b.example.org"}, std::nullopt, RollWatch::Wanted::roll);
    watch.take_entry(entry("a.example.org", "roll.finished", kOld));
    CHECK_FALSE(watch.is_over());
    watch.take_entry(entry("b.example.org", "roll.finished", kRsa));
    CHECK(watch.is_over());
}
