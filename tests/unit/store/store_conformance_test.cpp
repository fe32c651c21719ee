// What every Store promises. A new one (PostgreSQL) joins by its world in STORES.
#include "tests/unit/store/worlds.hpp"

#include "agent/store/checks.hpp"

#include <atomic>
#include <thread>

using namespace mxseal;
using namespace mxseal::agent;

#define STORES SqliteWorld, MemoryWorld

TEMPLATE_TEST_CASE("an empty store has nothing, and says so without an error", "[store]", STORES) {
    TestType world;
    auto store = world.open();
    CHECK(store->load_hosts()->empty());
    CHECK_FALSE(store->load_host("mx1.example.org")->has_value());
    CHECK_FALSE(store->get_key("aa")->has_value());
    CHECK_FALSE(store->get_chain("aa")->has_value());
    CHECK_FALSE(store->get_document("acme", "x")->has_value());
    CHECK_FALSE(store->get_blob("acme", "x")->has_value());
    CHECK(store->list_documents("acme")->empty());
    CHECK(store->pending_requests()->empty());
    CHECK(store->read_log({})->empty());
    CHECK(store->remove_document("acme", "x").ok());
}

TEMPLATE_TEST_CASE("a commit is there for the next process, host, log, facts and requests alike", "[store]", STORES) {
    TestType world;
    {
        auto store = world.open();
        auto token = store->acquire_lease("first");
        REQUIRE(token);
        auto request = store->add_request(from_unix_ms(5), Json::object({{"roll", "mx1.example.org"}}));
        REQUIRE(request);
        REQUIRE(store->add_request(from_unix_ms(6), Json::object({{"halt", "mx2.example.org"}})));
        Commit commit = commit_of("mx1.example.org", 7);
        commit.hosts.push_back({"mx0.example.org", Json::object({{"version", 1}}).dump(), "null", std::nullopt});
        commit.facts.emplace_back("clock", Json::object({{"checked", true}}));
        commit.consumed_requests = {*request, 999};
        REQUIRE(store->commit(*token, commit));
    }
    auto store = world.open();
    auto hosts = store->load_hosts();
    REQUIRE(hosts);
    REQUIRE(hosts->size() == 2);
    CHECK(hosts->front().name == "mx0.example.org");
    CHECK_FALSE(hosts->front().due.has_value());
    CHECK(hosts->back().due == from_unix_ms(1007));
    CHECK(hosts->back().summary["state"].as_string() == "steady");
    CHECK(version_of(*store, "mx1.example.org") == 7);
    CHECK((**store->get_document("agent", "clock"))["checked"].as_bool() == true);
    auto requests = store->pending_requests();
    REQUIRE(requests->size() == 1);
    CHECK(requests->front().at == from_unix_ms(6));
    CHECK(requests->front().body["halt"].as_string() == "mx2.example.org");
    auto log = store->read_log({});
    REQUIRE(log->size() == 1);
    CHECK(log->front().id == 1);
    CHECK(log->front().event == "tlsa.complete");
    CHECK(log->front().fields["n"].as_integer() == 1);
    CHECK(log->front().sentence == "it happened");
}

TEMPLATE_TEST_CASE("a due time that is taken away is gone", "[store]", STORES) {
    TestType world;
    auto store = world.open();
    auto token = store->acquire_lease("agent");
    REQUIRE(store->commit(*token, commit_of("mx1.example.org", 1)));
    Commit commit = commit_of("mx1.example.org", 2);
    commit.hosts.front().due.reset();
    REQUIRE(store->commit(*token, commit));
    CHECK_FALSE(store->load_hosts()->front().due.has_value());
}

TEMPLATE_TEST_CASE("only one store holds the lease, and the busy answer names the holder", "[store][lease]", STORES) {
    TestType world;
    auto first = world.open();
    auto second = world.open();
    REQUIRE(first->acquire_lease("agent on mail1"));
    auto refused = second->acquire_lease("agent on mail2");
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code() == ErrorCode::busy);
    CHECK(refused.error().retry().kind == Retry::Kind::transient);
    CHECK(refused.error().message().find("agent on mail1") != std::string::npos);
}

TEMPLATE_TEST_CASE("the lease ends with its store, and the next token is higher", "[store][lease]", STORES) {
    TestType world;
    auto first = world.open();
    auto old_token = first->acquire_lease("first");
    REQUIRE(old_token);
    first.reset();
    auto second = world.open();
    auto token = second->acquire_lease("second");
    REQUIRE(token);
    CHECK(token->value > old_token->value);
    auto late = second->commit(*old_token, commit_of("mx1.example.org", 1));
    REQUIRE_FALSE(late);
    CHECK(late.error().code() == ErrorCode::refused);
    CHECK(late.error().message().find("second") != std::string::npos);
    CHECK(second->load_hosts()->empty());
    CHECK(second->read_log({})->empty());
}

TEMPLATE_TEST_CASE("a holder that takes the lease again gets a higher token, its old one is void", "[store][lease]", STORES) {
    TestType world;
    auto store = world.open();
    auto first = store->acquire_lease("agent");
    auto second = store->acquire_lease("agent");
    REQUIRE(second);
    CHECK(second->value > first->value);
    CHECK_FALSE(store->commit(*first, commit_of("mx1.example.org", 1)));
    CHECK(store->commit(*second, commit_of("mx1.example.org", 1)).ok());
}

TEMPLATE_TEST_CASE("a token that nobody was given is refused", "[store][lease]", STORES) {
    TestType world;
    auto store = world.open();
    CHECK(store->commit(FencingToken{0}, commit_of("mx1.example.org", 1)).error().code() == ErrorCode::refused);
    CHECK(store->commit(FencingToken{9}, commit_of("mx1.example.org", 1)).error().code() == ErrorCode::refused);
}

TEMPLATE_TEST_CASE("a commit with a mistake anywhere writes nothing", "[store]", STORES) {
    TestType world;
    auto store = world.open();
    auto token = store->acquire_lease("agent");
    Commit commit = commit_of("mx1.example.org", 1);
    commit.log.push_back(entry_of("mx1.example.org", ""));
    CHECK(store->commit(*token, commit).error().code() == ErrorCode::invalid);
    CHECK(store->load_hosts()->empty());
    CHECK(store->read_log({})->empty());
}

TEMPLATE_TEST_CASE("a key stays as it was first stored", "[store][keys]", STORES) {
    TestType world;
    auto store = world.open();
    Bytes sealed{0, 1, 0, 255};
    REQUIRE(store->put_key("aa", "mx1.example.org", "ecdsa-p256", sealed));
    REQUIRE(store->put_key("aa", "mx1.example.org", "ecdsa-p256", Bytes{9}));
    CHECK(*store->get_key("aa") == sealed);
    CHECK(*world.open()->get_key("aa") == sealed);
}

TEMPLATE_TEST_CASE("a key that is not sealed, or a chain with a private key, is not stored", "[store][keys]", STORES) {
    TestType world;
    auto store = world.open();
    std::string pem = "-----BEGIN PRIVATE KEY-----\nMC4=\n-----END PRIVATE KEY-----\n";
    CHECK(store->put_key("aa", "mx1.example.org", "ecdsa-p256", view_of(pem)).error().code() == ErrorCode::invalid);
    CHECK(store->put_key("aa", "mx1.example.org", "ecdsa-p256", {}).error().code() == ErrorCode::invalid);
    CHECK(store->put_chain("aa", pem).error().code() == ErrorCode::invalid);
    CHECK_FALSE(store->get_key("aa")->has_value());
    CHECK_FALSE(store->get_chain("aa")->has_value());
}

TEMPLATE_TEST_CASE("a renewed chain takes the place of the old one", "[store][keys]", STORES) {
    TestType world;
    auto store = world.open();
    REQUIRE(store->put_chain("aa", "first"));
    REQUIRE(store->put_chain("aa", "second"));
    CHECK(*store->get_chain("aa") == "second");
}

TEMPLATE_TEST_CASE("documents are kept apart by kind and listed by id", "[store]", STORES) {
    TestType world;
    auto store = world.open();
    REQUIRE(store->put_document("acme", "b", Json(2)));
    REQUIRE(store->put_document("acme", "a", Json(1)));
    REQUIRE(store->put_document("acme", "a", Json("changed")));
    REQUIRE(store->put_document("mx", "a", Json::object({{"text", "\"\\\n\u00e9"}, {"list", Json(Json::Array{Json(), Json(true), Json(1.5)})}})));
    auto listed = store->list_documents("acme");
    REQUIRE(listed->size() == 2);
    CHECK(listed->front().first == "a");
    CHECK(listed->front().second.as_string() == "changed");
    CHECK((**store->get_document("mx", "a")).dump().find("\u00e9") != std::string::npos);
    REQUIRE(store->remove_document("acme", "a"));
    CHECK_FALSE(store->get_document("acme", "a")->has_value());
    CHECK(store->get_document("mx", "a")->has_value());
    CHECK(store->put_document("", "a", Json(1)).error().code() == ErrorCode::invalid);
}

TEMPLATE_TEST_CASE("a blob is octets, an empty one too", "[store]", STORES) {
    TestType world;
    auto store = world.open();
    Bytes blob{0, 255, 0};
    REQUIRE(store->put_blob("acme", "account", blob));
    REQUIRE(store->put_blob("acme", "none", {}));
    CHECK(*store->get_blob("acme", "account") == blob);
    REQUIRE(store->get_blob("acme", "none")->has_value());
    CHECK((*store->get_blob("acme", "none"))->empty());
}

TEMPLATE_TEST_CASE("requests need no lease, keep their order and never share an id", "[store]", STORES) {
    TestType world;
    auto agent = world.open();
    auto token = agent->acquire_lease("agent");
    auto operator_side = world.open();
    auto first = operator_side->add_request(from_unix_ms(1), Json("a"));
    auto second = operator_side->add_request(from_unix_ms(2), Json("b"));
    REQUIRE(second);
    CHECK(*first < *second);
    Commit commit;
    commit.consumed_requests = {*first, *second};
    REQUIRE(agent->commit(*token, commit));
    REQUIRE(agent->commit(*token, commit)); // a repeat changes nothing
    CHECK(operator_side->pending_requests()->empty());
    CHECK(*operator_side->add_request(from_unix_ms(3), Json("c")) > *second);
}

TEMPLATE_TEST_CASE("the log gives the newest entries after an id, oldest first, of one host or of all", "[store]", STORES) {
    TestType world;
    auto store = world.open();
    auto token = store->acquire_lease("agent");
    Commit commit;
    for (int i = 0; i < 10; ++i) commit.log.push_back(entry_of(i % 2 == 0 ? "mx1" : "mx2", "event" + std::to_string(i)));
    REQUIRE(store->commit(*token, commit));
    auto newest = store->read_log({"", 0, 3});
    REQUIRE(newest->size() == 3);
    CHECK(newest->front().event == "event7");
    CHECK(newest->back().event == "event9");
    auto of_host = store->read_log({"mx1", 4, 1000});
    REQUIRE(of_host->size() == 3);
    CHECK(of_host->front().event == "event4");
    CHECK(store->read_log({"", 10, 1000})->empty());
    CHECK(store->read_log({"", 0, 0})->empty());
}

TEMPLATE_TEST_CASE("threads share a store", "[store][threads]", STORES) {
    TestType world;
    auto store = world.open();
    auto token = store->acquire_lease("agent");
    constexpr int kThreads = 4, kWrites = 10;
    std::vector<std::thread> threads;
    std::atomic<int> failures{0};
    for (int i = 0; i < kThreads; ++i)
        threads.emplace_back([&, i] {
            for (int j = 0; j < kWrites; ++j) {
                if (!store->commit(*token, commit_of("mx" + std::to_string(i), j))) ++failures;
                if (!store->read_log({})) ++failures;
            }
        });
    for (auto& thread : threads) thread.join();
    CHECK(failures == 0);
    CHECK(store->read_log({})->size() == kThreads * kWrites);
    CHECK(store->load_hosts()->size() == kThreads);
}
