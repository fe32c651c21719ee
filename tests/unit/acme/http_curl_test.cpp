#include "base/http.hpp"

#include "tests/unit/acme/tls_server.hpp"

#include <catch2/catch.hpp>

namespace mxseal {

namespace {

using testing::TlsServer;

constexpr const char* kHello = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-Thing:  Some Words \r\nConnection: close\r\n\r\nhello";

HttpRequest get(const std::string& url) {
    HttpRequest request;
    request.url = url;
    request.timeout = std::chrono::seconds(5);
    return request;
}

ErrorCode code_of(const Result<HttpResponse>& response) { return response ? ErrorCode::internal : response.error().code(); }

} // namespace

TEST_CASE("an answer comes with its status, its fields in lower case and its body") {
    TlsServer server(kHello);
    auto transport = make_curl_transport({server.ca_file(), "mxseal/test"});
    HttpRequest request = get(server.url("/a?b"));
    request.method = "POST";
    request.headers = {{"content-type", "application/jose+json"}};
    request.body = "{}";
    auto response = transport->send(request);
    REQUIRE(response);
    CHECK(response->status == 200);
    CHECK(response->body == "hello");
    CHECK(response->peer_address == "127.0.0.1");
    REQUIRE(response->header("x-thing") != nullptr);
    CHECK(*response->header("x-thing") == "Some Words");
    std::string sent = server.requests().at(0);
    CHECK(sent.starts_with("POST /a?b HTTP/1.1\r\n"));
    CHECK(sent.find("User-Agent: mxseal/test\r\n") != std::string::npos);
    CHECK(sent.find("content-type: application/jose+json\r\n") != std::string::npos);
    CHECK(sent.find("Expect") == std::string::npos);
}

TEST_CASE("HEAD waits for no body") {
    TlsServer server("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nReplay-Nonce: abc\r\nConnection: close\r\n\r\n");
    HttpRequest request = get(server.url());
    request.method = "HEAD";
    auto response = make_curl_transport({server.ca_file(), ""})->send(request);
    REQUIRE(response);
    CHECK(*response->header("replay-nonce") == "abc");
    CHECK(response->body.empty());
}

TEST_CASE("a redirect is an answer and is not followed") {
    TlsServer server("HTTP/1.1 302 Found\r\nLocation: https://localhost/\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    auto response = make_curl_transport({server.ca_file(), ""})->send(get(server.url()));
    REQUIRE(response);
    CHECK(response->status == 302);
    CHECK(server.requests().size() == 1);
}

TEST_CASE("a peer whom nobody vouches for, or of another name, is not spoken to") {
    TlsServer server(kHello);
    CHECK(code_of(make_curl_transport({"", ""})->send(get(server.url()))) == ErrorCode::protocol);
    CHECK(code_of(make_curl_transport({server.ca_file(), ""})->send(get(server.url("/", "127.0.0.1")))) == ErrorCode::protocol);
    CHECK(server.requests().empty());
}

TEST_CASE("a body that is longer than allowed is cut off") {
    TlsServer server("HTTP/1.1 200 OK\r\nContent-Length: 40\r\nConnection: close\r\n\r\n" + std::string(40, 'x'));
    auto transport = make_curl_transport({server.ca_file(), ""});
    HttpRequest request = get(server.url());
    request.body_limit = 39;
    CHECK(code_of(transport->send(request)) == ErrorCode::protocol);
    request.body_limit = 40;
    CHECK(transport->send(request).ok());
}

TEST_CASE("a field section without an end is cut off") {
    std::string fields;
    for (int i = 0; i < 2000; ++i) fields += "x-filler: " + std::string(60, 'x') + "\r\n";
    TlsServer server("HTTP/1.1 200 OK\r\n" + fields + "\r\n");
    CHECK(code_of(make_curl_transport({server.ca_file(), ""})->send(get(server.url()))) == ErrorCode::protocol);
}

TEST_CASE("a connection that breaks after the request leaves it open whether it was carried out") {
    TlsServer server("");
    auto transport = make_curl_transport({server.ca_file(), ""});
    HttpRequest request = get(server.url());
    request.method = "POST";
    request.body = "{}";
    CHECK(code_of(transport->send(request)) == ErrorCode::ambiguous);
    CHECK(server.requests().size() == 1); // and is not sent again behind our back
}

TEST_CASE("silence after the request is ambiguous, and ends with the time limit") {
    TlsServer server("silence");
    HttpRequest request = get(server.url());
    request.timeout = std::chrono::milliseconds(300);
    CHECK(code_of(make_curl_transport({server.ca_file(), ""})->send(request)) == ErrorCode::ambiguous);
}

TEST_CASE("where nobody listens nothing was sent") {
    std::string url;
    {
        TlsServer gone(kHello);
        url = gone.url();
    }
    CHECK(code_of(make_curl_transport({"", ""})->send(get(url))) == ErrorCode::transient);
}

TEST_CASE("a public target that resolves to an inner address is refused before a connection is made") {
    TlsServer server(kHello);
    HttpRequest request = get(server.url());
    request.public_only = true;
    CHECK(code_of(make_curl_transport({server.ca_file(), ""})->send(request)) == ErrorCode::refused);
    CHECK(server.requests().empty());
}

TEST_CASE("nothing is sent in the clear, and no field smuggles another one") {
    auto transport = make_curl_transport({"", ""});
    CHECK(code_of(transport->send(get("http://localhost/"))) == ErrorCode::invalid);
    CHECK(code_of(transport->send(get("file:///etc/passwd"))) == ErrorCode::invalid);
    HttpRequest request = get("https://localhost/");
    request.headers = {{"x-a", "1\r\nx-b: 2"}};
    CHECK(code_of(transport->send(request)) == ErrorCode::invalid);
}

} // namespace mxseal
