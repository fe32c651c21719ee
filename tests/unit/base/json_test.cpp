#include "base/json.hpp"

#include <catch2/catch.hpp>

using namespace mxseal;

TEST_CASE("a document keeps the order of its members from text to text") {
    const std::string text = R"({"z": 1, "a": [true, null, "x\ny"], "m": {"k": -5}})";
    const auto parsed = Json::parse(text);
    REQUIRE(parsed.ok());
    CHECK(parsed->dump() == text);
}

TEST_CASE("what is absent or of another type is nothing, not an error") {
    const Json json = Json::object({{"name", "mx1"}});
    CHECK(json["name"].as_string() == "mx1");
    CHECK_FALSE(json["name"].as_integer().has_value());
    CHECK(json["other"]["deeper"].is_null());
}

TEST_CASE("what is no JSON is refused") {
    for (const char* text : {"", "{", "{\"a\":}", "nul", "[1,]"}) {
        INFO(text);
        CHECK_FALSE(Json::parse(text).ok());
    }
}
