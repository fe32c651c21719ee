#include "agent/domains/roster.hpp"
#include "agent/store/memory_store.hpp"
#include "tests/unit/domains/configs.hpp"

using namespace mxseal;
using namespace mxseal::agent;

namespace {

class FixedClock final : public Clock {
public:
    Instant wall() const override { return from_unix_ms(1'795'000'000'000); }
    BootTime boot_time() const override { return {}; }
    std::string boot_id() const override { return "boot"; }
};

struct Fixture {
    Config config = usual_config();
    FixedClock clock;
    std::shared_ptr<MemoryDatabase> database = std::make_shared<MemoryDatabase>();
    DomainRoster roster{config, make_memory_store(database), clock};

    static dns::Name name(const std::string& text) { return *dns::Name::parse(text); }
    Result<RosterChange> add(const std::string& text, std::optional<std::string> profile = {}) { return roster.add({{name(text), std::move(profile)}}, "alice"); }
    std::size_t writes() const { return database->writes(); }
};

} // namespace

TEST_CASE_METHOD(Fixture, "a domain is added once, with `default` unless a profile is named", "[domains][roster]") {
    CHECK(add("a.example")->added == 1);
    CHECK(add("a.example")->unchanged == 1);
    CHECK(add("b.example", "strict")->added == 1);
    auto all = roster.list("");
    REQUIRE(all->size() == 3);
    CHECK(all->at(0).name == "a.example");
    CHECK(all->at(0).profile == "default");
    CHECK(all->at(0).who == "alice");
    CHECK(all->at(0).changed_at == clock.wall());
    CHECK(all->at(1).profile == "strict");
    CHECK(all->at(2).in_file);
    CHECK(writes() == 2);
}

TEST_CASE_METHOD(Fixture, "a profile changes only when one is named", "[domains][roster]") {
    REQUIRE(add("a.example", "strict"));
    CHECK(add("a.example")->unchanged == 1);
    CHECK(roster.list("strict")->size() == 2);
    CHECK(add("a.example", "default")->changed == 1);
    CHECK(roster.list("strict")->size() == 1);
}

TEST_CASE_METHOD(Fixture, "an unknown profile refuses all of them", "[domains][roster]") {
    auto refused = roster.add({{name("a.example"), {}}, {name("b.example"), "gone"}}, "alice");
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code() == ErrorCode::invalid);
    CHECK(refused.error().message().find("known: default, strict") != std::string::npos);
    CHECK(writes() == 0);
}

TEST_CASE_METHOD(Fixture, "a removed domain is gone from the list and may come back", "[domains][roster]") {
    REQUIRE(add("a.example", "strict"));
    CHECK(roster.remove({name("a.example"), name("A.EXAMPLE.")}, "bob")->removed == 1);
    CHECK(roster.list("")->size() == 1);
    CHECK(roster.remove({name("a.example")}, "bob").error().code() == ErrorCode::not_found);
    CHECK(add("a.example")->added == 1);
    CHECK(roster.list("")->front().profile == "default");
}

TEST_CASE_METHOD(Fixture, "a domain of the file cannot be removed here, and then none is", "[domains][roster]") {
    REQUIRE(add("a.example"));
    auto refused = roster.remove({name("a.example"), name("file.example")}, "bob");
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code() == ErrorCode::refused);
    CHECK(refused.error().message().find("/etc/mxseal.yaml:6") != std::string::npos);
    CHECK(roster.list("")->size() == 2);
}

TEST_CASE_METHOD(Fixture, "where file and store name a domain the file wins, and that is said", "[domains][roster]") {
    auto added = add("file.example", "default");
    REQUIRE(added->notes.size() == 1);
    CHECK(added->notes.front().find("file wins") != std::string::npos);
    auto all = roster.list("");
    REQUIRE(all->size() == 1);
    CHECK(all->front().in_file);
    CHECK(all->front().in_store);
    CHECK(all->front().profile == "strict");
}

TEST_CASE("without an endpoint an added domain comes with a note", "[domains][roster]") {
    Config config = config_of("profiles: {default: {mta_sts: {}}}\n");
    FixedClock clock;
    DomainRoster roster(config, make_memory_store(std::make_shared<MemoryDatabase>()), clock);
    auto added = roster.add({{*dns::Name::parse("a.example"), {}}}, "alice");
    REQUIRE(added->notes.size() == 1);
    CHECK(added->notes.front().find("no `endpoint`") != std::string::npos);
}
