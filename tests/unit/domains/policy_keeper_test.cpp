#include "tests/unit/domains/policy_world.hpp"

#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>

using namespace mxseal;
using namespace mxseal::agent;
using namespace mxseal::agent::tests;
using namespace std::chrono_literals;

namespace {

constexpr const char* kText = "providers: {ours: {type: rfc2136, server: 127.0.0.1, tsig: {name: k, secret_file: k}}}\n"
                              "zones: {example.org: {provider: ours}}\n"
                              "endpoint: {certificate: self-signed}\n"
                              "profiles:\n"
                              "  default: {mta_sts: {mode: enforce, max_age: 4w}}\n"
                              "  shared: {mta_sts: {mode: enforce, at_once: true, max_age: 1w, txt_target: _mta-sts.group.example.org}}\n"
                              "  testing: {mta_sts: {mode: testing}}\n"
                              "  at_once: {mta_sts: {mode: enforce, at_once: true, max_age: 1w}}\n"
                              "  none: {mta_sts: {mode: none}}\n"
                              "  reports: {mta_sts: {mode: testing}, tls_rpt: {rua: [\"mailto:r@example.org\"]}}\n";
const std::string kDomain = "example.org";

struct Scene {
    explicit Scene(const std::string& profile = "default", const std::string& domain = kDomain) : world(kText), name(domain) {
        auto& model = world.domains[name];
        model.mx = {{"10 mx1.example.org"}, {"10 mx1.example.org"}};
        use(profile);
        world.start();
    }
    void use(const std::string& profile) {
        settings = *settings_of(world.config, profile);
        world.wanted[name] = &settings;
        if (world.keeper) world.want(name, settings);
    }
    PolicyScene::Domain& model() { return world.domains[name]; }
    Json command(const std::string& change, std::vector<std::string> hosts) {
        Json list = Json::array();
        for (const auto& host : hosts) list.push(host);
        auto answer = world.keeper->request(Json::object({{"command", "mx"}, {"change", change}, {"domain", name}, {"hosts", std::move(list)}, {"who", "op"}}));
        INFO((answer.ok() ? "" : answer.error().to_string()));
        REQUIRE(answer.ok());
        return std::move(*answer);
    }
    PolicyScene world;
    std::string name;
    PolicySettings settings;
};

using Story = std::vector<std::string>;

} // namespace

TEST_CASE("what arrives in one turn is stored together by the tick after it", "[domains][policies]") {
    Scene scene("at_once");
    scene.world.keeper->tick();
    rotation::mta_sts::RrsetObservation mx;
    mx.servers.push_back({"ns0", "192.0.2.0", true, {"10 mx1.example.org"}, Ttl{3600}, {}});
    mx.primary = mx.servers.front().values;
    const Instant now = scene.world.clock.now;
    scene.world.keeper->arrived(DnsLook{kDomain, {now, now, {}, {}, mx, {}}});
    const auto is_stored = [&] { return scene.world.store->load_policy(kDomain)->has_value(); };
    CHECK_FALSE(is_stored());
    CHECK(scene.world.keeper->next_due() == now);
    scene.world.keeper->tick();
    CHECK(is_stored());
}

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
    CHECK_FALSE(scene.world.keeper->next_due());
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

TEST_CASE("killed at any write, the next process goes on in the same order", "[domains][policies]") {
    for (int at = 1; at < 60; ++at) {
        Scene scene("at_once");
        int count = 0;
        scene.world.database->on_write([&](std::string_view call) { return call == "commit" && ++count == at ? WriteFate::fails : WriteFate::carried_out; });
        for (int restarts = 0; restarts < 2; ++restarts) {
            scene.world.run(restarts == 0 ? Duration(std::chrono::minutes(at)) : Duration(12h));
            scene.world.database->crash();
            scene.world.start();
        }
        scene.world.run(12h);
        CAPTURE(at);
        REQUIRE(scene.model().story.size() >= 2);
        // Whatever was served, an id never stood before its body, and no id was given twice to different bodies.
        CHECK(scene.model().story.front() == "serve enforce");
        CHECK(scene.model().txt[0].size() == 1);
        CHECK(scene.world.report(kDomain)["txt_live"].as_bool() == true);
        CHECK(std::count(scene.model().story.begin(), scene.model().story.end(), "txt id") <= 2);
    }
}

TEST_CASE("nothing begins that could not be stored", "[domains][policies]") {
    Scene scene("at_once");
    scene.world.database->on_write([](std::string_view call) { return call == "commit" ? WriteFate::fails : WriteFate::carried_out; });
    scene.world.run(1h);
    CHECK(scene.model().story.empty());
    CHECK_FALSE(scene.world.keeper->store_trouble().empty());
    scene.world.database->on_write({});
    scene.world.run(1h);
    CHECK(scene.model().story == Story{"serve enforce", "txt id"});
}

TEST_CASE("a clock that steps forward ends no wait", "[domains][policies]") {
    Scene scene("at_once");
    scene.world.run(5 * 24h);
    scene.command("add", {"mx2.example.org"});
    scene.world.run(2h);
    scene.world.clock.step(100h);
    scene.world.run(24h);
    CHECK(scene.model().mx.front().size() == 1);
    scene.world.run(4 * 24h);
    CHECK(scene.model().mx.front().size() == 2);
}

TEST_CASE("hosts that may be held in one MX RRset are told once", "[domains][policies]") {
    Scene scene("testing");
    scene.world.run(1h);
    CHECK(scene.world.told_mx == std::vector<std::string>{"mx1.example.org"});
    scene.model().mx = {{"10 mx1.example.org", "10 mx2.example.org"}, {"10 mx1.example.org", "10 mx2.example.org"}};
    scene.world.run(3h);
    CHECK(scene.world.told_mx == std::vector<std::string>{"mx1.example.org", "mx1.example.org mx2.example.org"});
}

namespace {

// Customers who share one record; the last of them has set no alias yet.
struct Group {
    explicit Group(int count) : world(kText), settings(*settings_of(world.config, "shared")) {
        for (int i = 0; i < count; ++i) {
            names.push_back(fmt::format("customer{}.example", i));
            auto& model = world.domains[names.back()];
            model.mx = {{"10 mx1.example.org"}, {"10 mx1.example.org"}};
            model.alias = kRecord;
            world.wanted[names.back()] = &settings;
        }
        world.start();
    }
    bool announced(const std::string& name) { return world.report(name)["txt_live"].as_bool() == true; }
    std::string id(const std::string& name) { return world.report(name)["id"].as_string().value_or(""); }
    PolicyScene world;
    PolicySettings settings;
    std::vector<std::string> names;
    const std::string kRecord = "_mta-sts.group.example.org";
};

} // namespace

TEST_CASE("domains that share a record are announced by one id, written once all are served", "[domains][policies][shared]") {
    Group group(20);
    group.world.run(2h);
    for (const auto& name : group.names) CHECK(group.announced(name));
    CHECK(group.world.record_writes <= 3); // those who were served a moment later are announced together by the next one
    CHECK(group.id(group.names.front()) == group.id(group.names.back()));
    CHECK(group.world.records[group.kRecord].front().size() == 1);
    for (const auto& name : group.names) CHECK(group.world.domains[name].txt.front().empty());
}

TEST_CASE("a change of many policies behind one record asks few questions, and waits for the last body", "[domains][policies][shared]") {
    Group group(50);
    group.world.run(3 * 24h);
    const auto first = group.id(group.names.front());
    const auto looks = group.world.looks, record_looks = group.world.record_looks;
    group.settings.max_age = std::chrono::seconds(2 * 604'800);
    group.world.second_replica_follows = false;
    for (const auto& name : group.names) group.world.want(name, group.settings);
    group.world.run(30min);
    for (const auto& name : group.names)
        if (name != group.names[7]) group.world.domains[name].bodies[1] = group.world.domains[name].bodies[0];
    group.world.run(30min);
    CHECK_FALSE(group.announced(group.names.front()));
    CHECK(group.world.reason(group.names.front()).find("once the policies of all domains that share it are served everywhere") != std::string::npos);
    group.world.domains[group.names[7]].bodies[1] = group.world.domains[group.names[7]].bodies[0];
    group.world.run(1h);
    for (const auto& name : group.names) CHECK(group.announced(name));
    CHECK(group.id(group.names.front()) != first);
    CHECK(group.world.record_looks - record_looks < 140); // one a minute, whatever the number of domains
    CHECK(group.world.looks - looks < 50 * 12);           // each domain's own name a few times
}

TEST_CASE("half a delegation is named, and joins when the other half stands", "[domains][policies][shared]") {
    Group group(3);
    group.world.domains[group.names[1]].alias.reset();
    group.world.run(2h);
    CHECK(group.announced(group.names[0]));
    CHECK_FALSE(group.announced(group.names[1]));
    CHECK(group.world.reason(group.names[1]).find("set _mta-sts.customer1.example CNAME _mta-sts.group.example.org") != std::string::npos);
    group.world.domains[group.names[1]].alias = group.kRecord;
    group.world.run(3h);
    CHECK(group.announced(group.names[1]));
}

TEST_CASE("one name that leads nowhere any more holds the others up for a day, not for ever", "[domains][policies][shared]") {
    Group group(5);
    group.world.run(3 * 24h);
    group.settings.max_age = std::chrono::seconds(2 * 604'800);
    group.world.second_replica_follows = false;
    for (const auto& name : group.names) group.world.want(name, group.settings);
    group.world.run(1min);
    for (std::size_t i = 1; i < group.names.size(); ++i) group.world.domains[group.names[i]].bodies[1] = group.world.domains[group.names[i]].bodies[0];
    group.world.run(20h);
    CHECK_FALSE(group.announced(group.names[1]));
    group.world.run(6h);
    CHECK(group.announced(group.names[1]));
    CHECK_FALSE(group.announced(group.names[0])); // its own waits go on
}

TEST_CASE("the shared record is known again after a kill, and no id is given twice", "[domains][policies][shared]") {
    Group group(4);
    group.world.run(1h);
    const auto id = group.id(group.names.front());
    REQUIRE_FALSE(id.empty());
    group.world.database->crash();
    group.world.start();
    group.world.run(2h);
    CHECK(group.id(group.names.front()) == id);
    CHECK(group.announced(group.names.front()));
    const auto writes = group.world.record_writes;
    group.world.run(24h);
    CHECK(group.world.record_writes == writes);
}

TEST_CASE("plan of a domain that shares a record goes on over the alias and the shared id", "[domains][policies][shared]") {
    Group group(2);
    group.world.domains[group.names[1]].alias.reset();
    group.world.run(2h);
    const auto events = [&](const std::string& name) {
        std::vector<std::string> out;
        const Json plan = group.world.keeper->plan_of(name);
        for (const Json& step : plan["steps"].items()) out.push_back(*step["what"].as_string());
        return out;
    };
    const auto ahead = events(group.names[1]);
    CHECK(std::find(ahead.begin(), ahead.end(), "operator") != ahead.end());
    CHECK(std::find(ahead.begin(), ahead.end(), "policy.announced") != ahead.end());
    CHECK(std::find(ahead.begin(), ahead.end(), "waits") == ahead.end());
    group.world.run(3 * 24h);
    CHECK(events(group.names[0]).empty());
}

TEST_CASE("a profile that changed while the agent was away is taken up at once, one that did not within the hour", "[domains][policies]") {
    Scene scene("testing");
    scene.world.run(3 * 24h);
    scene.world.start();
    const auto looks = scene.world.looks;
    scene.world.run(1min);
    CHECK(scene.world.looks == looks);
    scene.world.run(1h);
    CHECK(scene.world.looks > looks);
    scene.settings.max_age = std::chrono::seconds(43'200);
    scene.world.start();
    scene.world.run(1min);
    CHECK(scene.model().story == Story{"serve testing", "txt id", "serve testing"});
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

TEST_CASE("a clock that stepped forward while no agent ran ends no wait and lets nothing be forgotten", "[domains][policies]") {
    Scene scene("at_once");
    scene.world.run(5 * 24h);
    scene.command("add", {"mx2.example.org"});
    scene.world.run(2h);
    scene.world.clock.step(400h); // longer than any wait, and than max_age
    scene.world.start();
    scene.world.run(24h);
    CHECK(scene.model().mx.front().size() == 1);
    scene.world.run(4 * 24h);
    CHECK(scene.model().mx.front().size() == 2);
}

TEST_CASE("an end of the process while domains are told of a step of the clock: those that were not hear of it from the next one", "[domains][policies]") {
    PolicyScene world(kText);
    const PolicySettings settings = *settings_of(world.config, "at_once"), none = *settings_of(world.config, "none");
    std::vector<std::string> names;
    for (int i = 0; i < 600; ++i) { // more than are told in one tick
        names.push_back(fmt::format("customer{:03}.example", i));
        world.domains[names.back()].mx = {{"10 mx1.example.org"}, {"10 mx1.example.org"}};
        world.wanted[names.back()] = &none;
    }
    for (const char* name : {"a.example.org", "z.example.org"}) {
        world.domains[name].mx = {{"10 mx1.example.org"}, {"10 mx1.example.org"}};
        world.wanted[name] = &settings;
    }
    world.start();
    world.run(3 * 24h);
    for (const char* name : {"a.example.org", "z.example.org"}) {
        Json hosts = Json::array();
        hosts.push("mx2.example.org");
        REQUIRE(world.keeper->request(Json::object({{"command", "mx"}, {"change", "add"}, {"domain", name}, {"hosts", std::move(hosts)}})).ok());
    }
    world.run(2h);
    world.clock.step(400h);
    world.keeper->tick();
    world.database->crash();
    world.start();
    world.run(24h);
    CHECK(world.domains["a.example.org"].mx.front().size() == 1);
    CHECK(world.domains["z.example.org"].mx.front().size() == 1);
    world.run(5 * 24h); // and whoever heard of it before hears it once
    CHECK(world.domains["a.example.org"].mx.front().size() == 2);
    CHECK(world.domains["z.example.org"].mx.front().size() == 2);
}

namespace {

// The moment at which the MX RRset is written, and a scene that is a second before it.
struct AtTheWrite : Scene {
    AtTheWrite() : Scene("at_once") {
        begin(*this);
        Scene other("at_once");
        begin(other);
        for (int hours = 0; hours < 20 * 24 && other.model().mx.front().size() == 1; ++hours) {
            before = other.world.clock.now;
            other.world.run(1h);
        }
        for (at = before; world.clock.now < before;) world.run(before - world.clock.now);
        Scene third("at_once");
        begin(third);
        third.world.run(before - third.world.clock.now);
        while (third.model().mx.front().size() == 1) {
            at = third.world.clock.now;
            third.world.run(1s);
        }
        world.run(at - world.clock.now);
    }
    static void begin(Scene& scene) {
        scene.world.run(5 * 24h);
        scene.command("add", {"mx2.example.org"});
        scene.world.run(2h);
    }
    void refuse(WriteFate fate) {
        world.database->on_write([fate](std::string_view call) { return call == "commit" ? fate : WriteFate::carried_out; });
    }
    Instant before{}, at{};
};

} // namespace

TEST_CASE("what was decided while the store refused is decided anew by fresh looks when it takes writes again", "[domains][policies]") {
    for (const WriteFate fate : {WriteFate::fails, WriteFate::written_but_fails}) {
        AtTheWrite scene;
        CAPTURE(int(fate));
        const auto newest = scene.model().txt[1];
        scene.refuse(fate);
        scene.world.run(1h);
        CHECK(scene.model().mx.front().size() == 1);
        CHECK_FALSE(scene.world.keeper->store_trouble().empty());
        CHECK(scene.world.reason(kDomain).find("store") != std::string::npos);
        scene.model().txt[1] = {"v=STSv1; id=anolderone1;"}; // a name server fell back meanwhile
        scene.world.database->on_write({});
        scene.world.run(6h);
        CHECK(scene.model().mx.front().size() == 1);
        CHECK(scene.world.keeper->store_trouble().empty());
        scene.model().txt[1] = newest;
        scene.world.run(10 * 24h);
        CHECK(scene.model().mx.front().size() == 2);
        CHECK(scene.world.keeper->is_at_rest(kDomain));
    }
}

TEST_CASE("a command that could not be stored changes nothing, also not later", "[domains][policies]") {
    Scene scene("at_once");
    scene.world.run(5 * 24h);
    scene.world.database->on_write([](std::string_view call) { return call == "commit" ? WriteFate::fails : WriteFate::carried_out; });
    Json hosts = Json::array();
    hosts.push("mx2.example.org");
    const Json body = Json::object({{"command", "mx"}, {"change", "add"}, {"domain", kDomain}, {"hosts", std::move(hosts)}});
    for (int i = 0; i < 2; ++i) {
        auto answer = scene.world.keeper->request(body);
        REQUIRE_FALSE(answer.ok());
        CHECK(answer.error().to_string().find("nothing") != std::string::npos);
    }
    scene.world.database->on_write({});
    scene.world.run(20 * 24h);
    CHECK(scene.model().mx.front().size() == 1);
    CHECK(scene.world.report(kDomain)["mx_goal"].is_null());
    scene.command("add", {"mx2.example.org"});
    scene.world.run(20 * 24h);
    CHECK(scene.model().mx.front().size() == 2);
}

TEST_CASE("a shared id that could not be stored is not announced, and the next one is no id that was", "[domains][policies][shared]") {
    for (const WriteFate fate : {WriteFate::fails, WriteFate::written_but_fails}) {
        Group group(5);
        group.world.run(30s);
        group.world.database->on_write([fate](std::string_view call) { return call == "commit" ? fate : WriteFate::carried_out; });
        group.world.run(2h);
        CHECK(group.world.record_writes == 0);
        group.world.database->on_write({});
        group.world.run(2h);
        for (const auto& name : group.names) CHECK(group.announced(name));
        CHECK(group.world.records[group.kRecord].front().size() == 1);
    }
}

TEST_CASE("a step of the clock as the first that a shared record hears of loses no look", "[domains][policies][shared]") {
    Group group(3);
    group.world.run(24h);
    group.world.start();
    group.world.clock.step(3h);
    const auto looks = group.world.record_looks;
    group.world.run(3h);
    CHECK(group.world.record_looks > looks + 1);
    for (const auto& name : group.names) CHECK(group.announced(name));
}

TEST_CASE("an address that left the endpoint's set keeps an id waiting until no resolver can hold it, also over the end of a process", "[domains][policies]") {
    Scene scene("at_once");
    scene.world.run(2 * 24h);
    scene.model().departed.insert(1);
    scene.world.run(2h); // a look that finds it gone
    scene.world.second_replica_follows = false;
    scene.settings.max_age = std::chrono::seconds(2 * 604'800);
    scene.world.want(kDomain, scene.settings);
    scene.world.run(1h);
    scene.world.database->crash();
    scene.world.start();
    scene.world.run(20h);
    const auto ids = [&] { return std::count(scene.model().story.begin(), scene.model().story.end(), "txt id"); };
    CHECK(ids() == 1);
    CHECK(scene.world.reason(kDomain).find("198.51.100.1, which left the address set") != std::string::npos);
    scene.world.run(3h); // unseen_ttl after it was found gone
    CHECK(ids() == 2);
}

TEST_CASE("a clock that was ahead and is set back keeps no body from being announced", "[domains][policies]") {
    Scene scene("at_once");
    scene.world.second_replica_follows = false;
    scene.world.clock.step(1000h);
    scene.world.run(1h);
    REQUIRE(scene.model().story == Story{"serve enforce"});
    scene.world.clock.step(-1000h);
    scene.world.second_replica_follows = true;
    scene.world.run(3h);
    REQUIRE(scene.model().story.size() == 3);
    CHECK(scene.model().story.back() == "txt id");
}
