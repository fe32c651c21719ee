// tests/golden/timeline: what people see. After a change on purpose run `test_timeline [.write-golden]` and look at the pictures.
#include "agent/timeline/svg.hpp"
#include "agent/timeline/text.hpp"
#include "tests/unit/timeline/scripted.hpp"

using namespace mxseal;
using namespace mxseal::timeline;

namespace {

// A roll of a host in real life, drawn in the middle of its clean-up wait; a host of two algorithms.
const std::vector<std::string> kScenes{"roll", "two_algorithms"};

std::string text(const std::string& name) { return plain(text_of(scene(name + ".json"), 100)); }
std::string narrow(const std::string& name) { return plain(text_of(scene(name + ".json"), 20)); }
std::string svg(const std::string& name) { return svg_of(scene(name + ".json")); }

} // namespace

TEST_CASE("the text picture reads as its golden file") {
    for (const auto& name : kScenes) {
        INFO(name);
        CHECK(text(name) == read_golden(name + ".txt"));
        CHECK(narrow(name) == read_golden(name + "_narrow.txt"));
    }
}

TEST_CASE("the SVG picture reads as its golden file") {
    for (const auto& name : kScenes) {
        INFO(name);
        CHECK(svg(name) == read_golden(name + ".svg"));
    }
}

TEST_CASE("the JSON of the picture reads as its golden file") {
    for (const auto& name : kScenes) {
        INFO(name);
        CHECK(to_json(scene(name + ".json")).dump_indented() == read_golden(name + "_picture.json"));
    }
}

TEST_CASE("no line of the chart is wider than asked, and none needs more than ASCII") {
    for (const auto& name : kScenes)
        for (const std::size_t width : {80UL, 100UL, 132UL, 240UL}) {
            std::istringstream lines(plain(text_of(scene(name + ".json"), width)));
            for (std::string line; std::getline(lines, line);) {
                INFO(line);
                CHECK(line.size() <= width);
                CHECK(std::all_of(line.begin(), line.end(), [](char c) { return c >= 0x20 && c < 0x7f; }));
            }
        }
}

TEST_CASE("write the golden pictures", "[.write-golden]") {
    for (const auto& name : kScenes) {
        std::ofstream(golden_file(name + ".txt")) << text(name);
        std::ofstream(golden_file(name + "_narrow.txt")) << narrow(name);
        std::ofstream(golden_file(name + ".svg")) << svg(name);
        std::ofstream(golden_file(name + "_picture.json")) << to_json(scene(name + ".json")).dump_indented();
    }
}
