// tests/golden/config: what each file says. After a change on purpose run `test_config [.write-golden]` and read the diff.
#include "tests/unit/config/texts.hpp"

#include <algorithm>

using namespace mxseal;
using namespace mxseal::agent;
namespace fs = std::filesystem;

namespace {

std::vector<fs::path> golden_files() {
    std::vector<fs::path> files;
    for (const auto& entry : fs::directory_iterator(fs::path(MXSEAL_SOURCE_DIR) / "tests/golden/config"))
        if (entry.path().extension() == ".yaml") files.push_back(entry.path());
    std::sort(files.begin(), files.end());
    return files;
}

fs::path expected_file(fs::path yaml) { return yaml.replace_extension(".txt"); }
std::string report_on(const fs::path& yaml) { return report_of(parse_config(text_of(yaml), "mxseal.yaml")); }

} // namespace

TEST_CASE("each golden configuration says exactly what it should", "[config][golden]") {
    auto files = golden_files();
    REQUIRE(files.size() >= 16);
    for (const auto& yaml : files) {
        INFO(yaml.filename().string());
        CHECK(report_on(yaml) == text_of(expected_file(yaml)));
    }
}

TEST_CASE("no golden report shows a secret", "[config][golden]") {
    for (const auto& yaml : golden_files()) {
        auto report = report_on(yaml);
        for (const char* secret : {"do-not-print-me", "c2VjcmV0", "bXkgc2Vj"}) CHECK(report.find(secret) == std::string::npos);
    }
}

TEST_CASE("write the golden reports", "[.write-golden]") {
    for (const auto& yaml : golden_files()) std::ofstream(expected_file(yaml)) << report_on(yaml);
}
