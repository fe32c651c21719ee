#include "base/json.hpp"

#include "base/json_reader.hpp"

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

TEST_CASE("typed values are read back, and the first field that does not fit is named") {
    using namespace document;
    const Json json = *Json::parse(R"({"at": 1500, "ttl": 60, "names": ["a", "b"], "none": null, "flag": true})");
    CHECK(in<Instant>(json, "at") == from_unix_ms(1500));
    CHECK(in<Ttl>(json, "ttl") == Ttl(60));
    CHECK(in<std::vector<std::string>>(json, "names") == std::vector<std::string>{"a", "b"});
    CHECK_FALSE(in<std::optional<Instant>>(json, "none").has_value());
    CHECK_FALSE(in<std::optional<Instant>>(json, "absent").has_value());
    CHECK(in<std::optional<bool>>(json, "flag") == true);
    const auto misfit = [](auto read) {
        try {
            read();
        } catch (const Misfit& found) {
            return std::string(found.field);
        }
        return std::string();
    };
    CHECK(misfit([&] { in<std::int64_t>(json, "flag"); }) == "flag");
    CHECK(misfit([&] { in<std::vector<Instant>>(json, "names"); }) == "names");
    CHECK(misfit([&] { in<std::vector<std::string>>(json, "absent"); }) == "absent");
    CHECK(misfit([&] { in<std::optional<std::string>>(json, "ttl"); }) == "ttl");
}
