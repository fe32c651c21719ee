// Domains behind one TXT record (C-38).
#include "tests/unit/domains/policy_scenes.hpp"

#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>

using namespace mxseal;
using namespace mxseal::agent;
using namespace mxseal::agent::tests;
using namespace std::chrono_literals;

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

TEST_CASE("a domain that leaves is announced by the record it shares, also when the process ends meanwhile", "[domains][policies][shared]") {
    Group group(2);
    group.world.run(3 * 24h);
    const std::string& left = group.names[0];
    const auto leave = [&] { group.world.keeper->leave(left, 0.5); };
    group.world.wanted.erase(left);
    leave();
    group.world.run(1s);
    group.world.database->crash();
    group.world.start();
    leave();
    group.world.run(2h);
    CHECK(group.world.report(left)["mode"].as_string() == "none");
    CHECK(group.announced(left));
    CHECK(group.id(left) == group.id(group.names[1]));
    CHECK(group.world.domains[left].txt_ttls_written.empty()); // no id of its own
    group.world.run(8 * 24h);
    CHECK(group.world.reason(left).find("remove the CNAME _mta-sts.customer0.example") != std::string::npos);
    group.world.domains[left].alias.reset();
    group.world.run(4 * 24h);
    CHECK(group.world.ended == std::vector<std::string>{left});
}

TEST_CASE("an id from before a clock that ran ahead and was put right announces no later body", "[domains][policies][shared]") {
    Group group(3);
    group.world.run(24h);
    const auto id = group.id(group.names.front());
    group.world.clock.step(48h);
    group.world.run(10min);
    group.world.clock.step(-48h);
    group.world.run(10min);
    group.settings.max_age = std::chrono::seconds(2 * 604'800);
    for (const auto& name : group.names) group.world.want(name, group.settings);
    group.world.run(6h);
    INFO(group.world.reason(group.names.front()));
    for (const auto& name : group.names) CHECK(group.announced(name));
    CHECK(group.id(group.names.front()) != id);
}

TEST_CASE("a clock that is set forward does not let the others go ahead of one that is behind", "[domains][policies][shared]") {
    Group group(3);
    group.world.run(24h);
    const auto writes = group.world.record_writes;
    group.settings.max_age = std::chrono::seconds(2 * 604'800);
    group.world.second_replica_follows = false;
    for (const auto& name : group.names) group.world.want(name, group.settings);
    group.world.run(1min);
    for (std::size_t i = 1; i < group.names.size(); ++i) group.world.domains[group.names[i]].bodies[1] = group.world.domains[group.names[i]].bodies[0];
    group.world.clock.step(30h);
    group.world.run(2h);
    CHECK(group.world.record_writes == writes);
}

TEST_CASE("who leaves and takes both halves of his delegation away is forgotten once no sender can hold his policy", "[domains][policies][shared]") {
    const bool takes_the_name = GENERATE(true, false);
    Group group(2);
    group.world.run(3 * 24h);
    const std::string& left = group.names[0];
    group.world.domains[left].alias.reset();
    group.world.domains[left].nowhere = takes_the_name;
    group.world.wanted.erase(left);
    group.world.keeper->leave(left, 0.5);
    group.world.run(6 * 24h);
    CHECK(group.world.ended.empty()); // max_age 1w
    CHECK(group.world.report(left)["mode"].as_string() == "none");
    CHECK(group.world.reason(left).find("CNAME") == std::string::npos);
    group.world.run(9 * 24h);
    CHECK(group.world.ended == std::vector<std::string>{left});
    CHECK(group.announced(group.names[1]));
}

TEST_CASE("an address that resolvers may hold serves the end of a policy, though the name has left", "[domains][policies][shared]") {
    Group group(2);
    group.world.run(3 * 24h);
    const std::string& left = group.names[0];
    group.world.second_replica_follows = false;
    group.world.domains[left].nowhere = true;
    group.world.wanted.erase(left);
    group.world.keeper->leave(left, 0.5);
    group.world.run(20h);
    CHECK(group.world.report(left)["body_live"].as_bool() == false);
    group.world.run(6h); // unseen_ttl and the margin are over
    CHECK(group.world.report(left)["body_live"].as_bool() == true);
}

TEST_CASE("who waits for a new id of others takes it after a clock that ran ahead was put right", "[domains][policies][shared]") {
    Group group(3);
    group.world.run(24h);
    group.world.clock.step(48h);
    group.world.run(2h);
    group.world.clock.step(-48h);
    group.world.run(10min);
    const auto id = group.id(group.names[0]);
    PolicySettings other = group.settings;
    other.max_age = std::chrono::seconds(2 * 604'800);
    group.world.want(group.names[0], other);
    group.world.run(2h);
    CHECK(group.id(group.names[0]) != id);
    INFO(group.world.reason(group.names[1]) + " / " + group.world.reason(group.names[0]));
    for (const auto& name : group.names) CHECK(group.announced(name));
    for (const auto& name : group.names) CHECK(group.id(name) == group.id(group.names[0]));
}
