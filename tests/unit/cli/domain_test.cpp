#include "agent/store/memory_store.hpp"
#include "tests/unit/cli/fake_world.hpp"

using namespace mxseal;
using namespace mxseal::cli;

namespace {

struct Domains : FakeWorld {
    Domains() {
        write_config("endpoint: {certificate: self-signed}\nprofiles: {default: {mta_sts: {mode: testing}}, strict: {mta_sts: {mode: enforce}}}\ndomains: {file.example: {}}\n");
        environment.open_roster = [this](const agent::Config& config) -> Result<std::unique_ptr<agent::DomainRoster>> {
            return std::make_unique<agent::DomainRoster>(config, agent::make_memory_store(database), clock);
        };
    }
    std::string file(const std::string& text) {
        const auto path = folder / "import.txt";
        std::ofstream(path) << text;
        return path.string();
    }
    std::shared_ptr<agent::MemoryDatabase> database = std::make_shared<agent::MemoryDatabase>();
};

} // namespace

TEST_CASE_METHOD(Domains, "domains are added, listed and removed") {
    CHECK(call({"domain", "add", "a.example", "b.example", "--profile", "strict"}) == kExitDone);
    CHECK(out.str() == "2 domains added, 0 changed, 0 unchanged; a running agent takes it up within seconds\n");
    out.str("");
    CHECK(call({"domain", "list"}) == kExitDone);
    CHECK(out.str().find("a.example     strict   store  2026-11-22T12:25:00Z  operator") != std::string::npos);
    CHECK(out.str().find("file.example  default  file") != std::string::npos);
    CHECK(call({"domain", "remove", "a.example"}) == kExitDone);
    out.str("");
    CHECK(call({"domain", "list", "--json"}) == kExitDone);
    auto listed = Json::parse(out.str());
    REQUIRE((*listed)["domains"].items().size() == 2);
    CHECK((*listed)["domains"].items()[0]["domain"].as_string() == "b.example");
    CHECK((*listed)["domains"].items()[0]["in_store"].as_bool() == true);
}

TEST_CASE_METHOD(Domains, "an import with a mistake says file and line and stores nothing") {
    CHECK(call({"domain", "import", file("a.example\nb_c.example\n")}) == kExitUsage);
    CHECK(err.str().find("import.txt:2: 'b_c.example' is not a mail domain") != std::string::npos);
    CHECK(err.str().find("nothing was imported") != std::string::npos);
    CHECK(database->writes() == 0);
}

TEST_CASE_METHOD(Domains, "an import of thousands is one write") {
    std::string text;
    for (int i = 0; i < 5000; ++i) text += "d" + std::to_string(i) + ".example strict\n";
    CHECK(call({"domain", "import", file(text), "--json"}) == kExitDone);
    CHECK((*Json::parse(out.str()))["added"].as_integer() == 5000);
    CHECK(database->writes() == 1);
}

TEST_CASE_METHOD(Domains, "what cannot be done says why, with the exit code of its kind") {
    CHECK(call({"domain", "add", "not a domain"}) == kExitUsage);
    CHECK(call({"domain", "import", (folder / "none.txt").string()}) == kExitUsage);
    CHECK(err.str().find("none.txt cannot be read: No such file") != std::string::npos);
    CHECK(call({"domain", "remove", "file.example"}) == kExitFailed);
    CHECK(err.str().find("delete " + (folder / "mxseal.yaml").string()) != std::string::npos);
    CHECK(call({"domain", "add", "a.example", "--profile", "gone"}) == kExitFailed);
    CHECK(err.str().find("'gone' is not a name in `profiles`") != std::string::npos);
}
