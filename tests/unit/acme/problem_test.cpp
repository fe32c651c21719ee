#include "agent/acme/problem.hpp"

#include <catch2/catch.hpp>

namespace mxseal::agent {

namespace {

Instant at(const char* text) { return parse_rfc3339(text).value(); }

Error error_of(int status, const std::string& type) {
    return to_error(parse_problem(status, Json::object({{"type", "urn:ietf:params:acme:error:" + type}, {"detail", "words"}}).dump()), "asking");
}

} // namespace

TEST_CASE("each type says whether it helps to come back") {
    struct Row {
        const char* type;
        int status;
        ErrorCode code;
        Retry::Kind retry;
    };
    const Row rows[] = {{"rateLimited", 403, ErrorCode::rate_limited, Retry::Kind::after},
                        {"userActionRequired", 403, ErrorCode::refused, Retry::Kind::never},
                        {"externalAccountRequired", 403, ErrorCode::unsupported, Retry::Kind::never},
                        {"accountDoesNotExist", 400, ErrorCode::not_found, Retry::Kind::transient},
                        {"badCSR", 400, ErrorCode::refused, Retry::Kind::never},
                        {"badPublicKey", 400, ErrorCode::refused, Retry::Kind::never},
                        {"caa", 403, ErrorCode::refused, Retry::Kind::transient},
                        {"dns", 400, ErrorCode::transient, Retry::Kind::transient},
                        {"serverInternal", 500, ErrorCode::transient, Retry::Kind::transient},
                        {"rejectedIdentifier", 400, ErrorCode::refused, Retry::Kind::never},
                        {"unheardOf", 400, ErrorCode::protocol, Retry::Kind::transient},
                        {"unheardOf", 429, ErrorCode::rate_limited, Retry::Kind::after},
                        {"serverInternal", 503, ErrorCode::rate_limited, Retry::Kind::after}};
    for (const Row& row : rows) {
        INFO(row.type << " " << row.status);
        Error error = error_of(row.status, row.type);
        CHECK(error.code() == row.code);
        CHECK(error.retry().kind == row.retry);
        CHECK(error.peer_text() == "words");
    }
}

TEST_CASE("a limited rate without a time rests an hour, with one exactly so long") {
    CHECK(error_of(429, "rateLimited").retry().delay == std::chrono::hours(1));
    Problem problem = parse_problem(429, "{}");
    problem.retry_after = std::chrono::seconds(7);
    CHECK(to_error(problem, "asking").retry().delay == std::chrono::seconds(7));
}

TEST_CASE("Retry-After is seconds or a date") {
    Instant now = at("2026-11-22T12:00:00Z");
    CHECK(parse_retry_after("120", now) == std::chrono::seconds(120));
    CHECK(parse_retry_after("0", now) == Duration{0});
    CHECK(parse_retry_after("Sun, 22 Nov 2026 12:00:30 GMT", now) == std::chrono::seconds(30));
    CHECK(parse_retry_after("Sun, 22 Nov 2026 11:00:00 GMT", now) == Duration{0});
    for (const char* other : {"", "-1", "soon", "1.5", "12 s", "99999999999999999999999"}) CHECK_FALSE(parse_retry_after(other, now));
}

TEST_CASE("a status that the body claims does not count") {
    CHECK(parse_problem(500, R"({"status": 200, "type": "urn:ietf:params:acme:error:dns"})").status == 500);
}

TEST_CASE("what is no problem document gives its status") {
    for (const char* body : {"", "<html>", "[]", "null", "{\"type\": 3, \"detail\": {}}", "{\"subproblems\": \"x\"}"}) {
        Problem problem = parse_problem(502, body);
        CHECK(problem.type.empty());
        CHECK(to_error(problem, "asking").code() == ErrorCode::transient);
        CHECK(to_error(problem, "asking").message() == "asking: the CA has an internal error (status 502)");
    }
}

TEST_CASE("types of another name space are not ACME's") { CHECK(parse_problem(400, R"({"type": "about:blank"})").type.empty()); }

} // namespace mxseal::agent
