// renewalInfo over HTTPS, as it goes over the wire.
#include "agent/acme/renewal_info.hpp"

#include "tests/unit/acme/tls_server.hpp"

#include <catch2/catch.hpp>

namespace mxseal::agent {

using mxseal::testing::TlsServer;

namespace {

// One document that is a directory and an answer of renewalInfo.
std::string document(const TlsServer& server, const std::string& window) {
    const std::string body = R"({"newNonce": ")" + server.url("/nonce") + R"(", "newAccount": ")" + server.url("/account") + R"(", "newOrder": ")" + server.url("/order") +
                             R"(", "renewalInfo": ")" + server.url("/renewal/") + R"(", "suggestedWindow": )" + window + "}";
    return "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nRetry-After: 21600\r\nContent-Length: " + std::to_string(body.size()) + "\r\nConnection: close\r\n\r\n" + body;
}

Result<std::optional<RenewalInfo>> ask(TlsServer& server) {
    auto transport = make_curl_transport({server.ca_file(), "mxseal/test"});
    const SystemClock clock;
    AcmeSession session(*transport, clock, server.url("/directory"));
    return read_renewal_info(session, "aYhba4dGQEHhs3uEe6CuLN4ByNQ.AIdlQyE");
}

} // namespace

TEST_CASE("the window of a certificate is one GET without a body and without a signature") {
    TlsServer server("");
    server.answer_with(document(server, R"({"start": "2026-12-01T00:00:00Z", "end": "2026-12-03T00:00:00.250Z"})"));
    auto info = ask(server);
    REQUIRE(info);
    REQUIRE(*info);
    CHECK(to_rfc3339((*info)->end) == "2026-12-03T00:00:00.250Z");
    CHECK((*info)->retry_after == std::chrono::hours(6));
    const auto requests = server.requests();
    REQUIRE(requests.size() == 2);
    CHECK(requests[0].starts_with("GET /directory HTTP/1.1\r\n"));
    CHECK(requests[1].starts_with("GET /renewal/aYhba4dGQEHhs3uEe6CuLN4ByNQ.AIdlQyE HTTP/1.1\r\n"));
    CHECK(requests[1].find("jose") == std::string::npos);
}

TEST_CASE("a CA that closes the connection, or answers a page of a proxy, gives no window and an error that says so") {
    TlsServer server("");
    auto info = ask(server);
    REQUIRE_FALSE(info);
    CHECK(info.error().retry().kind != Retry::Kind::never);
    server.answer_with(document(server, "\"<html>\""));
    info = ask(server);
    REQUIRE_FALSE(info);
    CHECK(info.error().code() == ErrorCode::protocol);
    CHECK(info.error().message().find("no window that can be read") != std::string::npos);
}

} // namespace mxseal::agent
