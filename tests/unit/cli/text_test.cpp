#include "agent/cli/text.hpp"

#include "agent/cli/live_screen.hpp"

#include <catch2/catch.hpp>

using namespace mxseal;
using namespace mxseal::cli;

TEST_CASE("what a terminal would obey is not printed") {
    CHECK(printable("a\033[2Jb") == "a?[2Jb");
    CHECK(printable("bell\a, back\b, line\nfeed\r") == "bell?, back?, line?feed?");
    CHECK(printable("del\x7f") == "del?");
    CHECK(printable("csi\xc2\x9b" "2J") == "csi?2J");                     // C1 as UTF-8
    CHECK(printable("raw\x9b" "2J") == "raw?2J");                         // C1 as an octet
    CHECK(printable("turn\xe2\x80\xae" "ed") == "turn?ed");               // U+202E
    CHECK(printable("cut\xe2\x80") == "cut??");
    CHECK(printable("overlong\xc0\x9b") == "overlong??");
    CHECK(printable("surrogate\xed\xa0\x80") == "surrogate???");
    CHECK(printable("two\nlines", Lines::keep) == "two\nlines");
}

TEST_CASE("letters of other scripts are printed") {
    CHECK(printable("gr\xc3\xbc\xc3\x9f" "e \xe2\x82\xac \xf0\x9f\x93\xa7") == "gr\xc3\xbc\xc3\x9f" "e \xe2\x82\xac \xf0\x9f\x93\xa7");
}

TEST_CASE("JSON stays the same JSON without what a terminal obeys") {
    const Json value = Json::object({{"a", "x\x7fy\xc2\x9bz\033"}, {"b", "gr\xc3\xbcn"}});
    const auto safe = printable_json(value.dump());
    CHECK(safe.find('\x7f') == std::string::npos);
    CHECK(safe.find('\x9b') == std::string::npos);
    auto again = Json::parse(safe);
    REQUIRE(again);
    CHECK((*again)["a"].as_string() == value["a"].as_string());
    CHECK((*again)["b"].as_string() == value["b"].as_string());
}

TEST_CASE("sentences are wrapped at spaces under their first word") {
    CHECK(wrapped("  why  ", "one two three", 15) == "  why  one two\n       three\n");
    CHECK(wrapped("- ", "averyverylongword next", 10) == "- averyverylongword\n  next\n");
    CHECK(wrapped("- ", "", 10) == "-\n");
    CHECK(wrapped("", "\xc3\xbc\xc3\xbc \xc3\xbc\xc3\xbc", 5) == "\xc3\xbc\xc3\xbc \xc3\xbc\xc3\xbc\n"); // columns, not octets
}

TEST_CASE("columns are as wide as their widest cell, colours count for nothing") {
    CHECK(table({{{"A"}, {"B"}}, {{"long"}, {"x"}}}, " ", {}) == " A     B\n long  x\n");
    CHECK(table({{{"A", Colour::bad}, {"B"}}, {{"long"}, {"x"}}}, "", {true, 80}) == "\033[1;31mA\033[0m     B\nlong  x\n");
}

TEST_CASE("counts are said as people say them") {
    CHECK(plural(0, "host") == "0 hosts");
    CHECK(plural(1, "certificate authority") == "1 certificate authority");
    CHECK(plural(2, "certificate authority") == "2 certificate authorities");
}

TEST_CASE("a frame fits the screen and says so when it does not hold all") {
    CHECK(frame("a\nb\n", 10) == "\033[Ha\033[K\r\nb\033[K\r\n\033[J");
    const auto cut = frame("a\nb\nc\nd\n", 3);
    CHECK(cut.find("b\033[K") != std::string::npos);
    CHECK(cut.find("c\033[K") == std::string::npos);
    CHECK(cut.find("mxseal status") != std::string::npos);
}
