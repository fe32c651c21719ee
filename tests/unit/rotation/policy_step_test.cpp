// The order of policies, step by step, in a world where everything answers at once (tests/simulation/policy_world has the other ones).
#include "rotation/mta_sts/cached.hpp"
#include "rotation/mta_sts/forecast.hpp"
#include "rotation/mta_sts/record.hpp"
#include "rotation/mta_sts/step.hpp"

#include <catch2/catch.hpp>

#include <algorithm>

using namespace mxseal;
using namespace mxseal::rotation;
using namespace mxseal::rotation::mta_sts;
using namespace std::chrono_literals;

namespace {

const Instant kNoon = *parse_rfc3339("2026-11-22T12:00:00Z");

struct Domain {
    Policy policy;
    DomainState state;
    Surroundings around;
    Decision last;
    Instant now = kNoon;
    Values txt, mx{"10 mx1.example.org", "20 mx2.example.org"};
    std::optional<std::string> served;
    std::vector<std::string> acts; // what was asked for, in order

    Domain() {
        policy.domain = "example.org";
        for (const char* host : {"mx1.example.org", "mx2.example.org", "mx3.example.net"}) around.hosts.push_back({host, true, true, ""});
    }
    RrsetObservation answer(const Values& values) const {
        return {{{"ns1.example.net", "192.0.2.1", true, values, 1h, ""}, {"ns2.example.net", "192.0.2.2", true, values, 1h, ""}}, values, ""};
    }
    void carry_out(const Action& action) {
        if (std::holds_alternative<Observe>(action)) return give(Observed{{now, now, "", answer(txt), answer(mx), std::nullopt}});
        if (std::holds_alternative<Fetch>(action)) {
            FetchRound seen{now, now, "", {{"198.51.100.1", served, std::nullopt, served ? "" : "unrecognized name"}}};
            return give(Fetched{seen});
        }
        if (const auto* serve = std::get_if<Serve>(&action)) {
            acts.push_back(serve->body ? "serve " + std::string(to_string(serve->body->mode)) : "serve nothing");
            served = serve->body ? std::optional(serve->body->text()) : std::nullopt;
            return give(Served{std::nullopt, 1, serve->intent});
        }
        if (const auto* write = std::get_if<WriteTxt>(&action)) {
            CHECK(write->base == txt);
            acts.push_back(write->target.size() < write->base.size() ? "txt removed" : "txt");
            txt = write->target;
            return give(TxtWritten{});
        }
        acts.push_back("mx");
        mx = std::get<WriteMx>(action).target;
        give(MxWritten{});
    }
    void give(const Event& event) {
        last = step(state, event, now, policy, around);
        for (const Action& action : std::vector<Action>(last.actions)) carry_out(action);
    }
    // Follows the wakes; at most so many, so that a core that never rests is seen.
    void run(Duration length) {
        const Instant end = now + length;
        for (int count = 0; count < 100'000 && last.wake && *last.wake <= end; ++count) {
            now = std::max(now, *last.wake);
            give(TimeReached{});
        }
        REQUIRE((!last.wake || *last.wake > end));
        now = end;
    }
    void start() { give(Started{}); }
};

} // namespace

TEST_CASE("the body is served everywhere before its id is published, and the id is complete at every server") {
    Domain domain;
    domain.start();
    CHECK(domain.acts == std::vector<std::string>{"serve testing"});
    domain.run(10min);
    CHECK(domain.acts == std::vector<std::string>{"serve testing", "txt"});
    CHECK(*domain.served == "version: STSv1\r\nmode: testing\r\nmx: mx1.example.org\r\nmx: mx2.example.org\r\nmax_age: 86400\r\n");
    REQUIRE(domain.txt.size() == 1);
    CHECK(id_of(domain.txt.front()) == domain.state.serving->id);
    CHECK(domain.state.serving->complete.has_value());
}

TEST_CASE("testing becomes enforce after clean probes, and max_age grows with each quiet week") {
    Domain domain;
    domain.policy.mode = Mode::enforce;
    domain.start();
    domain.run(27 * 24h);
    CHECK(domain.state.serving->body.mode == Mode::testing);
    CHECK(domain.last.reason.code == "wait.testing");
    domain.run(2 * 24h);
    CHECK(domain.state.serving->body.mode == Mode::enforce);
    CHECK(domain.state.serving->body.max_age == 86'400s);
    domain.run(8 * 24h);
    CHECK(domain.state.serving->body.max_age == 604'800s);
    domain.run(8 * 24h);
    CHECK(domain.state.serving->body.max_age == 2'419'200s);
    CHECK(domain.acts == std::vector<std::string>{"serve testing", "txt", "serve enforce", "txt", "serve enforce", "txt", "serve enforce", "txt"});
    CHECK(domain.state.ids.size() == 4);
}

TEST_CASE("a failing MX host keeps the policy in testing, and says which") {
    Domain domain;
    domain.policy.mode = Mode::enforce;
    domain.around.hosts[1] = {"mx2.example.org", true, false, "its certificate has expired"};
    domain.start();
    domain.run(40 * 24h);
    CHECK(domain.state.serving->body.mode == Mode::testing);
    CHECK(domain.last.reason.sentence().find("mx2.example.org: its certificate has expired") != std::string::npos);
}

TEST_CASE("an enforced policy of somebody else is taken over, not weakened") {
    Domain domain;
    domain.policy.mode = Mode::enforce;
    domain.txt = {"google-site-verification=x", "v=STSv1; id=1;"};
    domain.served = PolicyBody{Mode::enforce, 604'800s, {"*.example.org"}}.text();
    domain.start();
    domain.run(10min);
    CHECK(domain.state.serving->body == PolicyBody{Mode::enforce, 604'800s, {"*.example.org"}});
    CHECK(domain.txt.size() == 2); // the other record stays, the id is a new one
    CHECK(std::find(domain.txt.begin(), domain.txt.end(), "v=STSv1; id=1;") == domain.txt.end());
}

TEST_CASE("two STSv1 records at the name are an error, and nothing is written") {
    Domain domain;
    domain.txt = {"v=STSv1; id=1;", "v=STSv1; id=2;"};
    domain.start();
    domain.run(1h);
    CHECK(domain.acts == std::vector<std::string>{"serve testing"});
    CHECK(domain.last.reason.code == "halt.two_records");
}

TEST_CASE("a record that somebody puts beside ours takes the policy off the air: no wait goes on as if it were announced") {
    Domain domain;
    domain.policy.mode = Mode::enforce;
    domain.policy.at_once = true;
    domain.start();
    domain.run(1h);
    REQUIRE(domain.state.serving->complete);
    domain.policy.max_age = 7 * 24h;
    domain.give(PolicyChanged{});
    domain.run(1h);
    REQUIRE(domain.state.past.front().replaced);
    domain.txt.push_back("v=STSv1; id=zz;");
    domain.run(2h);
    CHECK_FALSE(domain.state.serving->complete);
    CHECK_FALSE(domain.state.past.front().replaced);
    CHECK(domain.last.reason.code == "halt.two_records");
    domain.txt.pop_back();
    domain.run(2h);
    CHECK(domain.state.serving->complete);
    CHECK(domain.last.reason.empty());
}

TEST_CASE("plan has dates also where everything is looked at each second") {
    Domain domain;
    domain.policy.mode = Mode::enforce;
    domain.policy.at_once = true;
    domain.policy.observe_every = 1s;
    domain.start();
    domain.run(1h);
    domain.policy.max_age = 7 * 24h;
    const Forecast ahead = forecast(domain.state, domain.now, domain.policy, domain.around);
    CHECK(ahead.stuck.empty());
    CHECK(std::any_of(ahead.steps.begin(), ahead.steps.end(), [](const ForecastStep& step) { return step.event == "policy.announced"; }));
}

TEST_CASE("a new MX host enters after the policy with it is known, an old one leaves before the policy forgets it") {
    Domain domain;
    domain.policy.mode = Mode::enforce;
    domain.policy.at_once = domain.policy.manage_mx = true;
    domain.start();
    domain.run(5 * 24h);
    domain.acts.clear();
    domain.policy.mx_goal = {"mx1.example.org", "mx3.example.net"};
    domain.give(PolicyChanged{});
    domain.run(1h);
    CHECK(domain.acts == std::vector<std::string>{"serve enforce", "txt"});
    CHECK(domain.last.reason.code == "wait.refresh"); // C-29: TTL, margins and policy_refresh
    domain.run(5 * 24h);
    CHECK(hosts_of(domain.mx) == domain.policy.mx_goal);
    domain.run(10 * 24h);
    CHECK(domain.acts == std::vector<std::string>{"serve enforce", "txt", "mx", "mx", "serve enforce", "txt"});
    CHECK(domain.state.serving->body.mx == domain.policy.mx_goal);
}

TEST_CASE("replacing every MX host waits for the max_age of the policies that know only the old ones") {
    Domain domain;
    domain.policy.mode = Mode::enforce;
    domain.policy.at_once = domain.policy.manage_mx = true;
    domain.start();
    domain.run(5 * 24h);
    domain.policy.mx_goal = {"mx3.example.net"};
    domain.give(PolicyChanged{});
    domain.run(20 * 24h);
    CHECK(hosts_of(domain.mx) == std::vector<std::string>{"mx1.example.org", "mx2.example.org", "mx3.example.net"});
    CHECK(domain.last.reason.code == "wait.max_age");
    domain.run(15 * 24h);
    CHECK(hosts_of(domain.mx) == domain.policy.mx_goal);
}

TEST_CASE("an uncovered MX host pages at once and widens the policy") {
    Domain domain;
    domain.policy.mode = Mode::enforce;
    domain.policy.at_once = true;
    domain.start();
    domain.run(5 * 24h);
    domain.mx.push_back("30 mx3.example.net");
    domain.run(2h);
    CHECK(domain.last.page.find("mx3.example.net") != std::string::npos);
    CHECK(covers(domain.state.serving->body, "mx3.example.net"));
    domain.run(40 * 24h);
    CHECK(domain.last.page.empty());
}

TEST_CASE("the way out pages nobody: mode none refuses no host") {
    Domain domain;
    domain.policy.mode = Mode::enforce;
    domain.policy.at_once = true;
    domain.start();
    domain.run(24h);
    domain.policy.mode = Mode::none;
    domain.give(PolicyChanged{});
    CHECK(domain.last.page.empty());
    for (int minute = 0; minute < 180; ++minute) {
        domain.run(1min);
        CHECK(domain.last.page.empty());
    }
    CHECK(domain.state.serving->complete);
}

TEST_CASE("a change after a host has entered pages nobody: senders know the policy that covers it") {
    Domain domain;
    domain.policy.mode = Mode::enforce;
    domain.policy.at_once = true;
    domain.policy.manage_mx = true;
    domain.start();
    domain.run(5 * 24h);
    domain.policy.mx_goal = {"mx1.example.org", "mx2.example.org", "mx3.example.net"};
    domain.give(PolicyChanged{});
    domain.run(10 * 24h);
    REQUIRE(hosts_of(domain.mx) == domain.policy.mx_goal);
    CHECK(domain.last.page.empty());
    domain.policy.max_age = 7 * 24h;
    domain.give(PolicyChanged{});
    for (int minute = 0; minute < 180; ++minute) {
        INFO(minute << " " << domain.last.page);
        CHECK(domain.last.page.empty());
        domain.run(1min);
    }
}

TEST_CASE("a body that was seen under the id of another one is replaced by the next id, not by that one") {
    Domain domain;
    domain.policy.mode = Mode::enforce;
    domain.policy.at_once = true;
    domain.start();
    domain.run(3 * 24h);
    const std::string ours = *domain.served;
    const Instant disturbed = domain.now;
    domain.served = PolicyBody{Mode::enforce, 604'800s, {"mx9.example.net"}}.text();
    domain.run(2h);
    domain.served = ours;
    domain.run(30min);
    REQUIRE(domain.acts == std::vector<std::string>{"serve enforce", "txt", "txt"});
    REQUIRE(domain.state.past.size() == 1);
    CHECK(domain.state.past.front().replaced.value() > disturbed);
}

TEST_CASE("mode none is announced, waited for, and only then the record and the name go") {
    Domain domain;
    domain.policy.mode = Mode::enforce;
    domain.policy.at_once = true;
    domain.start();
    domain.run(24h);
    domain.policy.mode = Mode::none;
    domain.give(PolicyChanged{});
    domain.run(27 * 24h);
    CHECK(domain.acts == std::vector<std::string>{"serve enforce", "txt", "serve none", "txt"});
    CHECK(domain.last.reason.code == "wait.max_age");
    domain.run(10 * 24h);
    CHECK(domain.acts == std::vector<std::string>{"serve enforce", "txt", "serve none", "txt", "txt removed", "serve nothing"});
    CHECK(domain.txt.empty());
    CHECK_FALSE(domain.served);
}

TEST_CASE("a server that hands its name over to an alias does not keep the new record from being complete", "[policy][ledger]") {
    RrsetLedger ledger;
    const Policy policy;
    Instant now = kNoon;
    const auto look = [&](const RrsetObservation& seen) {
        now += policy.observe_every;
        note_round(ledger, seen, now, policy);
    };
    const RrsetObservation none{{{"ns1.example.org", "192.0.2.1", true, {}, Ttl{0}, ""}, {"ns2.example.org", "", false, {}, Ttl{0}, "its address cannot be found"}}, {}, ""};
    for (int round = 0; round < 4; ++round) look(none);
    CHECK_FALSE(ledger.complete); // a server whose address is not known may be asked by others
    RrsetObservation alias{{{"ns.provider.example", "198.51.100.1", true, {"v=STSv1; id=1;"}, 1h, ""}}, {}, ""};
    alias.following = {"192.0.2.1"};
    for (int round = 0; round < 3; ++round) look(alias);
    REQUIRE(ledger.complete);
    CHECK(ledger.complete->values == Values{"v=STSv1; id=1;"});
    CHECK(ledger.servers.size() == 1);
    for (const RrsetVersion& version : ledger.versions) CHECK(version.closed_at.has_value() == version.values.empty()); // what it said before can be held still
}

TEST_CASE("servers that were asked for an alias have no say once every server of the zone is without it", "[policy][ledger]") {
    RrsetLedger ledger;
    const Policy policy;
    Instant now = kNoon;
    const auto look = [&](const RrsetObservation& seen) { note_round(ledger, seen, now += policy.observe_every, policy); };
    RrsetObservation alias{{{"ns.provider.example", "198.51.100.1", true, {"v=STSv1; id=1;"}, 1h, "", true}}, {}, ""};
    alias.following = {"192.0.2.1", "192.0.2.2"};
    for (int round = 0; round < 3; ++round) look(alias);
    REQUIRE(ledger.complete);
    // One server of the zone is without it; the other one cannot be heard, and may show it still.
    const Values own{"v=STSv1; id=2;"};
    RrsetObservation gone{{{"ns1.example.org", "192.0.2.1", true, own, 1h, ""}, {"ns2.example.org", "192.0.2.2", false, {}, Ttl{0}, "no answer"}}, {}, ""};
    for (int round = 0; round < 4; ++round) look(gone);
    CHECK(ledger.servers.size() == 3);
    CHECK_FALSE(ledger.complete);
    gone.servers[1] = {"ns2.example.org", "192.0.2.2", true, own, 1h, ""};
    for (int round = 0; round < 3; ++round) look(gone);
    CHECK(ledger.servers.size() == 2);
    REQUIRE(ledger.complete);
    CHECK(ledger.complete->values == own);
    for (const RrsetVersion& version : ledger.versions) CHECK(version.closed_at.has_value() == (version.values != own)); // caches may hold the former still
}

TEST_CASE("a server that left the NS RRset keeps its say for two days", "[policy][ledger]") {
    RrsetLedger ledger;
    const Policy policy;
    Instant now = kNoon;
    const RrsetObservation both{{{"ns1", "192.0.2.1", true, {"a"}, 1h, ""}, {"ns2", "192.0.2.2", true, {"b"}, 1h, ""}}, {}, ""};
    const RrsetObservation one{{{"ns1", "192.0.2.1", true, {"a"}, 1h, ""}}, {}, ""};
    note_round(ledger, both, now, policy);
    const auto rounds = [&](Duration length) {
        for (const Instant end = now + length; now < end;) note_round(ledger, one, now += 10min, policy);
    };
    rounds(47h);
    CHECK_FALSE(ledger.complete);
    rounds(2h);
    CHECK(ledger.complete);
}
