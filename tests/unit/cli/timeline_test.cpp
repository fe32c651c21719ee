#include "tests/unit/cli/fake_world.hpp"

using namespace mxseal;
using namespace mxseal::cli;

namespace {

constexpr const char* kKey = "a1a1a1a100000000000000000000000000000000000000000000000000000000";

// A host with one key, and a peer's text that a terminal would obey.
void script_host(FakeWorld& world) {
    world.script.status = {Json::object({{"at", "2026-11-22T12:20:00Z"},
                                         {"hosts", Json(Json::Array{Json::object({{"host", "mx1.example.org"},
                                                                                  {"state", "steady"},
                                                                                  {"keys", Json(Json::Array{Json::object({{"spki_sha256", kKey}, {"role", "current"}})})}})})}})};
    world.script.log = {Json(Json::Array{
        Json::object({{"id", 1}, {"at", "2026-11-22T12:00:00Z"}, {"host", "mx1.example.org"}, {"event", "key.adopted"}, {"fields", Json::object({{"key", kKey}, {"algorithm", "ecdsa-p256"}})}, {"sentence", "adopted"}}),
        Json::object({{"id", 2}, {"at", "2026-11-22T12:10:00Z"}, {"host", "mx1.example.org"}, {"event", "host.halted"}, {"fields", Json::object()}, {"sentence", "the peer said \033[2J <b>&"}})})};
}

std::string text_of_file(const std::filesystem::path& file) {
    std::ifstream in(file);
    std::stringstream text;
    text << in.rdbuf();
    return text.str();
}

} // namespace

TEST_CASE("timeline prints a picture that a pipe takes plain and a terminal does not obey") {
    FakeWorld world;
    script_host(world);
    CHECK(world.call({"timeline", "MX1.example.org."}) == kExitDone);
    const auto text = world.out.str();
    CHECK(text.starts_with("mx1.example.org: its keys and TLSA records\n"));
    CHECK(text.find("A a1a1a1a1 in use") != std::string::npos);
    CHECK(text.find("now 12:20:00") != std::string::npos); // the agent's, not this machine's
    CHECK(text.find("the peer said ?[2J <b>&") != std::string::npos);
    CHECK(text.find('\033') == std::string::npos);
}

TEST_CASE("timeline --svg writes the file whole, leaves nothing beside it and says where it is") {
    FakeWorld world;
    script_host(world);
    const auto file = world.folder / "mx1.svg";
    std::ofstream(file) << "the picture before";
    CHECK(world.call({"timeline", "mx1.example.org", "--svg", file.string()}) == kExitDone);
    CHECK(world.out.str() == "wrote " + file.string() + "\n");
    CHECK(text_of_file(file).ends_with("</svg>\n"));
    std::size_t pictures = 0;
    for (const auto& entry : std::filesystem::directory_iterator(world.folder.path())) pictures += entry.path().filename().string().starts_with("mx1.svg") ? 1 : 0;
    CHECK(pictures == 1);
}

TEST_CASE("a picture that cannot be written is an error that names the file") {
    FakeWorld world;
    script_host(world);
    const auto file = (world.folder / "no such folder" / "mx1.svg").string();
    CHECK(world.call({"timeline", "mx1.example.org", "--svg", file}) == kExitFailed);
    CHECK(world.err.str().find(file + " cannot be written: no file can be made there: No such file or directory") != std::string::npos);
}

TEST_CASE("timeline --json prints the picture's facts") {
    FakeWorld world;
    script_host(world);
    CHECK(world.call({"timeline", "mx1.example.org", "--json"}) == kExitDone);
    auto json = Json::parse(world.out.str());
    REQUIRE(json);
    CHECK((*json)["host"].as_string() == "mx1.example.org");
    CHECK((*json)["now"].as_string() == "2026-11-22T12:20:00Z");
    CHECK((*json)["keys"].items().size() == 1);
}

TEST_CASE("timeline knows the hosts of the configuration only, and instants that are over") {
    FakeWorld world;
    script_host(world);
    CHECK(world.call({"timeline", "mx9.example.org"}) == kExitUsage);
    CHECK(world.err.str().find("mx9.example.org is not one of the hosts of") != std::string::npos);
    CHECK(world.call({"timeline", "mx1.example.org", "--from", "yesterday"}) == kExitUsage);
    CHECK(world.err.str().find("--from yesterday is no instant: say 2026-11-22T07:00:00Z, or 2h-ago") != std::string::npos);
    CHECK(world.call({"timeline", "mx1.example.org", "--from", "2026-11-22T12:25:01Z"}) == kExitUsage);
    CHECK(world.err.str().find("lies in the future") != std::string::npos);
    CHECK(world.out.str().empty());
    CHECK(world.call({"timeline", "mx1.example.org", "--from", "20m-ago"}) == kExitDone);
}

TEST_CASE("a desk that fails fails the picture") {
    FakeWorld world;
    script_host(world);
    world.script.plan = Error(ErrorCode::io, "the store cannot be read");
    CHECK(world.call({"timeline", "mx1.example.org"}) == kExitFailed);
    CHECK(world.err.str().find("the store cannot be read") != std::string::npos);
}
