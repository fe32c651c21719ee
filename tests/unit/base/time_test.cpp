#include "base/time.hpp"

#include <catch2/catch.hpp>

using namespace mxseal;
using namespace std::chrono_literals;

TEST_CASE("durations are a whole number and one unit") {
    CHECK(*parse_duration("30s") == 30s);
    CHECK(*parse_duration("15m") == 15min);
    CHECK(*parse_duration("2w") == 336h);
    for (const char* text : {"", "s", "30", "1.5h", "-1s", "1h30m", "1y", " 1s", "99999999999999w"}) {
        INFO(text);
        CHECK_FALSE(parse_duration(text).ok());
    }
}

TEST_CASE("a duration prints in its largest units") {
    CHECK(to_string(Duration{72h + 1h + 16min}) == "3d 1h 16m");
    CHECK(to_string(Duration{1500}) == "1.5s");
    CHECK(to_string(Duration{0}) == "0s");
    CHECK(to_string(Duration{-5s}) == "-5s");
}

TEST_CASE("instants go to RFC 3339 and back") {
    for (const char* text : {"2026-11-22T12:25:00Z", "1970-01-01T00:00:00Z", "2026-02-28T23:59:59.123Z"}) CHECK(to_rfc3339(*parse_rfc3339(text)) == text);
    for (const char* text : {"2026-11-22", "2026-13-01T00:00:00Z", "2026-02-30T00:00:00Z", "2026-11-22T12:25:00+01:00"}) CHECK_FALSE(parse_rfc3339(text).ok());
}

TEST_CASE("the three date forms of HTTP are read") {
    const auto expected = *parse_rfc3339("1994-11-06T08:49:37Z");
    CHECK(*parse_http_date("Sun, 06 Nov 1994 08:49:37 GMT") == expected);
    CHECK(*parse_http_date("Sunday, 06-Nov-94 08:49:37 GMT") == expected);
    CHECK(*parse_http_date("Sun Nov  6 08:49:37 1994") == expected);
    CHECK_FALSE(parse_http_date("yesterday").ok());
}
