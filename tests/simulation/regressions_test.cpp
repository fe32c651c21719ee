// Failures that were found once, run for ever. A file: lines `key value`, `#` begins a comment that tells what it was.
#include "simulation/run.hpp"

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <sstream>

using namespace mxseal;
using namespace mxseal::simulation;

namespace {

Plan plan_of_file(const std::filesystem::path& file) {
    std::optional<std::uint64_t> seed;
    std::optional<double> intensity; // absent: that of the seed
    bool stated = false;             // in the stated world
    bool silent_authority = false;   // found before the CA said anything about renewals
    std::set<Strike> only;
    std::ifstream in(file);
    for (std::string line; std::getline(in, line);) {
        std::istringstream words(line);
        std::string key, name;
        if (!(words >> key) || key.front() == '#') continue;
        if (key == "seed") {
            std::uint64_t value = 0;
            REQUIRE((words >> value));
            seed = value;
        } else if (key == "stated") {
            stated = true;
        } else if (key == "without_renewal_info") {
            silent_authority = true;
        } else if (key == "intensity") {
            double value = 0;
            REQUIRE((words >> value));
            intensity = value;
        } else {
            INFO(file << ": " << line);
            REQUIRE(key == "strike");
            std::uint32_t number = 0;
            REQUIRE((words >> name >> number));
            auto fault = parse_fault(name);
            REQUIRE(fault.has_value());
            only.insert({*fault, number});
        }
    }
    REQUIRE(seed.has_value());
    Plan plan = plan_of_seed(*seed, true);
    if (intensity) plan.faults = FaultOptions::random_subset(*seed).times(*intensity);
    if (stated) plan.setting = stated_setting();
    if (silent_authority) plan.setting = without_renewal_info(std::move(plan.setting));
    if (!only.empty()) plan.only = std::move(only);
    return plan;
}

} // namespace

TEST_CASE("no failure that was found comes back") {
    std::size_t files = 0;
    for (const auto& entry : std::filesystem::directory_iterator(MXSEAL_REGRESSIONS)) {
        ++files;
        INFO(entry.path());
        const Outcome outcome = run(plan_of_file(entry.path()));
        for (const Violation& each : outcome.violations) FAIL_CHECK(to_string(each.check) << " " << each.host << " " << to_rfc3339(each.at) << ": " << each.text);
    }
    CHECK(files > 0);
}
