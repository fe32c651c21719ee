#include "simulation/forecast.hpp"

#include <catch2/catch.hpp>

using namespace mxseal;
using namespace mxseal::simulation;
using namespace std::chrono_literals;

namespace {

agent::Config config_with(const std::string& host_keys, const std::string& timing = "") {
    const std::string text = "timing: {resolver_min_ttl: 10m, stale_margin: 1h, unseen_ttl: 1h, stagger: 6h, rollback_hold: 6h" + timing + "}\n" +
                             "providers:\n  knot: {type: rfc2136, server: 192.0.2.53, tsig: {name: mxseal, secret_file: /nowhere/tsig}}\n"
                             "zones:\n  example.org: {provider: knot}\n"
                             "hosts:\n"
                             "  mx1.example.org: {certificate: self-signed, deploy: [{combined: /nowhere/mx1.pem}], " + host_keys + "}\n"
                             "  mx2.example.org: {certificate: external, deploy: [{combined: /nowhere/mx2.pem}], " + host_keys + "}\n";
    auto parsed = agent::parse_config(text, "try.yaml");
    if (const auto* mistakes = std::get_if<agent::ConfigMistakes>(&parsed)) FAIL(mistakes->lines.front());
    return std::get<agent::Config>(parsed);
}

// With a CA that says when it wants certificates renewed.
agent::Config from_a_ca(agent::Config config) {
    config.acme["ca"].name = "ca";
    for (auto& [unused, host] : config.hosts) host.certificate = "ca";
    return config;
}

Forecast good(const agent::Config& config, const ForecastWanted& wanted) {
    auto all = forecast(config, wanted);
    INFO((all.ok() ? "" : all.error().to_string()));
    REQUIRE(all.ok());
    for (const std::string& each : all->years.violations) FAIL_CHECK(each);
    for (const std::string& each : all->undisturbed.violations) FAIL_CHECK(each);
    for (const Trial& trial : all->trials)
        for (const std::string& each : trial.violations) FAIL_CHECK(facts_of(trial.fault).name << ": " << each);
    CHECK(all->kept());
    return std::move(*all);
}

ForecastWanted days(int count) {
    ForecastWanted wanted;
    wanted.length = std::chrono::hours(24 * count);
    return wanted;
}

const Wait& longest_of(const Forecast& all, const std::string& kind) {
    const auto found = std::find_if(all.years.waits.begin(), all.years.waits.end(), [&](const Wait& each) { return each.kind == kind; });
    REQUIRE(found != all.years.waits.end());
    return *found;
}

Trial only_trial(Fault fault) {
    ForecastWanted wanted = days(1);
    wanted.trials = {fault};
    const Forecast all = good(config_with("rotate_every: 30d"), wanted);
    REQUIRE(all.trials.size() == 1);
    return all.trials.front();
}

} // namespace

TEST_CASE("a forecast counts the rolls that rotate_every asks for, and mail is never deferred") {
    const Forecast seldom = good(config_with("rotate_every: 10d"), days(35));
    const Forecast often = good(config_with("rotate_every: 5d"), days(35));
    REQUIRE(seldom.years.hosts.size() == 2);
    CHECK(seldom.years.hosts[0].rolls == 3);
    CHECK(seldom.years.hosts[1].rolls == 3);
    CHECK(often.years.hosts[0].rolls >= 6);
    CHECK(seldom.years.hosts[0].emergency_rolls == 0);
    CHECK(seldom.years.counters.deliveries > 1000);
    CHECK(seldom.years.failed == 0);
    CHECK(seldom.years.counters.deferred == 0);
    CHECK(seldom.years.hosts[0].phase == "steady");
}

TEST_CASE("a longer TTL shows in the longest wait, with the sentence that says so") {
    const Wait short_ttl = longest_of(good(config_with("rotate_every: 10d, tlsa_ttl: 12h"), days(15)), "wait.standby, complete at");
    const Wait long_ttl = longest_of(good(config_with("rotate_every: 10d, tlsa_ttl: 1d"), days(15)), "wait.standby, complete at");
    CHECK(short_ttl.length == 12h + 16min + 1h);
    CHECK(long_ttl.length == 24h + 16min + 1h);
    CHECK(long_ttl.sentence.find("+ TTL 1d + safety_margin 16m + stale_margin 1h") != std::string::npos);
}

TEST_CASE("the stagger between two hosts is a wait of the second one") {
    const Wait stagger = longest_of(good(config_with("rotate_every: 10d"), days(15)), "wait.stagger, last switch in the group");
    CHECK(stagger.length == 6h);
    CHECK(stagger.sentence.find("+ stagger 6h") != std::string::npos);
}

TEST_CASE("the same seed gives the same forecast, another one another") {
    ForecastWanted wanted = days(12);
    wanted.trials = {Fault::endpoint_down};
    const auto config = config_with("rotate_every: 5d");
    const auto first = to_json(good(config, wanted)).dump();
    CHECK(first == to_json(good(config, wanted)).dump());
    wanted.seed = 2;
    CHECK(first != to_json(good(config, wanted)).dump());
}

TEST_CASE("the picture is that of the wanted host, with its log and right after a roll") {
    ForecastWanted wanted = days(12);
    wanted.host = "mx2.example.org";
    const Forecast all = good(config_with("rotate_every: 5d"), wanted);
    const Picture& picture = all.years.picture;
    CHECK(picture.host == "mx2.example.org");
    bool finished = false;
    for (const Json& entry : picture.log.items()) {
        CHECK(entry["host"].as_string() == "mx2.example.org");
        finished = finished || entry["event"].as_string() == "roll.finished";
    }
    CHECK(finished);
    CHECK(picture.status["hosts"].items().size() == 2);
    CHECK(picture.plan["hosts"].items().size() == 1);
}

TEST_CASE("an address that is gone makes the roll wait until it is back") {
    const Trial trial = only_trial(Fault::endpoint_down);
    REQUIRE(trial.struck);
    REQUIRE(trial.roll_later);
    CHECK(*trial.roll_later > 1h);
    CHECK(trial.sentence.find("does not answer: no connection") != std::string::npos);
    REQUIRE(trial.healed_after);
    CHECK(*trial.healed_after >= *trial.roll_later - 15min);
    CHECK(trial.halted == Duration{0});
}

TEST_CASE("a reload that changes nothing halts the host until an operator resumes it") {
    const Trial trial = only_trial(Fault::reload_ignored);
    REQUIRE(trial.struck);
    CHECK(trial.halted >= Operator::kReadsAfter);
    CHECK(trial.halted < Operator::kReadsAfter + 1h);
    CHECK(trial.resumed);
    CHECK(trial.host == "mx1.example.org");
    CHECK(trial.sentence.find("then `mxseal resume mx1.example.org`") != std::string::npos);
    REQUIRE(trial.roll_later);
    CHECK(*trial.roll_later >= Operator::kReadsAfter);
    CHECK_FALSE(trial.went_back);
}

TEST_CASE("a pair that somebody else put in place costs mail until it is mended, and mxseal mends it") {
    const Trial trial = only_trial(Fault::foreign_certificate);
    REQUIRE(trial.struck);
    CHECK(trial.broken > Duration{0});
    CHECK(trial.healed_after);
    CHECK(trial.sentence.find("presents key") != std::string::npos);
}

TEST_CASE("a killed agent, a second one and a change that is delivered twice leave the roll as it is") {
    for (Fault fault : {Fault::killed, Fault::second_agent, Fault::write_applied_twice}) {
        const Trial trial = only_trial(fault);
        INFO(facts_of(fault).name);
        REQUIRE(trial.struck);
        REQUIRE(trial.roll_later);
        CHECK(std::chrono::abs(*trial.roll_later) < 5min);
        CHECK(trial.halted == Duration{0});
        CHECK(trial.deferred == 0);
    }
}

TEST_CASE("an operator who rolls back ends the roll; an emergency skips rollback_hold") {
    CHECK(only_trial(Fault::rolled_back).went_back);
    const Trial emergency = only_trial(Fault::rolled_in_emergency);
    REQUIRE(emergency.roll_later);
    CHECK(*emergency.roll_later < -5h);
}

TEST_CASE("every kind of fault has its trial, and no promise breaks") {
    ForecastWanted wanted = days(1);
    wanted.trials = *faults_named({});
    const Forecast all = good(from_a_ca(config_with("rotate_every: 30d")), wanted);
    CHECK(all.trials.size() == kFaults);
    std::size_t struck = 0, seen = 0;
    for (const Trial& trial : all.trials) {
        struck += trial.struck ? 1 : 0;
        seen += trial.sentence.empty() ? 0 : 1;
    }
    CHECK(struck == kFaults);
    CHECK(seen >= kFaults / 2);
    const Json json = to_json(all);
    CHECK(json["faults"].items().size() == kFaults);
    CHECK(json["kept"].as_bool() == true);
}

TEST_CASE("a certificate that its CA revokes delays no roll") {
    ForecastWanted wanted = days(1);
    wanted.trials = {Fault::certificate_revoked};
    const Forecast all = good(from_a_ca(config_with("rotate_every: 30d")), wanted);
    REQUIRE(all.trials.size() == 1);
    const Trial& trial = all.trials.front();
    CHECK(trial.struck);
    REQUIRE(trial.roll_later);
    CHECK(*trial.roll_later < 5min);
    CHECK(trial.halted == Duration{0});
    CHECK(trial.deferred == 0);
}

TEST_CASE("years with faults tell which struck, and keep every promise") {
    ForecastWanted wanted = days(40);
    wanted.faults_in_years = true;
    const Forecast all = good(config_with("rotate_every: 5d"), wanted);
    CHECK(all.years.failed == 0);
    CHECK(all.years.struck[static_cast<std::size_t>(Fault::endpoint_down)] > 0);
    CHECK(all.years.hosts[0].rolls + all.years.hosts[1].rolls > 0);
}

TEST_CASE("what the world knows nothing of is supposed, and said") {
    const Forecast all = good(config_with("rotate_every: 10d, ports: [25, 465]"), days(1));
    REQUIRE(all.assumptions.size() == 3);
    CHECK(all.assumptions[1].find("mx2.example.org") != std::string::npos);
    CHECK(all.assumptions[2] == "port 25 alone: mx1.example.org, mx2.example.org");
}

TEST_CASE("nothing to simulate is said with what to do") {
    auto off = forecast(config_with("rotate_every: 10d, dane: off"), days(1));
    REQUIRE_FALSE(off.ok());
    CHECK(off.error().code() == ErrorCode::invalid);
    CHECK(off.error().message().find("`dane: off` for every host (mx1.example.org, mx2.example.org)") != std::string::npos);
    auto unknown = faults_named({"killed", "boom"});
    REQUIRE_FALSE(unknown.ok());
    CHECK(unknown.error().message().find("'boom' is no kind of fault; allowed: transfer_late, ") == 0);
    CHECK(faults_named({"killed", "killed"})->size() == 1);
}
