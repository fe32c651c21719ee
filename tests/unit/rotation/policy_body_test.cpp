// Policy bodies and their records (RFC 8461 sections 3.1, 3.2 and 4.1).
#include "rotation/mta_sts/body.hpp"
#include "rotation/mta_sts/record.hpp"

#include <catch2/catch.hpp>

using namespace mxseal;
using namespace mxseal::rotation::mta_sts;
using namespace std::chrono_literals;

namespace {

std::string error_of(std::string_view text) {
    auto body = parse_body(text);
    return body.ok() ? "none" : body.error().to_string();
}

} // namespace

TEST_CASE("a body is written in one form, and read in every form that senders take") {
    const PolicyBody body{Mode::enforce, 604800s, {"*.example.net", "mx1.example.org"}};
    CHECK(body.text() == "version: STSv1\r\nmode: enforce\r\nmx: *.example.net\r\nmx: mx1.example.org\r\nmax_age: 604800\r\n");
    CHECK(*parse_body(body.text()) == body);
    // LF alone, white space at the ends of lines, another order, an unknown key, a repeated key, upper case in names.
    CHECK(*parse_body("mx: MX1.Example.org \nmax_age:604800\t\nmx: *.example.net\nnext: thing\nmode: enforce\nmode: testing\nversion: STSv1\nmx: mx1.example.org") == body);
    CHECK(parse_body("version: STSv1\nmode: none\nmax_age: 86400\n")->mode == Mode::none);
    CHECK(parse_body("version: STSv1\nmode: none\nmax_age: 9999999999\n")->max_age == kMaxAgeMost);
}

TEST_CASE("what senders would not take is no body, and is said why") {
    CHECK(error_of("version: STSv2\nmode: none\nmax_age: 1\n").find("version") != std::string::npos);
    CHECK(error_of("version: STSv1\nmode: Enforce\nmx: a.example\nmax_age: 1\n").find("mode") != std::string::npos);
    CHECK(error_of("version: STSv1\nmode: enforce\nmax_age: 1\n").find("mx") != std::string::npos);
    for (const char* age : {"-1", "1d", "", "12345678901"}) CHECK(error_of("version: STSv1\nmode: none\nmax_age: " + std::string(age) + "\n").find("max_age") != std::string::npos);
    for (const char* pattern : {"192.0.2.1", "mx*.example.org", "*.*.example.org", "mx1.example.org.", "*", "a..b"}) {
        INFO(pattern);
        CHECK_FALSE(is_pattern(pattern));
        CHECK(error_of("version: STSv1\nmode: enforce\nmx: " + std::string(pattern) + "\nmax_age: 1\n").find("pattern") != std::string::npos);
    }
}

TEST_CASE("a wildcard stands for exactly one label at the left") {
    CHECK(matches("mx1.example.org", "mx1.example.org"));
    CHECK(matches("*.example.org", "mx1.example.org"));
    CHECK_FALSE(matches("*.example.org", "example.org"));
    CHECK_FALSE(matches("*.example.org", "a.mx1.example.org"));
    CHECK_FALSE(matches("mx1.example.org", "mx2.example.org"));
}

TEST_CASE("a record begins with the octets v=STSv1; and its id is letters and digits") {
    CHECK(record_of("20261122") == "v=STSv1; id=20261122;");
    CHECK(id_of("v=STSv1; id=20261122;") == "20261122");
    CHECK(id_of("v=STSv1;id=a1 ; ext=x; id=b") == "a1");
    CHECK_FALSE(is_sts("v=STSv1 ;id=x"));
    CHECK_FALSE(is_sts("V=STSv1;id=x"));
    for (const char* record : {"v=STSv1; id=;", "v=STSv1; id=a-b;", "v=STSv1; id=123456789012345678901234567890123;", "v=STSv1;", "v=spf1 -all"}) CHECK_FALSE(id_of(record));
}

TEST_CASE("a new id is none that was ever used, whatever the clock says") {
    const Instant now = *parse_rfc3339("2026-11-22T13:54:00Z");
    const std::string first = new_id(now, "body", {});
    CHECK(first.size() == 22);
    CHECK(first.starts_with("20261122135400"));
    const std::string second = new_id(now, "body", {first});
    CHECK(second != first);
    CHECK(new_id(now, "body", {second, first}) != second);
    CHECK(new_id(now, "other body", {}) != first);
    CHECK(id_of(record_of(second)) == second);
}
