#include "agent/hooks/inbox.hpp"
#include "tests/unit/cli/fake_world.hpp"
#include "tests/unit/keys/test_ca.hpp"

#include <map>

using namespace mxseal;
using namespace mxseal::cli;

namespace {

// A certbot lineage of today, and a configuration whose first host is served from it.
struct HookWorld : FakeWorld {
    HookWorld() {
        write_config("  mx3.example.org: {certificate: external, deploy: [{combined: " + (folder / "mx3.pem").string() + "}]}\n");
        std::filesystem::create_directories(folder / "state");
        std::filesystem::permissions(folder / "state", std::filesystem::perms::owner_all);
        environment.variable = [this](std::string_view name) {
            auto found = variables.find(std::string(name));
            return found == variables.end() ? std::string() : found->second;
        };
        variables["RENEWED_LINEAGE"] = folder.path().string();
    }

    void write_lineage(const std::string& name) {
        const Secret pem = key.to_pem();
        std::ofstream(folder / "privkey.pem") << std::string_view(reinterpret_cast<const char*>(pem.reveal().data()), pem.reveal().size());
        std::ofstream(folder / "fullchain.pem") << ca.issue(key.get(), {{name}, "leaf", "", clock.wall() - std::chrono::hours(1), clock.wall() + std::chrono::hours(24 * 90), false}) << ca.root_pem();
    }
    std::vector<std::string> left() const { return agent::Inbox(folder / "state").list().value(); }

    std::map<std::string, std::string> variables;
    agent::testing::TestCa ca{clock.wall() - std::chrono::hours(24), clock.wall() + std::chrono::hours(24 * 900)};
    agent::PrivateKey key = agent::PrivateKey::generate(rotation::Algorithm::ecdsa_p256).value();
};

bool contains(const std::ostringstream& stream, const std::string& text) { return stream.str().find(text) != std::string::npos; }

} // namespace

TEST_CASE("a client's pair is left durably, the agent asked, and its answer told") {
    HookWorld world;
    world.write_lineage("mx3.example.org");
    CHECK(world.call({"hook", "certbot"}) == kExitDone);
    REQUIRE(world.left().size() == 1);
    REQUIRE(world.script.asked.size() == 1);
    CHECK(world.script.asked.front().find("\"pairs\"") != std::string::npos);
    CHECK(world.script.asked.front().find("PRIVATE") == std::string::npos);
    CHECK(contains(world.out, "waits for the mxseal at work"));

    const Json reply = Json::object({{"pair", world.left().front()}, {"host", "mx3.example.org"}, {"text", "it is taken"}, {"refused", false}});
    world.script.request = Json::object({{"replies", Json(Json::Array{reply})}});
    world.out.str("");
    CHECK(world.call({"hook", "certbot"}) == kExitDone);
    CHECK(world.out.str() == "mxseal: mx3.example.org: it is taken\n");
}

TEST_CASE("what the agent refuses is an error of the hook, about this pair alone") {
    HookWorld world;
    world.write_lineage("mx3.example.org");
    REQUIRE(world.call({"hook", "certbot"}) == kExitDone);
    const Json other = Json::object({{"pair", std::string(64, '0')}, {"host", "mx3.example.org"}, {"text", "another one"}, {"refused", true}});
    world.script.request = Json::object({{"replies", Json(Json::Array{other})}});
    CHECK(world.call({"hook", "certbot"}) == kExitDone);
    const Json ours = Json::object({{"pair", world.left().front()}, {"host", "mx3.example.org"}, {"text", "never comes back"}, {"refused", true}});
    world.script.request = Json::object({{"replies", Json(Json::Array{ours})}});
    CHECK(world.call({"hook", "certbot"}) == kExitFailed);
    CHECK(contains(world.err, "never comes back"));
    CHECK_FALSE(contains(world.err, "another one"));
}

TEST_CASE("certificates of other names pass, and so do those of hosts that get theirs from mxseal") {
    HookWorld world;
    for (const char* name : {"www.example.com", "mx1.example.org"}) {
        world.write_lineage(name);
        world.out.str("");
        CHECK(world.call({"hook", "certbot"}) == kExitDone);
        CHECK(contains(world.out, "nothing to do"));
        CHECK(contains(world.out, name));
    }
    CHECK(world.left().empty());
    CHECK(world.script.asked.empty());
}

TEST_CASE("a pair that does not fit is refused before anything is left") {
    HookWorld world;
    world.write_lineage("mx3.example.org");
    std::filesystem::resize_file(world.folder / "fullchain.pem", 600);
    CHECK(world.call({"hook", "certbot"}) == kExitFailed);
    CHECK(contains(world.err, "refused, what is served stays as it is"));
    CHECK(contains(world.err, "fullchain.pem"));
    world.variables.clear();
    CHECK(world.call({"hook", "certbot"}) == kExitFailed);
    CHECK(contains(world.err, "RENEWED_LINEAGE is not set"));
    CHECK(world.left().empty());
}

TEST_CASE("where nobody takes the pair it is kept, and that is no error") {
    HookWorld world;
    world.write_lineage("mx3.example.org");
    world.script.request = Error(ErrorCode::refused, "the sealing key is not at hand here");
    CHECK(world.call({"hook", "files", "--key", (world.folder / "privkey.pem").string(), "--chain", (world.folder / "fullchain.pem").string()}) == kExitDone);
    CHECK(contains(world.out, "is kept and taken by the next"));
    CHECK(world.left().size() == 1);
}

TEST_CASE("dehydrated's other operations end well whatever the configuration says") {
    HookWorld world;
    world.write_config("nonsense: 1\n");
    CHECK(world.call({"hook", "dehydrated", "deploy_challenge", "mx3.example.org", "token", "value", "--x"}) == kExitDone);
    CHECK(world.call({"hook", "dehydrated", "startup_hook"}) == kExitDone);
    CHECK(world.out.str().empty());
    CHECK(world.err.str().empty());
    CHECK(world.call({"hook", "dehydrated", "deploy_cert", "a", "b", "c", "d", "e", "1"}) == kExitUsage);
}
