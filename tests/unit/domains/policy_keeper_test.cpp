// The order in which a policy changes, as operators and senders see it.
#include "tests/unit/domains/policy_scenes.hpp"

#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>

using namespace mxseal;
using namespace mxseal::agent;
using namespace mxseal::agent::tests;
using namespace std::chrono_literals;

TEST_CASE("from nothing to enforce: the body, then its id, then four clean weeks, then max_age in steps", "[domains][policies]") {
    Scene scene;
    scene.world.run(30s);
    CHECK(scene.model().story == Story{"serve testing"});
    scene.world.run(20min);
    CHECK(scene.model().story == Story{"serve testing", "txt id"});
    CHECK(scene.world.report(kDomain)["mode"].as_string() == "testing");
    CHECK(scene.world.report(kDomain)["txt_live"].as_bool() == true);
    scene.world.run(27 * 24h);
    CHECK(scene.model().story.size() == 2);
    scene.world.run(2 * 24h);
    CHECK(scene.model().story == Story{"serve testing", "txt id", "serve enforce", "txt id"});
    CHECK(scene.world.report(kDomain)["max_age"].as_integer() == 86'400);
    scene.world.run(8 * 24h);
    CHECK(scene.world.report(kDomain)["max_age"].as_integer() == 604'800);
    scene.world.run(8 * 24h);
    CHECK(scene.world.report(kDomain)["max_age"].as_integer() == 2'419'200);
    scene.world.run(10 * 24h);
    CHECK(scene.world.reason(kDomain).empty());
    CHECK(scene.world.keeper->is_at_rest(kDomain));
}

TEST_CASE("plan says every step of the way with its date, and what comes is no earlier and no later", "[domains][policies]") {
    Scene scene;
    scene.world.run(30min);
    const Json plan = scene.world.keeper->plan_of(kDomain);
    std::optional<std::string> enforce;
    for (const Json& step : plan["steps"].items())
        if (!enforce && step["reason"].as_string()->find("mode enforce") != std::string::npos) enforce = step["earliest"].as_string();
    REQUIRE(enforce);
    auto at = parse_rfc3339(*enforce);
    REQUIRE(at);
    scene.world.run(*at - scene.world.clock.now - 1min);
    CHECK(scene.model().story.size() == 2);
    scene.world.run(1h + 2min); // the look that finds the gate open is at most monitor_every late
    CHECK(scene.model().story.size() >= 3);
}

TEST_CASE("an invalid MX host keeps a policy in testing, and the clean time begins anew", "[domains][policies]") {
    Scene scene;
    scene.world.run(20 * 24h);
    scene.world.host_troubles["mx1.example.org"] = "its certificate is for another name";
    scene.world.run(2h);
    CHECK(scene.world.reason(kDomain).find("its certificate is for another name") != std::string::npos);
    scene.world.host_troubles.clear();
    scene.world.run(20 * 24h);
    CHECK(scene.model().story.size() == 2);
    scene.world.run(9 * 24h);
    CHECK(scene.model().story.size() == 4);
}

TEST_CASE("the id waits for the stale replica and for nothing else", "[domains][policies]") {
    Scene scene("at_once");
    scene.world.second_replica_follows = false;
    scene.world.run(2h);
    CHECK(scene.model().story == Story{"serve enforce"});
    CHECK(scene.world.reason(kDomain).find("198.51.100.1") != std::string::npos);
    scene.model().bodies[1] = scene.model().bodies[0];
    scene.world.run(10min);
    CHECK(scene.model().story == Story{"serve enforce", "txt id"});
}

TEST_CASE("status names the name server that keeps an id from being complete", "[domains][policies]") {
    Scene scene("at_once");
    scene.world.second_server_follows = false;
    scene.world.run(1h);
    CHECK(scene.world.reason(kDomain).find("ns1 (192.0.2.1)") != std::string::npos);
    CHECK(scene.world.report(kDomain)["txt_live"].as_bool() == false);
    scene.model().txt[1] = scene.model().txt[0];
    scene.world.run(1h);
    CHECK(scene.world.report(kDomain)["txt_live"].as_bool() == true);
}

TEST_CASE("`mx add`: the policy is widened and announced, the host enters when no sender holds the old one", "[domains][policies]") {
    Scene scene("at_once");
    scene.world.run(5 * 24h);
    const Json answer = scene.command("add", {"mx2.example.org"});
    CHECK(answer["replies"].items().front()["text"].as_string()->find("mx1.example.org, mx2.example.org") != std::string::npos);
    CHECK_FALSE(answer["plan"]["domains"].items().front()["steps"].items().empty());
    scene.world.run(1h);
    CHECK(scene.model().story == Story{"serve enforce", "txt id", "serve enforce", "txt id"});
    scene.world.run(24h);
    CHECK(scene.model().mx.front() == Values{"10 mx1.example.org"}); // policy_refresh is shorter than what resolvers may hold of the TXT record
    scene.world.run(4 * 24h);
    CHECK(scene.model().mx.front() == Values{"10 mx1.example.org", "10 mx2.example.org"});
    scene.world.run(24h);
    CHECK(scene.world.has("example.org mx.reached"));
    CHECK(scene.world.report(kDomain)["mx_goal"].is_null());
}

TEST_CASE("a host that is not ready does not enter the MX RRset", "[domains][policies]") {
    Scene scene("at_once");
    scene.world.host_troubles["mx2.example.org"] = "nothing listens";
    scene.world.run(5 * 24h);
    scene.command("add", {"mx2.example.org"});
    scene.world.run(10 * 24h);
    CHECK(scene.model().mx.front() == Values{"10 mx1.example.org"});
    CHECK(scene.world.reason(kDomain).find("nothing listens") != std::string::npos);
    scene.world.host_troubles.clear();
    scene.world.run(24h);
    CHECK(scene.model().mx.front().size() == 2);
}

TEST_CASE("`mx replace`: the old host leaves last, and status says until when it has to run", "[domains][policies]") {
    Scene scene("at_once");
    scene.world.run(5 * 24h);
    scene.command("replace", {"mx2.example.org"});
    scene.world.run(6 * 24h);
    CHECK(scene.model().mx.front().size() == 2);
    scene.world.run(3 * 24h);
    REQUIRE(scene.model().mx.front() == Values{"10 mx2.example.org"});
    CHECK(scene.world.report(kDomain)["leaving"].items().front()["host"].as_string() == "mx1.example.org");
    CHECK(scene.world.report(kDomain)["patterns"].items().size() == 2);
    scene.world.run(10 * 24h);
    CHECK(scene.world.report(kDomain)["patterns"].items().size() == 1);
    CHECK(scene.world.has("example.org mx.reached"));
}

TEST_CASE("commands that do not fit are refused with what fits", "[domains][policies]") {
    Scene scene("at_once");
    scene.world.run(24h);
    const auto ask = [&](const char* change, const char* domain, const char* host) {
        Json hosts = Json::array();
        hosts.push(host);
        auto answer = scene.world.keeper->request(Json::object({{"command", "mx"}, {"change", change}, {"domain", domain}, {"hosts", std::move(hosts)}}));
        return answer.ok() ? std::string("taken") : answer.error().to_string();
    };
    CHECK(ask("add", "example.org", "mx1.example.org").find("is an MX host of example.org already") != std::string::npos);
    CHECK(ask("remove", "example.org", "mx9.example.org").find("is no MX host of example.org; these are: mx1.example.org") != std::string::npos);
    CHECK(ask("remove", "example.org", "mx1.example.org").find("no MX host would be left") != std::string::npos);
    CHECK(ask("add", "other.example", "mx2.example.org").find("has no policy here") != std::string::npos);
    CHECK(ask("swap", "example.org", "mx2.example.org").find("allowed: add, remove, replace") != std::string::npos);
    CHECK(ask("add", "example.org", "a..b").find("is no host name") != std::string::npos);
}

TEST_CASE("where mxseal may not write the zone it asks the operator, waits until it sees it, and goes on", "[domains][policies]") {
    Scene scene("at_once", "elsewhere.example");
    scene.world.run(1h);
    CHECK(scene.model().story == Story{"serve enforce"});
    const auto ask = scene.world.report(scene.name)["ask"].as_string().value_or("");
    const auto from = ask.find("v=STSv1; id=");
    REQUIRE(from != std::string::npos);
    const std::string record = ask.substr(from, ask.find('"', from) - from);
    scene.model().txt = {{record}, {record}};
    scene.world.run(1h);
    CHECK(scene.world.report(scene.name)["txt_live"].as_bool() == true);
    scene.command("add", {"mx2.example.org"});
    scene.world.run(5 * 24h);
    CHECK(scene.model().mx.front().size() == 1);
    // The widened policy has another id, which the operator sets too.
    const auto second = scene.world.report(scene.name)["ask"].as_string().value_or("");
    const auto again = second.find("v=STSv1; id=");
    REQUIRE(again != std::string::npos);
    const std::string next = second.substr(again, second.find('"', again) - again);
    CHECK(next != record);
    scene.model().txt = {{next}, {next}};
    scene.world.run(5 * 24h);
    CHECK(scene.world.report(scene.name)["ask"].as_string()->find("add mx2.example.org to the MX RRset") != std::string::npos);
    scene.model().mx = {{"10 mx1.example.org", "10 mx2.example.org"}, {"10 mx1.example.org", "10 mx2.example.org"}};
    scene.world.run(5 * 24h);
    CHECK(scene.world.report(scene.name)["ask"].is_null());
}

namespace {

// A zone that the operator edits, after the policy was served everywhere: the record that is asked for.
struct HandScene : Scene {
    HandScene() : Scene("at_once", "elsewhere.example") { world.run(1h); }
    std::string asked(const char* verb = "add") {
        const Json records = world.report(name)["ask_records"][verb];
        return records.items().empty() ? "" : records.items().front().as_string().value_or("");
    }
    // What stands between the quotation marks.
    std::string asked_text() {
        const std::string line = asked();
        const auto from = line.find('"') + 1;
        return line.substr(from, line.rfind('"') - from);
    }
    void set_txt(const Values& values) { model().txt = {values, values}; }
    std::size_t told() const { return static_cast<std::size_t>(std::count(world.events.begin(), world.events.end(), name + " operator.asked")); }
};

} // namespace

TEST_CASE("what the operator is asked for is a line of a zone file, told once, and stands while the next look is made", "[domains][policies][operator]") {
    HandScene scene;
    const std::string line = scene.asked();
    CHECK(line.starts_with("_mta-sts.elsewhere.example. 3600 IN TXT \"v=STSv1; id="));
    for (int part = 0; part < 200; ++part) {
        scene.world.run(7s);
        REQUIRE(scene.asked() == line);
    }
    CHECK(scene.told() == 1);
    scene.set_txt({scene.asked_text()});
    scene.world.run(10min);
    CHECK(scene.asked().empty());
    CHECK(scene.world.report(scene.name)["txt_live"].as_bool() == true);
}

TEST_CASE("an id that mxseal did not ask for is named, and the one that is asked for stays", "[domains][policies][operator]") {
    HandScene scene;
    const std::string line = scene.asked(), text = scene.asked_text();
    scene.set_txt({"v=STSv1; id=20260101;"});
    scene.world.run(10min);
    CHECK(scene.world.reason(scene.name).find("_mta-sts.elsewhere.example has id 20260101, which mxseal did not ask for; set the TXT record") == 0);
    CHECK(scene.asked() == line);
    CHECK(scene.asked("remove") == "_mta-sts.elsewhere.example. IN TXT \"v=STSv1; id=20260101;\"");
    scene.set_txt({"v=STSv1; id=not-an-id;"});
    scene.world.run(10min);
    CHECK(scene.world.reason(scene.name).find("'v=STSv1; id=not-an-id;', which senders cannot read") != std::string::npos);
    scene.set_txt({text});
    scene.world.run(10min);
    CHECK(scene.world.report(scene.name)["txt_live"].as_bool() == true);
    scene.set_txt({"v=STSv1; id=20270101;"});
    scene.world.run(2h);
    CHECK(scene.world.report(scene.name)["txt_live"].as_bool() == false);
    CHECK(scene.world.reason(scene.name).find("has id 20270101, which mxseal did not ask for") != std::string::npos);
    CHECK(scene.asked_text() == text);
}

TEST_CASE("beside another STSv1 record an id announces nothing, and the operator is told which one stays", "[domains][policies][operator]") {
    HandScene scene;
    const std::string text = scene.asked_text();
    scene.set_txt({"v=STSv1; id=1;", text});
    scene.world.run(1h);
    CHECK(scene.world.report(scene.name)["txt_live"].as_bool() == false);
    CHECK(scene.world.reason(scene.name).find(fmt::format("has 2 records that begin with v=STSv1, and senders ignore them all; remove all but \"{}\"", text)) != std::string::npos);
    scene.set_txt({text});
    scene.world.run(1h);
    CHECK(scene.world.report(scene.name)["txt_live"].as_bool() == true);
}

TEST_CASE("once some name server shows what was asked for, the others are waited for", "[domains][policies][operator]") {
    HandScene scene;
    scene.model().txt = {{}, {scene.asked_text()}};
    scene.world.run(10min);
    CHECK(scene.asked().empty());
    CHECK(scene.world.reason(scene.name).find("ns0 (192.0.2.0): has no such record") != std::string::npos);
}

TEST_CASE("an MX record that was asked for is seen within minutes", "[domains][policies][operator]") {
    HandScene scene;
    scene.set_txt({scene.asked_text()});
    scene.world.run(5 * 24h);
    scene.command("add", {"mx2.example.org"});
    scene.world.run(1h);
    scene.set_txt({scene.asked_text()});
    scene.world.run(5 * 24h);
    CHECK(scene.asked() == "elsewhere.example. 3600 IN MX 10 mx2.example.org.");
    scene.model().mx = {{"10 mx1.example.org", "10 mx2.example.org"}, {"10 mx1.example.org", "10 mx2.example.org"}};
    scene.world.run(3min);
    CHECK(scene.asked().empty());
    CHECK(scene.world.report(scene.name)["mx"].items().size() == 2);
}

TEST_CASE("an MX host that was not asked for is to be removed", "[domains][policies][operator]") {
    HandScene scene;
    scene.set_txt({scene.asked_text()});
    scene.world.run(5 * 24h);
    scene.command("add", {"mx2.example.org"});
    scene.world.run(1h);
    scene.model().mx = {{"10 mx1.example.org", "10 mx9.example.net"}, {"10 mx1.example.org", "10 mx9.example.net"}};
    scene.world.run(1h);
    const auto page = scene.world.report(scene.name)["page"].as_string().value_or("");
    CHECK(page.find("mx9.example.net stands in the MX RRset") != std::string::npos);
    CHECK(page.find("it is none of those that are wanted (mx1.example.org, mx2.example.org): remove it") != std::string::npos);
}

TEST_CASE("plan names no id before it is made, and the one that is asked for when it is", "[domains][policies][operator]") {
    HandScene scene;
    const std::string text = scene.asked_text();
    const std::string now = scene.world.keeper->plan_of(scene.name).dump();
    CHECK(now.find(text) != std::string::npos);
    scene.set_txt({text});
    scene.world.run(24h);
    const Json answer = scene.command("add", {"mx2.example.org"});
    std::string asked;
    for (const Json& step : answer["plan"]["domains"].items().front()["steps"].items())
        if (step["what"].as_string() == "operator" && asked.empty()) asked = step["reason"].as_string().value_or("");
    CHECK(asked.find("\"v=STSv1; id=<new id>;\"") != std::string::npos);
    CHECK(asked.find("`mxseal status` names the id then") != std::string::npos);
}

TEST_CASE("an MX host that an enforced policy does not cover pages at once, and the policy is widened", "[domains][policies]") {
    Scene scene("at_once");
    scene.world.run(5 * 24h);
    const Values changed{"10 mx1.example.org", "20 mx9.example.net"};
    scene.model().mx = {changed, changed};
    scene.world.run(1h + 1min);
    CHECK(scene.world.has("example.org policy.page"));
    CHECK(scene.world.keeper->pages() == 1);
    CHECK(scene.world.report(kDomain)["page"].as_string()->find("mx9.example.net stands in the MX RRset") != std::string::npos);
    scene.world.run(6 * 24h);
    CHECK(scene.world.keeper->pages() == 0);
    CHECK(scene.world.report(kDomain)["patterns"].items().size() == 2);
}

TEST_CASE("the TLS-RPT record comes before the first policy's id", "[domains][policies]") {
    Scene scene("reports");
    scene.world.report_troubles[kDomain] = "it was written just now";
    scene.world.run(2h);
    CHECK(scene.model().story == Story{"serve testing"});
    CHECK(scene.world.reason(kDomain).find("_smtp._tls.example.org comes before the first policy") != std::string::npos);
    scene.world.report_troubles.clear();
    scene.world.run(10min);
    CHECK(scene.model().story == Story{"serve testing", "txt id"});
}

TEST_CASE("a domain that nobody wants ends by mode none, and is forgotten when no sender holds its policy", "[domains][policies]") {
    Scene scene("at_once");
    scene.world.run(2 * 24h);
    scene.world.wanted.clear();
    scene.world.keeper->leave(kDomain, 0.5);
    scene.world.run(1h);
    CHECK(scene.model().story == Story{"serve enforce", "txt id", "serve none", "txt id"});
    scene.world.run(6 * 24h);
    CHECK(scene.model().story.back() == "txt id");
    scene.world.run(3 * 24h);
    CHECK(scene.model().story.back() == "txt none");
    scene.world.run(6 * 24h);
    CHECK(scene.model().story.back() == "serve nothing");
    CHECK(scene.world.ended == std::vector<std::string>{kDomain});
    CHECK(scene.world.store->load_policies()->empty());
}

namespace {

// A domain that was served and removed; its names are as they were.
struct FormerScene : Scene {
    explicit FormerScene(const std::string& profile = "at_once") : Scene(profile) {
        if (profile == "shared") model().alias = "_mta-sts.group.example.org";
        world.run(2 * 24h);
        world.wanted.clear();
        world.keeper->leave(kDomain, 0.5);
        world.run(20 * 24h);
        if (profile == "shared") world.run(20 * 24h);
    }
    std::string dangling() const {
        const Json all = world.keeper->dangling();
        return all.items().empty() ? "" : all.items().front()["reason"].as_string().value_or("");
    }
    auto told() const { return std::count(world.events.begin(), world.events.end(), "example.org domain.dangling"); }
};

} // namespace

TEST_CASE("a name that still leads here after its policy ended is told once, also over a restart, and forgotten when it is gone", "[domains][policies][former]") {
    FormerScene scene;
    REQUIRE(scene.world.ended == std::vector<std::string>{kDomain});
    CHECK(scene.told() == 1);
    CHECK(scene.dangling() == "the policy of example.org has ended, and mta-sts.example.org still leads to this endpoint: whoever comes by that name can publish a policy for the domain; tell its owner to remove it");
    scene.world.start();
    CHECK_FALSE(scene.dangling().empty());
    scene.world.run(5 * 24h);
    CHECK(scene.told() == 1);
    scene.model().departed = {0, 1};
    scene.world.run(24h);
    CHECK(scene.world.has("example.org domain.names_gone"));
    CHECK(scene.dangling().empty());
    CHECK_FALSE(scene.world.keeper->next_due());
    scene.world.start();
    CHECK_FALSE(scene.world.keeper->next_due());
}

TEST_CASE("a former name is looked at a few times a day, and what cannot be found out changes nothing", "[domains][policies][former]") {
    FormerScene scene;
    const auto looks = scene.world.former_looks;
    scene.world.former_trouble = "no name server answers";
    scene.model().departed = {0, 1};
    scene.world.run(10 * 24h);
    CHECK(scene.world.former_looks - looks == 40);
    CHECK_FALSE(scene.dangling().empty());
    scene.world.former_trouble.clear();
    scene.world.run(24h);
    CHECK(scene.dangling().empty());
}

TEST_CASE("names that lead elsewhere when the policy ended are nobody's trouble", "[domains][policies][former]") {
    Scene scene("at_once");
    scene.world.run(2 * 24h);
    scene.world.wanted.clear();
    scene.world.keeper->leave(kDomain, 0.5);
    for (int hour = 0; hour < 24 * 30 && scene.world.ended.empty(); ++hour) {
        scene.world.run(1h);
        if (scene.model().story.back() == "txt none") scene.model().departed = {0, 1};
    }
    scene.world.run(24h);
    CHECK(scene.world.ended == std::vector<std::string>{kDomain});
    CHECK_FALSE(scene.world.has("example.org domain.dangling"));
    CHECK_FALSE(scene.world.keeper->next_due());
}

TEST_CASE("a domain that comes back is no former one", "[domains][policies][former]") {
    FormerScene scene;
    REQUIRE_FALSE(scene.dangling().empty());
    scene.use("testing");
    CHECK(scene.dangling().empty());
    scene.world.run(1h);
    scene.world.start();
    CHECK(scene.dangling().empty());
}

TEST_CASE("of a hoster's former customer both names are told", "[domains][policies][former]") {
    FormerDomains former(6h);
    const Instant now = from_unix_ms(1'795'000'000'000);
    former.add("a.example", {"198.51.100.1"}, "_mta-sts.group.example.org", now);
    CHECK(former.take_due(now) == std::vector<std::string>{"a.example"});
    CHECK(former.heard({"a.example", "", {"198.51.100.1", "203.0.113.9"}, "_mta-sts.group.example.org"}).sentence.find("mta-sts.a.example still leads to this endpoint, and _mta-sts.a.example is still an alias of _mta-sts.group.example.org") != std::string::npos);
    CHECK(former.heard({"a.example", "", {"203.0.113.9"}, "_mta-sts.group.example.org"}).event == "domain.dangling");
    CHECK(former.heard({"a.example", "", {"203.0.113.9"}, std::nullopt}).event == "domain.names_gone");
    former.add("b.example", {}, "", now);
    CHECK_FALSE(former.take_due(now).size());
}

TEST_CASE("a clock that is set back does not keep a former name from being looked at", "[domains][policies][former]") {
    FormerDomains former(6h);
    const Instant now = from_unix_ms(1'795'000'000'000);
    former.add("a.example", {"198.51.100.1"}, "", now);
    CHECK(former.take_due(now).size() == 1);
    CHECK(former.take_due(now + 5h).empty());
    CHECK(former.take_due(now - 24h).size() == 1);
}

TEST_CASE("on its way out a record keeps the TTL with which it was served", "[domains][policies]") {
    Scene scene("at_once");
    scene.settings.txt_ttl = Ttl{300};
    scene.model().txt_ttl = Ttl{300};
    scene.world.run(2 * 24h);
    scene.world.wanted.clear();
    scene.world.keeper->leave(kDomain, 0.5);
    scene.world.run(1h);
    CHECK(scene.model().story == Story{"serve enforce", "txt id", "serve none", "txt id"});
    CHECK(scene.model().txt_ttls_written == std::vector<Ttl>{Ttl{300}, Ttl{300}});
}

TEST_CASE("a domain that nobody ever had is over at once", "[domains][policies]") {
    Scene scene;
    scene.world.wanted.clear();
    scene.world.keeper->leave("never.example", 0.5);
    scene.world.run(1min);
    CHECK(scene.world.ended == std::vector<std::string>{"never.example"});
}

TEST_CASE("at rest a domain is looked at each hour, and nothing is written", "[domains][policies]") {
    Scene scene("testing");
    scene.world.run(10 * 24h);
    REQUIRE(scene.world.keeper->is_at_rest(kDomain));
    const auto looks = scene.world.looks, writes = scene.world.database->writes();
    scene.world.run(24h);
    CHECK(scene.world.looks - looks <= 25);
    CHECK(scene.world.looks - looks >= 23);
    CHECK(scene.world.database->writes() - writes <= 8); // the sighting of the TTL, a few times a day
}

TEST_CASE("hosts that may be held in one MX RRset are told once", "[domains][policies]") {
    Scene scene("testing");
    scene.world.run(1h);
    CHECK(scene.world.told_mx == std::vector<std::string>{"mx1.example.org"});
    scene.model().mx = {{"10 mx1.example.org", "10 mx2.example.org"}, {"10 mx1.example.org", "10 mx2.example.org"}};
    scene.world.run(3h);
    CHECK(scene.world.told_mx == std::vector<std::string>{"mx1.example.org", "mx1.example.org mx2.example.org"});
}

TEST_CASE("after a change a domain is at rest although senders hold the former policy for weeks", "[domains][policies]") {
    Scene scene("at_once");
    scene.world.run(2 * 24h);
    scene.settings.max_age = std::chrono::seconds(2 * 604'800);
    scene.world.want(kDomain, scene.settings);
    scene.world.run(24h);
    CHECK(scene.world.keeper->is_at_rest(kDomain));
    const auto looks = scene.world.looks;
    scene.world.run(24h);
    CHECK(scene.world.looks - looks <= 100); // each 15 minutes: an id that falls back must not go unseen
}
