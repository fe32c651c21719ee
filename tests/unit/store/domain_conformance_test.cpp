// What every Store promises of mail domains and their endpoint names.
#include "tests/unit/store/worlds.hpp"

using namespace mxseal;
using namespace mxseal::agent;

#define STORES SqliteWorld, MemoryWorld

namespace {

DomainRow domain(const std::string& name, const std::string& profile = "default", bool removed = false) { return {name, profile, from_unix_ms(5), "operator", removed}; }

SiteRow site(const std::string& domain, const std::string& body) {
    SiteRow row;
    row.domain = domain;
    row.certificate = "letsencrypt";
    row.not_before = from_unix_ms(1000);
    row.not_after = from_unix_ms(2000);
    row.failures = 3;
    row.again = from_unix_ms(1500);
    row.trouble = "the CA was away";
    row.body = body;
    return row;
}

SitePair pair(const std::string& domain, std::uint8_t mark) { return {domain, {mark, 0, 255}, {0x30, mark}, {{1, 2, 3}, {4}}}; }

} // namespace

TEMPLATE_TEST_CASE("domains come by version, and nothing comes where nothing changed", "[store][domains]", STORES) {
    TestType world;
    auto store = world.open();
    CHECK(store->domains_since(0)->version == 0);
    REQUIRE(store->put_domains({domain("b.example"), domain("a.example", "strict")}));
    auto all = store->domains_since(0);
    REQUIRE(all->rows.size() == 2);
    CHECK(all->rows.front() == domain("a.example", "strict"));
    CHECK(store->domains_since(all->version)->rows.empty());
    REQUIRE(world.open()->put_domains({domain("b.example", "default", true)}));
    auto later = store->domains_since(all->version);
    CHECK(later->version > all->version);
    REQUIRE(later->rows.size() == 1);
    CHECK(later->rows.front() == domain("b.example", "default", true));
    CHECK(store->domains_since(0)->rows.size() == 2);
}

TEMPLATE_TEST_CASE("one mistake among many domains and none is stored", "[store][domains]", STORES) {
    TestType world;
    auto store = world.open();
    CHECK(store->put_domains({domain("a.example"), domain("b.example", "")}).error().code() == ErrorCode::invalid);
    CHECK(store->domains_since(0)->rows.empty());
}

TEMPLATE_TEST_CASE("a site is read back as it was stored, by the next process too", "[store][sites]", STORES) {
    TestType world;
    {
        auto store = world.open();
        auto token = store->acquire_lease("agent");
        Commit commit;
        commit.sites = {site("b.example", "body"), SiteRow{"a.example", "", {}, {}, 0, {}, "", ""}};
        commit.pairs = {pair("b.example", 7)};
        REQUIRE(store->commit(*token, commit));
    }
    auto store = world.open();
    auto sites = store->load_sites();
    REQUIRE(sites->size() == 2);
    CHECK(sites->front() == SiteRow{"a.example", "", {}, {}, 0, {}, "", ""});
    CHECK(sites->back() == site("b.example", "body"));
    auto served = store->served_sites("", 10);
    REQUIRE(served->size() == 1);
    CHECK(served->front().body == "body");
    CHECK(served->front().pair == pair("b.example", 7));
}

TEMPLATE_TEST_CASE("a renewal replaces key and certificate; what is gone leaves nothing", "[store][sites]", STORES) {
    TestType world;
    auto store = world.open();
    auto token = store->acquire_lease("agent");
    Commit commit;
    commit.sites = {site("a.example", "body")};
    commit.pairs = {pair("a.example", 1)};
    REQUIRE(store->commit(*token, commit));
    commit.pairs = {pair("a.example", 2)};
    REQUIRE(store->commit(*token, commit));
    CHECK(store->served_sites("", 10)->front().pair == pair("a.example", 2));
    Commit gone;
    gone.gone_sites = {"a.example", "never.example"};
    REQUIRE(store->commit(*token, gone));
    CHECK(store->load_sites()->empty());
    CHECK(store->served_sites("", 10)->empty());
}

TEMPLATE_TEST_CASE("what is served comes in pages, and only with a body and a certificate", "[store][sites]", STORES) {
    TestType world;
    auto store = world.open();
    auto token = store->acquire_lease("agent");
    Commit commit;
    for (const char* name : {"a.example", "b.example", "c.example", "d.example", "e.example"}) {
        commit.sites.push_back(site(name, name[0] == 'b' ? "" : "body"));
        if (name[0] != 'c') commit.pairs.push_back(pair(name, 1));
    }
    REQUIRE(store->commit(*token, commit));
    auto first = store->served_sites("", 2);
    REQUIRE(first->size() == 2);
    CHECK(first->back().pair.domain == "d.example");
    auto second = store->served_sites("d.example", 2);
    REQUIRE(second->size() == 1);
    CHECK(second->front().pair.domain == "e.example");
    CHECK(store->served_sites("e.example", 2)->empty());
}

TEMPLATE_TEST_CASE("a key of the endpoint that is not sealed is not stored", "[store][sites]", STORES) {
    TestType world;
    auto store = world.open();
    auto token = store->acquire_lease("agent");
    Commit commit;
    std::string pem = "-----BEGIN PRIVATE KEY-----\n";
    commit.sites = {site("a.example", "body")};
    commit.pairs = {{"a.example", Bytes(pem.begin(), pem.end()), {1}, {}}};
    CHECK(store->commit(*token, commit).error().code() == ErrorCode::invalid);
    CHECK(store->load_sites()->empty());
}

TEMPLATE_TEST_CASE("a policy is read back as it was stored, and what is gone leaves nothing", "[store][policies]", STORES) {
    TestType world;
    {
        auto store = world.open();
        auto token = store->acquire_lease("agent");
        Commit commit;
        commit.policies = {{{"b.example", true, {"mx1.example.org", "mx2.example.org"}, "as then"}, "{\"version\": 1}"}, {{"a.example", false, {}, ""}, "{\"version\": 2}"}};
        REQUIRE(store->commit(*token, commit));
        commit.policies = {{{"a.example", true, {}, ""}, "{\"version\": 3}"}};
        REQUIRE(store->commit(*token, commit));
    }
    auto store = world.open();
    auto policies = store->load_policies();
    REQUIRE(policies->size() == 2);
    CHECK(policies->front().at_rest);
    CHECK(policies->front().mx_goal.empty());
    CHECK(policies->back().wanted == "as then");
    CHECK(policies->back().mx_goal == std::vector<std::string>{"mx1.example.org", "mx2.example.org"});
    CHECK((**store->load_policy("a.example"))["version"].as_integer() == 3);
    CHECK_FALSE(store->load_policy("c.example")->has_value());
    auto token = store->acquire_lease("agent");
    Commit gone;
    gone.gone_policies = {"a.example", "never.example"};
    REQUIRE(store->commit(*token, gone));
    CHECK(store->load_policies()->size() == 1);
    CHECK_FALSE(store->load_policy("a.example")->has_value());
}

TEMPLATE_TEST_CASE("the pair of one site is read alone", "[store][sites]", STORES) {
    TestType world;
    auto store = world.open();
    auto token = store->acquire_lease("agent");
    Commit commit;
    commit.pairs = {pair("a.example", 1), pair("b.example", 2)};
    REQUIRE(store->commit(*token, commit));
    CHECK(**store->load_pair("b.example") == pair("b.example", 2));
    CHECK_FALSE(store->load_pair("c.example")->has_value());
}
