#include "agent/cli/arguments.hpp"

#include <fstream>
#include <sstream>

#include <catch2/catch.hpp>

using namespace mxseal::cli;

namespace {

Parsed parse(std::vector<std::string> words) { return parse_arguments(std::move(words), "0.1.0"); }

Arguments good(std::vector<std::string> words) {
    auto parsed = parse(std::move(words));
    INFO(parsed.text);
    REQUIRE(parsed.arguments);
    return *parsed.arguments;
}

} // namespace

TEST_CASE("each command is understood with what belongs to it") {
    CHECK(good({"config", "check"}).verb == Verb::config_check);
    CHECK(good({"apply", "--json"}).json);
    CHECK(good({"agent"}).verb == Verb::agent);
    CHECK(good({"plan"}).hosts.empty());
    CHECK(good({"plan", "a.example.org", "b.example.org"}).hosts == std::vector<std::string>{"a.example.org", "b.example.org"});
    CHECK(good({"status", "--watch"}).watch);
    CHECK(good({"halt", "--all", "--why", "moving"}).why == "moving");
    const auto added = good({"mx", "add", "example.org", "mx3.example.net", "mx4.example.net"});
    CHECK(added.verb == Verb::mx_add);
    CHECK(added.mx_domain == "example.org");
    CHECK(added.mx_hosts == std::vector<std::string>{"mx3.example.net", "mx4.example.net"});
    CHECK(added.hosts.empty()); // these need be none of the configuration
    CHECK(good({"resume", "a.example.org"}).verb == Verb::resume);
    const auto serve = good({"serve", "--snapshot", "s", "--listen", "127.0.0.1:443", "--listen", "[::1]:443", "--listen-http", "[::]:80", "--status", "127.0.0.1:8443", "--threads", "2", "--state-file", "f"});
    CHECK(serve.verb == Verb::serve);
    CHECK(serve.listen == std::vector<std::string>{"127.0.0.1:443", "[::1]:443"});
    CHECK(serve.listen_http.size() == 1);
    CHECK(serve.status_address.size() == 1);
    CHECK(serve.threads == 2u);
    CHECK(serve.state_file == "f");
    const auto log = good({"log", "a.example.org", "--follow", "--limit", "7"});
    CHECK(log.follow);
    CHECK(log.limit == 7);
    const auto roll = good({"roll", "a.example.org", "--emergency", "--accept-risk", "stolen laptop", "--key", std::string(64, 'A'), "--wait"});
    CHECK(roll.verb == Verb::roll);
    CHECK(roll.emergency);
    CHECK(roll.accept_risk == "stolen laptop");
    CHECK(roll.key == std::string(64, 'a'));
    CHECK(roll.wait);
}

TEST_CASE("simulate is understood with what belongs to it") {
    const auto usual = good({"simulate"});
    CHECK(usual.verb == Verb::simulate);
    CHECK(usual.years == 1);
    CHECK(usual.seed == 1);
    CHECK(usual.faults == SimulatedFaults::apart);
    CHECK(usual.hosts.empty());
    const auto asked = good({"simulate", "--years", "0.5", "--seed", "7", "--host", "a.example.org", "--fault", "killed", "--fault", "halted", "--svg", "a.svg"});
    CHECK(asked.years == 0.5);
    CHECK(asked.seed == 7);
    CHECK(asked.hosts == std::vector<std::string>{"a.example.org"});
    CHECK(asked.fault_names == std::vector<std::string>{"killed", "halted"});
    CHECK(asked.svg == "a.svg");
    CHECK(good({"simulate", "--no-faults"}).faults == SimulatedFaults::none);
    CHECK(good({"simulate", "--faults"}).faults == SimulatedFaults::everywhere);
}

TEST_CASE("domain is understood with what belongs to it") {
    const auto add = good({"domain", "add", "a.example", "b.example", "--profile", "strict", "--json"});
    CHECK(add.verb == Verb::domain_add);
    CHECK(add.domains == std::vector<std::string>{"a.example", "b.example"});
    CHECK(add.profile == "strict");
    CHECK(add.json);
    CHECK(good({"domain", "remove", "a.example"}).verb == Verb::domain_remove);
    CHECK(good({"domain", "import", "-"}).import_file == "-");
    CHECK_FALSE(good({"domain", "list"}).profile);
}

TEST_CASE("--config stands before or after the command") {
    CHECK(good({"--config", "x.yaml", "status"}).config == "x.yaml");
    CHECK(good({"status", "--config", "x.yaml"}).config == "x.yaml");
    CHECK(good({"config", "check", "--config", "x.yaml"}).config == "x.yaml");
}

TEST_CASE("wrong usage is said in a sentence and exits with 2") {
    const std::vector<std::pair<std::vector<std::string>, std::string>> table{
        {{}, "subcommand"},
        {{"rol"}, "'rol' is not a command"},
        {{"config"}, "subcommand"},
        {{"status", "--wath"}, "--wath"},
        {{"roll"}, "at least one HOST"},
        {{"roll", "a.example.org", "--accept-risk", "x"}, "--emergency"},
        {{"roll", "a.example.org", "--back", "--emergency"}, "--back"},
        {{"roll", "a.example.org", "--back", "--key", std::string(64, 'a')}, "--back"},
        {{"roll", "a.example.org", "--emergency", "--accept-risk", ""}, "reason"},
        {{"roll", "a.example.org", "--key", "0a1b2c3d"}, "64 hexadecimal digits"},
        {{"halt"}, "--all"},
        {{"resume"}, "--all"},
        {{"halt", "a.example.org", "--all"}, "exclude"},
        {{"halt", "--all", "--why", std::string(501, 'x')}, "500"},
        {{"log", "a.example.org", "b.example.org"}, "At Most 1"},
        {{"log", "--limit", "0"}, "--limit"},
        {{"timeline"}, "timeline wants a HOST"},
        {{"timeline", "a.example.org", "b.example.org"}, "At Most 1"},
        {{"timeline", "a.example.org", "--svg", ""}, "--svg"},
        {{"timeline", "a.example.org", "--svg", "a.svg", "--json"}, "--svg and --json exclude each other"},
        {{"log", "--limit", "many"}, "--limit"},
        {{"simulate", "--years", "0"}, "--years"},
        {{"simulate", "--years", "101"}, "--years"},
        {{"simulate", "--years", "soon"}, "--years"},
        {{"simulate", "--seed", "-1"}, "--seed"},
        {{"simulate", "--faults", "--no-faults"}, "faults"},
        {{"simulate", "--fault", "killed", "--no-faults"}, "--no-faults"},
        {{"simulate", "--svg", "a.svg", "--json"}, "--svg and --json exclude each other"},
        {{"simulate", "a.example.org"}, "a.example.org"},
        {{"domain"}, "subcommand"},
        {{"domain", "add"}, "NAME"},
        {{"domain", "remove", "--profile", "x", "a.example"}, "--profile"},
        {{"domain", "import"}, "FILE"},
        {{"domain", "list", "a.example"}, "a.example"},
    };
    for (const auto& [words, expected] : table) {
        const auto parsed = parse(words);
        INFO(parsed.text);
        CHECK_FALSE(parsed.arguments);
        CHECK(parsed.exit_code == kExitUsage);
        CHECK(parsed.text.find(expected) != std::string::npos);
        CHECK(parsed.text.starts_with("mxseal: "));
    }
}

TEST_CASE("the version and the help are no mistakes") {
    CHECK(parse({"--version"}).text == "mxseal 0.1.0\n");
    CHECK(parse({"--version"}).exit_code == kExitDone);
    const auto help = parse({"--help"});
    CHECK(help.exit_code == kExitDone);
    for (const char* command : {"config", "plan", "apply", "agent", "status", "roll", "halt", "resume", "log", "timeline", "simulate", "domain"}) {
        CHECK(help.text.find(command) != std::string::npos);
        const auto own = parse({command, "--help"});
        CHECK(own.exit_code == kExitDone);
        CHECK(own.text.find("Example: mxseal ") != std::string::npos);
    }
}

TEST_CASE("the manual page names every command and every option of the help") {
    std::ifstream file(MXSEAL_SOURCE_DIR "/docs/manual/mxseal.1.md");
    std::stringstream page;
    page << file.rdbuf();
    for (const auto& command : std::vector<std::vector<std::string>>{{"config", "check"}, {"plan"}, {"apply"}, {"agent"}, {"status"}, {"roll"}, {"halt"}, {"resume"}, {"log"}, {"timeline"}, {"simulate"},
                                                                          {"domain", "add"}, {"domain", "remove"}, {"domain", "import"}, {"domain", "list"}}) {
        auto words = command;
        words.push_back("--help");
        std::istringstream help(parse(words).text);
        std::string word;
        while (help >> word) {
            if (word.starts_with("--")) {
                const auto option = word.substr(0, word.find_first_of(",:"));
                INFO(option);
                CHECK(page.str().find(option) != std::string::npos);
            }
        }
        std::string name = command.front();
        if (command.size() > 1) name += " " + command.back();
        CHECK(page.str().find("**" + name + "**") != std::string::npos);
    }
}
