#include "tests/unit/cli/fake_world.hpp"

using namespace mxseal;
using namespace mxseal::cli;

namespace {

const std::string kOld(64, 'a');

Json status_with(const char* state, bool running = true) {
    const Json key = Json::object({{"spki_sha256", kOld}, {"role", "current"}, {"state", "active"}});
    Json host = Json::object({{"host", "mx1.example.org"}, {"state", state}, {"keys", Json(Json::Array{key})}, {"halted", nullptr}});
    if (std::string(state) == "halted") host.set("halted", Json::object({{"reason", "foreign record"}}));
    return Json::object({{"agent", Json::object({{"running", running}})}, {"hosts", Json(Json::Array{host})}, {"domains", Json::array()}});
}

Json entry(std::int64_t id, const char* event, const char* host = "mx1.example.org") {
    return Json::object({{"id", id}, {"at", "2026-11-22T12:25:00Z"}, {"host", host}, {"event", event}, {"fields", Json::object({{"from", kOld}})}, {"sentence", std::string("sentence ") + std::to_string(id)}});
}

Json entries(std::vector<Json> list) { return Json(std::move(list)); }

Json reply(const char* text, bool refused) {
    const Json one = Json::object({{"host", "mx1.example.org"}, {"text", text}, {"refused", refused}});
    return Json::object({{"replies", Json(Json::Array{one})}, {"plan", Json::object({{"hosts", Json::array()}})}});
}

bool contains(const std::ostringstream& stream, const std::string& text) { return stream.str().find(text) != std::string::npos; }

} // namespace

TEST_CASE("config check says in one line what was found") {
    FakeWorld world;
    CHECK(world.call({"config", "check"}) == kExitDone);
    CHECK(world.out.str() == "mxseal.yaml: 2 hosts, 1 zone, 1 provider, 0 certificate authorities, 0 domains: no mistakes\n");
}

TEST_CASE("mistakes go to stderr, one a line, with exit code 2, whatever the command is") {
    FakeWorld world;
    world.write_config("timing: {safety_margin: 90x}\nnonsense: 1\n");
    for (const auto& words : std::vector<std::vector<std::string>>{{"config", "check"}, {"status"}, {"roll", "mx1.example.org"}}) {
        world.err.str("");
        CHECK(world.call(words) == kExitUsage);
        CHECK(contains(world.err, "90x"));
        CHECK(contains(world.err, "nonsense"));
    }
    CHECK(world.out.str().empty());
    CHECK(world.call({"config", "check", "--json"}) == kExitUsage);
    auto json = Json::parse(world.out.str());
    REQUIRE(json);
    CHECK((*json)["mistakes"].items().size() == 2);
}

TEST_CASE("a host that is not configured is refused with the names that are, before any desk is asked") {
    FakeWorld world;
    CHECK(world.call({"plan", "mx3.example.org"}) == kExitUsage);
    CHECK(contains(world.err, "mx3.example.org is not one of the hosts"));
    CHECK(contains(world.err, "known: mx1.example.org, mx2.example.org"));
    CHECK(world.script.asked.empty());
}

TEST_CASE("names are asked for in the form of the configuration, each once") {
    FakeWorld world;
    CHECK(world.call({"plan", "MX1.Example.ORG.", "mx1.example.org"}) == kExitDone);
    CHECK(world.script.asked == std::vector<std::string>{"plan mx1.example.org"});
}

TEST_CASE("roll sends who asked for what and prints the reply") {
    FakeWorld world;
    world.script.request = reply("emergency roll is stored", false);
    CHECK(world.call({"roll", "mx1.example.org", "--emergency", "--accept-risk", "stolen"}) == kExitDone);
    auto body = Json::parse(world.script.asked.at(0));
    REQUIRE(body);
    CHECK((*body)["command"].as_string() == "roll");
    CHECK((*body)["hosts"].items().size() == 1);
    CHECK((*body)["emergency"].as_bool() == true);
    CHECK((*body)["accept_risk"].as_string() == "stolen");
    CHECK((*body)["key"].is_null());
    CHECK((*body)["who"].as_string() == "operator");
    CHECK(world.out.str() == "mx1.example.org: emergency roll is stored\n");
}

TEST_CASE("a refused roll exits with 1 and is not followed") {
    FakeWorld world;
    world.script.request = reply("no served key", true);
    CHECK(world.call({"roll", "mx1.example.org", "--wait"}) == kExitFailed);
    CHECK(contains(world.out, "refused: no served key"));
    CHECK(world.pauses == 0);
}

TEST_CASE("roll --back and halt --all say so in the request") {
    FakeWorld world;
    CHECK(world.call({"roll", "mx1.example.org", "--back"}) == kExitDone);
    CHECK((*Json::parse(world.script.asked.at(0)))["command"].as_string() == "roll_back");
    CHECK(world.call({"halt", "--all", "--why", "fire"}) == kExitDone);
    auto body = *Json::parse(world.script.asked.at(1));
    CHECK(body["command"].as_string() == "halt");
    CHECK(body["hosts"].items().empty());
    CHECK(body["why"].as_string() == "fire");
    CHECK(world.call({"resume", "mx2.example.org"}) == kExitDone);
    CHECK((*Json::parse(world.script.asked.at(2)))["command"].as_string() == "resume");
}

TEST_CASE("roll --wait prints the log of the host from the request on and ends with the roll") {
    FakeWorld world;
    world.script.status = {status_with("steady")};
    world.script.log = {entries({entry(7, "roll.finished")}), entries({}), entries({entry(8, "switch.started"), entry(9, "switch.verified", "mx2.example.org")}), entries({entry(10, "roll.finished")})};
    world.script.request = reply("stored", false);
    CHECK(world.call({"roll", "mx1.example.org", "--wait"}) == kExitDone);
    CHECK(world.pauses == 2);
    CHECK_FALSE(contains(world.out, "sentence 7"));
    CHECK(contains(world.out, "sentence 8"));
    CHECK_FALSE(contains(world.out, "sentence 9"));
    CHECK(contains(world.out, "sentence 10"));
    CHECK(world.script.asked.at(2) == "log after 7");
    CHECK(world.script.asked.back() == "log after 9");
}

TEST_CASE("roll --wait exits with 1 when the host halts") {
    FakeWorld world;
    world.script.status = {status_with("steady"), status_with("switching"), status_with("halted")};
    world.script.log = {entries({})};
    world.script.request = reply("stored", false);
    CHECK(world.call({"roll", "mx1.example.org", "--wait"}) == kExitFailed);
    CHECK(contains(world.err, "mx1.example.org halted: foreign record"));
}

TEST_CASE("roll --wait says once when no agent is there to do it") {
    FakeWorld world(3);
    world.script.status = {status_with("steady", false)};
    world.script.log = {entries({})};
    world.script.request = reply("stored", false);
    CHECK_THROWS_AS(world.call({"roll", "mx1.example.org", "--wait"}), Interrupted);
    const auto text = world.err.str();
    CHECK(text.find("no agent is running") != std::string::npos);
    CHECK(text.find("no agent is running") == text.rfind("no agent is running"));
}

TEST_CASE("roll --wait outlives a restart of the agent, but not its absence for good") {
    const Error gone(ErrorCode::not_found, "the agent is gone");
    FakeWorld world(1000);
    world.script.request = reply("stored", false);
    world.script.status = {status_with("steady")};
    world.script.log = {entries({}), gone, gone, gone, gone, entries({entry(1, "roll.finished")})};
    CHECK(world.call({"roll", "mx1.example.org", "--wait"}) == kExitDone);
    world.script.log = {entries({}), gone};
    CHECK(world.call({"roll", "mx1.example.org", "--wait"}) == kExitFailed);
    CHECK(contains(world.err, "the agent is gone"));
}

TEST_CASE("a desk that changed something is let go, for it may hold the lease") {
    FakeWorld world;
    world.script.request = reply("stored", false);
    CHECK(world.call({"halt", "mx1.example.org"}) == kExitDone);
    CHECK(world.script.desks_open == 0);
}

TEST_CASE("status exits with 1 while a host is halted") {
    FakeWorld world;
    world.script.status = {status_with("steady"), status_with("halted")};
    CHECK(world.call({"status"}) == kExitDone);
    CHECK(world.call({"status"}) == kExitFailed);
    CHECK(contains(world.out, "foreign record"));
}

TEST_CASE("status --watch on a pipe prints a line when something changed") {
    FakeWorld world(4);
    world.script.status = {status_with("steady"), status_with("steady"), status_with("switching")};
    CHECK_THROWS_AS(world.call({"status", "--watch"}), Interrupted);
    CHECK(world.out.str() == "2026-11-22T12:25:00Z agent running\n"
                             "2026-11-22T12:25:00Z mx1.example.org steady\n"
                             "2026-11-22T12:25:00Z mx1.example.org switching\n");
}

TEST_CASE("status --watch --json prints one document a line, only when it changed") {
    FakeWorld world(4);
    world.script.status = {status_with("steady"), status_with("steady"), status_with("switching")};
    CHECK_THROWS_AS(world.call({"status", "--watch", "--json"}), Interrupted);
    const auto text = world.out.str();
    CHECK(std::count(text.begin(), text.end(), '\n') == 2);
}

TEST_CASE("log prints entries, as JSON one object a line, and follows from the last one on") {
    FakeWorld world(2);
    world.script.log = {entries({entry(3, "tlsa.complete"), entry(4, "switch.started")})};
    CHECK(world.call({"log"}) == kExitDone);
    CHECK(world.out.str() == "2026-11-22T12:25:00Z mx1.example.org tlsa.complete sentence 3\n2026-11-22T12:25:00Z mx1.example.org switch.started sentence 4\n");
    world.out.str("");
    CHECK(world.call({"log", "--json"}) == kExitDone);
    std::istringstream lines(world.out.str());
    for (std::string line; std::getline(lines, line);) CHECK(Json::parse(line));
    world.script.log = {entries({entry(5, "x.y")}), entries({entry(6, "x.y")}), entries({})};
    world.script.asked.clear();
    CHECK_THROWS_AS(world.call({"log", "--follow"}), Interrupted);
    CHECK(world.script.asked == std::vector<std::string>{"log after 0", "log after 5", "log after 6"});
}

TEST_CASE("log says on stderr that older entries are left off, but not beside JSON") {
    FakeWorld world;
    world.script.log = {entries({entry(3, "a.b"), entry(4, "c.d")})};
    CHECK(world.call({"log", "--limit", "1"}) == kExitDone);
    CHECK(world.out.str() == "2026-11-22T12:25:00Z mx1.example.org c.d sentence 4\n");
    CHECK(world.err.str() == "mxseal: older entries are left off, these are the newest 1; --limit N gives more\n");
    world.out.str("");
    world.err.str("");
    CHECK(world.call({"log", "--limit", "1", "--json"}) == kExitDone);
    CHECK(world.out.str().find("a.b") == std::string::npos);
    CHECK(world.call({"log", "--limit", "2"}) == kExitDone);
    CHECK(world.err.str().empty());
}

TEST_CASE("an error of the desk is one sentence and exit code 1") {
    FakeWorld world;
    world.script.plan = Error(ErrorCode::io, "the disk is full").with_peer_text("\033[2J");
    CHECK(world.call({"plan"}) == kExitFailed);
    CHECK(world.err.str() == "mxseal: the disk is full (the peer said: \"\\x1b[2J\")\n");
}

TEST_CASE("apply prints what was done and then the plan, and fails when a host did") {
    FakeWorld world;
    int failed = 0;
    world.environment.run_apply = [&](const agent::Config&, agent::Signals&, agent::AgentHooks hooks) -> Result<agent::ApplySummary> {
        hooks.logged({1, world.clock.wall(), "mx1.example.org", "tlsa.written", Json::object(), "written"});
        return agent::ApplySummary{failed, Json::object({{"hosts", Json::array()}})};
    };
    CHECK(world.call({"apply"}) == kExitDone);
    CHECK(world.out.str() == "2026-11-22T12:25:00Z mx1.example.org tlsa.written written\n\nno hosts\n");
    failed = 1;
    world.out.str("");
    CHECK(world.call({"apply", "--json"}) == kExitFailed);
    auto json = Json::parse(world.out.str());
    REQUIRE(json);
    CHECK((*json)["log"].items().size() == 1);
    CHECK((*json)["failed"].as_integer() == 1);
}

TEST_CASE("a busy lease is told and exits with 1") {
    FakeWorld world;
    world.environment.run_apply = [](const agent::Config&, agent::Signals&, agent::AgentHooks) -> Result<agent::ApplySummary> { return Error(ErrorCode::busy, "agent pid 7 is at work"); };
    CHECK(world.call({"apply"}) == kExitFailed);
    CHECK(contains(world.err, "agent pid 7 is at work"));
}

TEST_CASE("an agent that leaves threads behind tells systemd and ends the process with 0") {
    FakeWorld world;
    int left_with = -1;
    world.environment.leave = [&](int exit_code) { left_with = exit_code; };
    world.environment.run_agent = [](const agent::Config&, agent::Signals&, agent::AgentHooks hooks) -> Status {
        hooks.leave();
        return done();
    };
    CHECK(world.call({"agent"}) == kExitDone);
    CHECK(left_with == kExitDone);
}

TEST_CASE("the agent starts its control API and takes it away again") {
    FakeWorld world;
    REQUIRE(std::filesystem::create_directory(world.folder / "state"));
    bool was_there = false;
    world.environment.run_agent = [&](const agent::Config& config, agent::Signals&, agent::AgentHooks hooks) -> Status {
        ScriptedDesk desk(world.script);
        auto guest = hooks.started(desk);
        REQUIRE(guest);
        was_there = std::filesystem::exists(config.state / "control.json");
        return done();
    };
    CHECK(world.call({"agent"}) == kExitDone);
    CHECK(was_there);
    CHECK_FALSE(std::filesystem::exists(world.folder / "state" / "control.json"));
}
