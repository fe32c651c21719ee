#include "agent/control/control_api.hpp"

#include "tests/unit/control/fake_desk.hpp"

#include <catch2/catch.hpp>

using namespace mxseal;
using namespace mxseal::agent;

namespace {

ControlRequest get(std::string path) {
    ControlRequest request;
    request.method = "GET";
    request.path = std::move(path);
    request.host = "127.0.0.1:4711";
    request.authorization = "Bearer secret-token";
    return request;
}

struct World {
    FakeDesk desk;
    ControlApi api{desk, Secret("secret-token")};
};

} // namespace

TEST_CASE("each path asks the desk what it names") {
    World world;
    CHECK(world.api.answer(get("/v1/status")).status == 200);
    auto plan = get("/v1/plan");
    plan.query = {{"host", "a.example.org"}, {"host", "b.example.org"}};
    CHECK(world.api.answer(plan).status == 200);
    auto log = get("/v1/log");
    log.query = {{"host", "a.example.org"}, {"after", "7"}, {"limit", "10"}};
    CHECK(world.api.answer(log).status == 200);
    auto post = get("/v1/requests");
    post.method = "POST";
    post.body = R"({"command":"halt"})";
    CHECK(world.api.answer(post).status == 200);
    CHECK(world.desk.asked() == std::vector<std::string>{"status", "plan a.example.org b.example.org", "log a.example.org 7 10", R"(request {"command": "halt"})"});
}

TEST_CASE("a request without the right token asks nothing") {
    World world;
    for (const char* field : {"", "secret-token", "Bearer ", "Bearer secret-toke", "Bearer secret-tokens", "Basic secret-token", "bearer secret-token"}) {
        auto request = get("/v1/status");
        request.authorization = field;
        auto reply = world.api.answer(request);
        CHECK(reply.status == 401);
        CHECK(reply.body["code"].as_string() == "auth_failed");
    }
    CHECK(world.desk.asked().empty());
}

TEST_CASE("a Host field that is not this machine is refused even with the token") {
    World world;
    for (const char* host : {"", "evil.example.org", "evil.example.org:80", "127.0.0.1.evil.example.org", "[::1]:80", "localhost.evil.example.org"}) {
        auto request = get("/v1/status");
        request.host = host;
        CHECK(world.api.answer(request).status == 403);
    }
    CHECK(world.desk.asked().empty());
    auto request = get("/v1/status");
    request.host = "localhost:4711";
    CHECK(world.api.answer(request).status == 200);
}

TEST_CASE("a body is refused by its length before it is read") {
    World world;
    auto request = get("/v1/requests");
    request.method = "POST";
    request.content_length = kControlBodyMax;
    CHECK_FALSE(world.api.refuse(request));
    request.content_length = kControlBodyMax + 1;
    REQUIRE(world.api.refuse(request));
    CHECK(world.api.refuse(request)->status == 413);
    request.content_length = 0;
    request.chunked = true;
    CHECK(world.api.refuse(request)->status == 411);
}

TEST_CASE("a query that is not understood is an error, not ignored") {
    World world;
    const std::vector<std::pair<std::string, std::string>> wrong{{"after", "x"}, {"after", "-1"}, {"limit", "10002"}, {"limit", "1e3"}, {"hsot", "a"}, {"limit", "99999999999999999999"}};
    for (const auto& pair : wrong) {
        auto request = get("/v1/log");
        request.query = {pair};
        CHECK(world.api.answer(request).status == 400);
    }
    CHECK(world.desk.asked().empty());
}

TEST_CASE("errors of the desk keep their code and their words") {
    World world;
    auto request = get("/v1/plan");
    request.query = {{"host", "unknown.example.org"}};
    auto reply = world.api.answer(request);
    CHECK(reply.status == 404);
    CHECK(reply.body["code"].as_string() == "not_found");
    CHECK(reply.body["error"].as_string() == "no such host");
}

TEST_CASE("unknown paths, other methods and bodies that are no object are errors") {
    World world;
    CHECK(world.api.answer(get("/")).status == 404);
    CHECK(world.api.answer(get("/v1/status/")).status == 404);
    auto post = get("/v1/status");
    post.method = "POST";
    CHECK(world.api.answer(post).status == 404);
    for (const char* body : {"", "[]", "{", "1"}) {
        auto request = get("/v1/requests");
        request.method = "POST";
        request.body = body;
        CHECK(world.api.answer(request).status == 400);
    }
    CHECK(world.desk.asked().empty());
}
