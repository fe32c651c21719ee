#include "agent/observe/policy_fetcher.hpp"
#include "tests/unit/acme/tls_server.hpp"

#include <catch2/catch.hpp>

using namespace mxseal;
using namespace mxseal::agent;

namespace {

struct Scripted final : HttpTransport {
    Result<HttpResponse> send(const HttpRequest& request) override {
        asked = request;
        return answer;
    }
    Result<HttpResponse> answer = HttpResponse{200, {{"content-type", "text/plain; charset=utf-8"}}, "version: STSv1\r\n", "192.0.2.1"};
    HttpRequest asked;
};

Result<std::string> fetch(Scripted& transport, const PolicyFetchOptions& options = {}) { return fetch_policy(transport, *dns::Name::parse("example.org"), "192.0.2.1", options); }

} // namespace

TEST_CASE("a policy is fetched as a sender does: its URL, one address, at most 64 KiB", "[domains][fetch]") {
    Scripted transport;
    CHECK(*fetch(transport) == "version: STSv1\r\n");
    CHECK(transport.asked.url == "https://mta-sts.example.org/.well-known/mta-sts.txt");
    CHECK(transport.asked.connect_to == "192.0.2.1");
    CHECK(transport.asked.body_limit == 64 * 1024);
    CHECK(transport.asked.public_only);
    CHECK(fetch(transport, {.allow_private = true}).ok());
    CHECK_FALSE(transport.asked.public_only);
}

TEST_CASE("anything but 200 and text/plain is what a sender stops at", "[domains][fetch]") {
    Scripted transport;
    for (int status : {204, 301, 302, 304, 404, 421, 500}) {
        transport.answer->status = status;
        auto refused = fetch(transport);
        REQUIRE_FALSE(refused);
        CHECK(refused.error().message().find("status " + std::to_string(status)) != std::string::npos);
    }
    transport.answer->status = 200;
    for (const char* type : {"text/html", "text/plainer", ""}) {
        transport.answer->headers = {{"content-type", type}};
        CHECK_FALSE(fetch(transport));
    }
    transport.answer->headers.clear();
    CHECK_FALSE(fetch(transport));
    transport.answer = Error(ErrorCode::transient, "no route", Retry::transient());
    CHECK(fetch(transport).error().to_string().find("192.0.2.1") != std::string::npos);
}

TEST_CASE("the transport goes to the address that it is given, under the name of the URL, and not to a private one unasked", "[domains][fetch]") {
    mxseal::testing::TlsServer server("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello");
    auto transport = make_curl_transport({server.ca_file(), "mxseal/test"});
    HttpRequest request;
    request.url = server.url("/");
    request.timeout = std::chrono::seconds(5);
    request.connect_to = "127.0.0.1";
    auto good = transport->send(request);
    REQUIRE(good);
    CHECK(good->body == "hello");
    request.connect_to = "127.0.0.77"; // nobody listens there
    CHECK(transport->send(request).error().code() == ErrorCode::transient);
    request.connect_to = "127.0.0.1";
    request.public_only = true;
    CHECK(transport->send(request).error().code() == ErrorCode::refused);
    request.connect_to = "127.0.0.1\r\n";
    CHECK(transport->send(request).error().code() == ErrorCode::invalid);
}
