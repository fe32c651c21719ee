#include "tests/unit/cli/fake_world.hpp"

using namespace mxseal;
using namespace mxseal::cli;

namespace {

Json forecast(bool kept) {
    const Json host = Json::object({{"host", "mx1.example.org"}, {"rotate_every_s", 7776000}, {"rolls", 4}, {"emergency_rolls", 0}, {"state", "steady"}});
    const Json status = Json::object({{"at", "2026-11-22T12:20:00Z"}, {"hosts", Json(Json::Array{Json::object({{"host", "mx1.example.org"}, {"state", "steady"}})})}});
    return Json::object({{"length_s", 31536000},
                         {"seed", 3},
                         {"host", "mx1.example.org"},
                         {"hosts", Json(Json::Array{host})},
                         {"kept", kept},
                         {"picture", Json::object({{"host", "mx1.example.org"}, {"at", "2026-11-22T12:20:00Z"}, {"status", status}, {"plan", Json()}, {"log", Json::array()}})}});
}

struct SimulatingWorld : FakeWorld {
    SimulatingWorld() {
        environment.simulate = [this](const agent::Config& config, const SimulationOrder& order) -> Result<Json> {
            hosts = config.hosts.size();
            asked = order;
            if (order.on_progress) order.on_progress("years", 7, 100);
            return answer;
        };
        environment.find_desk = [](const agent::Config&) -> Result<std::unique_ptr<agent::Desk>> { throw std::logic_error("simulate asks no desk"); };
    }
    Result<Json> answer = forecast(true);
    SimulationOrder asked;
    std::size_t hosts = 0;
};

} // namespace

TEST_CASE("simulate hands the configuration and the order over, and prints report and picture") {
    SimulatingWorld world;
    CHECK(world.call({"simulate", "--years", "2", "--seed", "3", "--host", "MX1.example.org.", "--fault", "killed"}) == kExitDone);
    CHECK(world.hosts == 2);
    CHECK(world.asked.length == std::chrono::hours(24 * 730));
    CHECK(world.asked.seed == 3);
    CHECK(world.asked.host == "mx1.example.org");
    CHECK(world.asked.fault_names == std::vector<std::string>{"killed"});
    CHECK(world.out.str().starts_with("Simulated: 365d, seed 3\n"));
    CHECK(world.out.str().find("mx1.example.org: its keys and TLSA records") != std::string::npos);
    CHECK(world.out.str().find('\033') == std::string::npos); // a pipe gets no progress
    CHECK(world.err.str().empty());
}

TEST_CASE("simulate needs neither the secrets of the configuration nor its accounts") {
    SimulatingWorld world;
    std::filesystem::remove(world.folder / "tsig");
    CHECK(world.call({"config", "check"}) == kExitUsage);
    CHECK(world.call({"simulate"}) == kExitDone);
}

TEST_CASE("a mistake in the configuration ends a simulation before it begins") {
    SimulatingWorld world;
    world.write_config("timing: {stagger: 90x}\n");
    CHECK(world.call({"simulate"}) == kExitUsage);
    CHECK(world.err.str().find("90x") != std::string::npos);
    CHECK(world.hosts == 0);
    CHECK(world.out.str().empty());
}

TEST_CASE("what cannot be simulated is a mistake in usage; a broken promise fails the command") {
    SimulatingWorld world;
    world.answer = Error(ErrorCode::invalid, "'boom' is no kind of fault; allowed: killed");
    CHECK(world.call({"simulate", "--fault", "boom"}) == kExitUsage);
    CHECK(world.err.str() == "mxseal: 'boom' is no kind of fault; allowed: killed\n");
    CHECK(world.call({"simulate", "--host", "mx9.example.org"}) == kExitUsage);
    world.answer = forecast(false);
    CHECK(world.call({"simulate"}) == kExitFailed);
}

TEST_CASE("simulate --svg writes the picture and prints the report alone; --json prints facts") {
    SimulatingWorld world;
    const auto file = (world.folder / "roll.svg").string();
    CHECK(world.call({"simulate", "--svg", file}) == kExitDone);
    CHECK(world.out.str().ends_with("\nwrote " + file + "\n"));
    CHECK(world.out.str().find("its keys and TLSA records") == std::string::npos);
    CHECK(std::filesystem::file_size(file) > 1000);
    world.out.str("");
    CHECK(world.call({"simulate", "--svg", (world.folder / "nowhere" / "roll.svg").string()}) == kExitFailed);
    world.out.str("");
    CHECK(world.call({"simulate", "--json"}) == kExitDone);
    auto json = Json::parse(world.out.str());
    REQUIRE(json);
    CHECK((*json)["hosts"].items().size() == 1);
    CHECK((*json)["picture"]["now"].as_string() == "2026-11-22T12:20:00Z");
    CHECK((*json)["picture"]["log"].is_null());
}

TEST_CASE("a terminal sees how far a simulation has come") {
    SimulatingWorld world;
    world.environment.out_is_terminal = true;
    CHECK(world.call({"simulate"}) == kExitDone);
    CHECK(world.out.str().starts_with("\r\033[Ksimulating years: 7 of 100\r\033[KSimulated"));
}
