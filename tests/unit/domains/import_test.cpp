#include "agent/domains/roster.hpp"
#include "tests/unit/domains/configs.hpp"

using namespace mxseal;
using namespace mxseal::agent;

namespace {

std::vector<DomainOrder> orders(const std::string& text) {
    auto parsed = parse_import(usual_config(), text, "customers.txt");
    if (auto* mistakes = std::get_if<ImportMistakes>(&parsed)) FAIL(mistakes->lines.front());
    return std::get<std::vector<DomainOrder>>(std::move(parsed));
}

std::vector<std::string> mistakes(const std::string& text) {
    auto parsed = parse_import(usual_config(), text, "customers.txt");
    auto* found = std::get_if<ImportMistakes>(&parsed);
    REQUIRE(found != nullptr);
    return found->lines;
}

} // namespace

TEST_CASE("an import is one domain a line, with its profile or without, and comments", "[domains][import]") {
    auto all = orders("# customers\n\nA.Example\n  b.example.\tstrict  # paid\r\nc.example#no space\n#\nd.example default");
    REQUIRE(all.size() == 4);
    CHECK(all[0].name.text() == "a.example");
    CHECK_FALSE(all[0].profile);
    CHECK(all[1].name.text() == "b.example");
    CHECK(all[1].profile == "strict");
    CHECK(all[2].name.text() == "c.example");
    CHECK(all[3].profile == "default");
    CHECK(orders("").empty());
    CHECK(orders("# nothing\n").empty());
}

TEST_CASE("each mistake of an import says its line and nothing is given", "[domains][import]") {
    auto all = mistakes("a.example\nnot_a_host.example\nb.example unknown\nc.example strict more\nA.example.\n\xff\x1b[2J.example\norg\n");
    REQUIRE(all.size() == 6);
    CHECK(all[0].starts_with("customers.txt:2: 'not_a_host.example' is not a mail domain: it holds an underscore"));
    CHECK(all[1].starts_with("customers.txt:3: 'unknown' is not a name in `profiles`"));
    CHECK(all[2].starts_with("customers.txt:4: has 3 words"));
    CHECK(all[3] == "customers.txt:5: a.example stands in line 1 already; allowed: once");
    CHECK(all[4].find('\x1b') == std::string::npos);
    CHECK(all[5].starts_with("customers.txt:7: "));
}

TEST_CASE("mistakes beyond fifty are counted", "[domains][import]") {
    std::string text;
    for (int i = 0; i < 1000; ++i) text += "_\n";
    auto all = mistakes(text);
    CHECK(all.size() == 51);
    CHECK(all.back() == "customers.txt: 950 more mistakes");
}
