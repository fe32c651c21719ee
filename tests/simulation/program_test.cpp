// `mxseal simulate` as a user runs it: the program itself, on the configuration of the README.
#include "base/json.hpp"
#include "tests/temporary_folder.hpp"

#include <filesystem>
#include <fstream>
#include <sstream>

#include <stdio.h>
#include <sys/wait.h>

#include <catch2/catch.hpp>

using namespace mxseal;

namespace {

struct Ran {
    int exit_code = -1;
    std::string text; // both streams
};

Ran run(const std::string& arguments) {
    Ran ran;
    FILE* pipe = ::popen(("env -i " MXSEAL_PROGRAM " " + arguments + " 2>&1").c_str(), "r");
    REQUIRE(pipe != nullptr);
    char buffer[4096];
    while (const std::size_t got = ::fread(buffer, 1, sizeof buffer, pipe)) ran.text.append(buffer, got);
    const int status = ::pclose(pipe);
    if (WIFEXITED(status)) ran.exit_code = WEXITSTATUS(status);
    return ran;
}

// The first YAML block of a page, without its indent.
std::string yaml_of(const std::string& page) {
    std::ifstream in(std::string(MXSEAL_SOURCE_DIR "/") + page);
    std::string out;
    std::size_t indent = 0;
    bool inside = false;
    for (std::string line; std::getline(in, line);) {
        const auto first = line.find_first_not_of(' ');
        const bool fence = first != std::string::npos && line.compare(first, 3, "```") == 0;
        if (fence && inside) return out;
        if (fence && line.find("yaml") != std::string::npos) {
            inside = true;
            indent = first;
        } else if (inside) {
            out += line.substr(std::min(indent, line.size())) + "\n";
        }
    }
    return out;
}

// The arguments that run the program on this configuration.
std::string simulate_with(const TemporaryFolder& folder, const std::string& text) { return "--config " + folder.write("mxseal.yaml", text).string() + " simulate "; }

} // namespace

TEST_CASE("the configuration of the README lives for half a year, and its picture is drawn") {
    const TemporaryFolder folder;
    const auto simulate = simulate_with(folder, yaml_of("README.md"));
    const Ran ran = run(simulate + "--years 0.5 --fault endpoint_down --svg " + (folder / "roll.svg").string());
    INFO(ran.text);
    CHECK(ran.exit_code == 0);
    CHECK(ran.text.find("Simulated: 182d 12h, seed 1\n") == 0);
    CHECK(ran.text.find("mx1.example.org  90d           2      0          ") != std::string::npos);
    CHECK(ran.text.find(" made, 0 failed, 0 deferred by a foreign hand\n") != std::string::npos);
    CHECK(ran.text.find("+ TTL 1h + safety_margin 16m + stale_margin 3d") != std::string::npos);
    CHECK(ran.text.find("endpoint_down: one address of a host cannot be reached\n    the roll ends ") != std::string::npos);
    CHECK(ran.text.find("PROMISE BROKEN") == std::string::npos);
    std::ifstream svg(folder / "roll.svg");
    std::stringstream picture;
    picture << svg.rdbuf();
    CHECK(picture.str().find("<svg ") != std::string::npos);
    CHECK(picture.str().find("switch from key") != std::string::npos);
    // Nothing but the configuration and the picture: neither state nor files of the MTA.
    CHECK(std::distance(std::filesystem::directory_iterator(folder.path()), std::filesystem::directory_iterator()) == 2);
}

TEST_CASE("another rotate_every in the file is seen in the answer") {
    const TemporaryFolder folder;
    auto text = yaml_of("README.md");
    const std::string key = "certificate: letsencrypt\n";
    const auto at = text.rfind(key);
    REQUIRE(at != std::string::npos);
    text.insert(at + key.size(), "    rotate_every: 30d\n");
    const Ran ran = run(simulate_with(folder, text) + "--years 0.5 --no-faults --json");
    INFO(ran.text);
    CHECK(ran.exit_code == 0);
    auto json = Json::parse(ran.text);
    REQUIRE(json);
    CHECK((*json)["hosts"].items().front()["rolls"].as_integer() == 6);
    CHECK((*json)["deliveries"]["failed"].as_integer() == 0);
    CHECK((*json)["picture"]["keys"].items().size() >= 3);
    CHECK((*json)["faults"].items().empty());
}

TEST_CASE("a mistake in the file, or in what is asked, is said and exits with 2") {
    const TemporaryFolder folder;
    const auto wrong = run(simulate_with(folder, "hosts:\n  mx1.example.org: {rotate_every: 90x}\n"));
    CHECK(wrong.exit_code == 2);
    CHECK(wrong.text.find("mxseal.yaml:2: ") != std::string::npos);
    const auto simulate = simulate_with(folder, yaml_of("README.md"));
    CHECK(run(simulate + "--years 1000").exit_code == 2);
    const auto fault = run(simulate + "--years 0.01 --fault boom");
    CHECK(fault.exit_code == 2);
    CHECK(fault.text.find("'boom' is no kind of fault; allowed: ") != std::string::npos);
}
