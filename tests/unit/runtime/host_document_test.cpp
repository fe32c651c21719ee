#include "agent/runtime/host_document.hpp"
#include "tests/simulation/scripted_world.hpp"

#include <catch2/catch.hpp>

using namespace mxseal;
using namespace std::chrono_literals;

TEST_CASE("a host's state survives the way to the store and back at every moment of a roll") {
    const std::string host = "mx1.example.org";
    scripted::World world(scripted::small_config({host}), {host}, 4u);
    world.start_agent();
    int compared = 0;
    for (int second = 0; second < 90; ++second) {
        if (second == 40) world.ask("roll", {host});
        world.run_for(1s, [] { return false; });
        auto stored = world.store->load_host(host);
        REQUIRE(stored.ok());
        if (!*stored) continue;
        auto state = agent::from_document(**stored);
        REQUIRE(state.ok());
        CHECK(agent::to_document(*state) == (*stored)->dump());
        ++compared;
    }
    CHECK(compared > 80);
    CHECK(world.log_has("roll.finished"));
}

TEST_CASE("a document that does not fit names the field") {
    auto missing = agent::from_document(*Json::parse(R"({"version": 1, "ledgers": []})"));
    REQUIRE_FALSE(missing.ok());
    CHECK(missing.error().message().find("'keys'") != std::string::npos);
    CHECK_FALSE(agent::from_document(*Json::parse(R"({"version": 99})")).ok());
}

TEST_CASE("what the CA said of a renewal survives, and a document from before it was asked is read") {
    rotation::tlsa::HostState state;
    rotation::tlsa::Key key;
    const Instant noon = *parse_rfc3339("2026-11-22T12:00:00Z");
    key.renewal = rotation::tlsa::Renewal{Bytes(32, 7), rotation::tlsa::RenewalWindow{noon, noon + 24h}, noon + 5h, noon - 1h, "no answer"};
    state.keys.push_back(key);
    key.renewal = rotation::tlsa::Renewal{Bytes(32, 7), std::nullopt, std::nullopt, noon, ""};
    state.keys.push_back(key);
    const std::string text = agent::to_document(state);
    auto read = agent::from_document(*Json::parse(text));
    REQUIRE(read.ok());
    CHECK(read->keys == state.keys);
    auto before = text;
    for (auto at = before.find("\"renewal\""); at != std::string::npos; at = before.find("\"renewal\"")) before.replace(at, 9, "\"nothing\"");
    auto old = agent::from_document(*Json::parse(before));
    REQUIRE(old.ok());
    CHECK(old->keys.size() == 2);
    CHECK_FALSE(old->keys.front().renewal);
}
