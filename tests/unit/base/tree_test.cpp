// Holds the tree against its own rules: who may include whom, where clocks are read and who may sleep.
#include <catch2/catch.hpp>

#include <filesystem>
#include <fstream>
#include <map>
#include <regex>
#include <set>
#include <string>
#include <vector>

namespace {

namespace fs = std::filesystem;
const fs::path kRoot = MXSEAL_SOURCE_DIR;

std::vector<fs::path> sources_under(const std::string& folder) {
    std::vector<fs::path> files;
    for (const auto& entry : fs::recursive_directory_iterator(kRoot / folder))
        if (entry.path().extension() == ".cpp" || entry.path().extension() == ".hpp") files.push_back(entry.path());
    return files;
}

std::vector<std::string> lines_of(const fs::path& file) {
    std::ifstream in(file);
    std::vector<std::string> lines;
    for (std::string line; std::getline(in, line);) lines.push_back(line);
    return lines;
}

} // namespace

TEST_CASE("includes point down the arrows: base below rotation, providers and the endpoint, agent above all, the simulation around it") {
    const std::map<std::string, std::set<std::string>> allowed{
        {"base", {"base"}}, {"rotation", {"base", "rotation"}}, {"providers", {"base", "providers"}}, {"mta-sts-server", {"base", "mta-sts-server"}}, {"agent", {"base", "rotation", "providers", "mta-sts-server", "agent"}},
        {"simulation", {"base", "rotation", "agent", "simulation"}}};
    const std::regex include(R"(^#include "([a-z-]+)/)");
    for (const auto& [folder, may] : allowed) {
        const auto files = sources_under(folder);
        REQUIRE(files.size() > 5);
        for (const fs::path& file : files)
            for (const std::string& line : lines_of(file)) {
                std::smatch found;
                if (!std::regex_search(line, found, include)) continue;
                INFO(file << ": " << line);
                // `mxseal simulate`: the executable hands the world to the commands, the simulated one too (docs/decisions/0011).
                const bool hands_in = fs::relative(file, kRoot) == "agent/cli/main.cpp" && found[1] == "simulation";
                CHECK((may.contains(found[1]) || hands_in));
            }
    }
}

TEST_CASE("rotation reads no clock, sleeps nowhere and knows no library of the outside") {
    const std::regex forbidden(R"(system_clock::now|steady_clock|clock_gettime|sleep_for|<thread>|<mutex>|<openssl/|<SQLiteCpp|<sqlite3|<sys/socket|<cpprest|<ldns|std::random)");
    for (const fs::path& file : sources_under("rotation"))
        for (const std::string& line : lines_of(file)) {
            INFO(file << ": " << line);
            CHECK_FALSE(std::regex_search(line, forbidden));
        }
}

TEST_CASE("clocks are read behind Clock, and where sockets have their time limits") {
    const std::regex reads(R"(system_clock::now|steady_clock::now|clock_gettime\()");
    const std::set<std::string> may{"base/time.cpp", "base/dns/socket.hpp", "base/dns/socket.cpp", "base/http_curl.cpp", "agent/observe/deadline.hpp", "agent/deploy/reload.cpp",
                                    "agent/control/control_server.cpp", "agent/control/connection.cpp", "agent/control/exchange.cpp"};
    for (const char* folder : {"base", "rotation", "providers", "mta-sts-server", "agent"})
        for (const fs::path& file : sources_under(folder)) {
            const auto name = fs::relative(file, kRoot).string();
            if (may.contains(name) || name.starts_with("agent/observe/") || name.starts_with("agent/control/") || name.starts_with("agent/cli/")) continue;
            for (const std::string& line : lines_of(file)) {
                INFO(name << ": " << line);
                CHECK_FALSE(std::regex_search(line, reads));
            }
        }
}

TEST_CASE("a header of ours names no heavy library") {
    const std::regex heavy(R"(#include <(cpprest|boost|ldns|SQLiteCpp|sqlite3|yaml-cpp|CLI|curl|unbound))");
    for (const char* folder : {"base", "rotation", "providers", "mta-sts-server", "agent"})
        for (const fs::path& file : sources_under(folder)) {
            if (file.extension() != ".hpp" || file.filename() == "ldns_handles.hpp") continue; // private to the .cpp files of base/dns
            for (const std::string& line : lines_of(file)) {
                INFO(file << ": " << line);
                CHECK_FALSE(std::regex_search(line, heavy));
            }
        }
}
