#include "agent/cli/render.hpp"

#include <fstream>
#include <sstream>

#include <catch2/catch.hpp>
#include <fmt/format.h>

using namespace mxseal;
using namespace mxseal::cli;

namespace {

std::string read(const std::string& name) {
    std::ifstream file(std::string(MXSEAL_SOURCE_DIR "/tests/golden/cli/") + name);
    std::stringstream text;
    text << file.rdbuf();
    return text.str();
}

Json json_of(const std::string& name) {
    auto json = Json::parse(read(name));
    INFO(name);
    REQUIRE(json);
    return *json;
}

// On a difference the new text is left beside the test as NAME.new, to be looked at and taken over.
void check_golden(const std::string& name, const std::string& text) {
    INFO(name);
    if (read(name) != text) std::ofstream(name + ".new") << text;
    CHECK(read(name) == text);
}

} // namespace

TEST_CASE("status reads as its golden file") {
    check_golden("status.txt", render_status(json_of("status.json"), {}));
    check_golden("status_narrow_colour.txt", render_status(json_of("status.json"), {true, 60}));
    check_golden("status_policies.txt", render_status(json_of("status_policies.json"), {}));
    check_golden("status_stored.txt", render_status(json_of("status_stored.json"), {}));
}

TEST_CASE("plan reads as its golden file") {
    check_golden("plan.txt", render_plan(json_of("plan.json"), {}));
    CHECK(render_plan(Json::object({{"hosts", Json::array()}}), {}) == "no hosts\n");
}

TEST_CASE("a simulation reads as its golden file") {
    check_golden("simulation.txt", render_simulation(json_of("simulation.json"), {}));
    check_golden("simulation_no_faults.txt", render_simulation(json_of("simulation_no_faults.json"), {true, 70}));
}

TEST_CASE("log entries read as their golden file") {
    const Json entries = json_of("log.json");
    std::string text;
    for (const Json& entry : entries.items()) text += render_log_entry(entry);
    check_golden("log.txt", text);
}

TEST_CASE("replies read as their golden file") { check_golden("replies.txt", render_replies(json_of("replies.json"), {})); }

TEST_CASE("the lines of a watched pipe name each host and domain once") {
    std::string text;
    for (const auto& [key, line] : status_lines(json_of("status.json"))) text += fmt::format("{}\n", line);
    check_golden("status_lines.txt", text);
}

TEST_CASE("answers that lack what is expected are printed all the same") {
    CHECK(render_status(Json(), {}).find("no agent is running") == 0);
    CHECK_FALSE(render_status(Json::object({{"hosts", Json(Json::Array{Json(), Json::object()})}}), {}).empty());
    CHECK(render_log_entry(Json()) == "- - - \n");
    CHECK(render_plan(Json(), {}) == "no hosts\n");
    CHECK(render_simulation(Json(), {}).starts_with("Simulated: 0s"));
}
