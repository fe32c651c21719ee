#include "agent/observe/policy_fetcher.hpp"
#include "tests/unit/acme/tls_server.hpp"

#include <catch2/catch.hpp>

#include <map>
#include <mutex>

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

Result<FetchedPolicy> fetch(Scripted& transport, const PolicyFetchOptions& options = {}) { return fetch_policy(transport, *dns::Name::parse("example.org"), "192.0.2.1", options); }

// Each address has its own answer; those without one do not answer.
struct Addressed final : HttpTransport {
    Result<HttpResponse> send(const HttpRequest& request) override {
        const std::lock_guard lock(mutex);
        ++asked[request.connect_to];
        const auto found = answers.find(request.connect_to);
        return found == answers.end() ? Result<HttpResponse>(Error(ErrorCode::transient, "no route", Retry::transient())) : Result<HttpResponse>(found->second);
    }
    std::mutex mutex;
    std::map<std::string, HttpResponse> answers;
    std::map<std::string, int> asked;
};

struct Addresses final : Observer {
    rotation::tlsa::DnsObservation observe(const ObservationTarget&) override { return {}; }
    MxObservation observe_mx(const dns::Name&) override { return {}; }
    Result<std::vector<std::string>> addresses(const dns::Name& host) override {
        asked = host;
        return found;
    }
    Result<bool> txt_is_everywhere(const ObservationTarget&, const dns::Name&, std::string_view) override { return false; }
    Result<std::vector<std::string>> found = std::vector<std::string>{};
    dns::Name asked;
};

const SystemClock kClock;
const dns::Name kDomain = dns::Name::parse("example.org").value();

} // namespace

TEST_CASE("a policy is fetched as a sender does: its URL, one address, at most 64 KiB", "[domains][fetch]") {
    Scripted transport;
    CHECK(fetch(transport)->body == "version: STSv1\r\n");
    CHECK(transport.asked.url == "https://mta-sts.example.org/.well-known/mta-sts.txt");
    CHECK(transport.asked.connect_to == "192.0.2.1");
    CHECK(transport.asked.body_limit == 64 * 1024);
    CHECK(transport.asked.public_only);
    CHECK(fetch(transport, {.allow_private = true}).ok());
    CHECK_FALSE(transport.asked.public_only);
}

TEST_CASE("the generation that a replica names is read, and what is no number is none", "[domains][fetch]") {
    Scripted transport;
    CHECK_FALSE(fetch(transport)->generation);
    const auto named = [&](const std::string& value) {
        transport.answer->headers = {{"content-type", "text/plain"}, {"mta-sts-generation", value}};
        return fetch(transport)->generation;
    };
    CHECK(named("0") == 0);
    CHECK(named("18446744073709551615") == 18446744073709551615u);
    for (const char* garbage : {"", "18446744073709551616", "-1", "+1", "7 8", "7, 8", "0x7", "7.0", "seven"}) CHECK_FALSE(named(garbage));
}

TEST_CASE("a round fetches from every address of the endpoint's name, each once", "[domains][fetch]") {
    Addressed transport;
    Addresses observer;
    observer.found = std::vector<std::string>{"192.0.2.1", "192.0.2.2", "2001:db8::1"};
    transport.answers["192.0.2.1"] = {200, {{"content-type", "text/plain"}, {"mta-sts-generation", "7"}}, "one", ""};
    transport.answers["2001:db8::1"] = {200, {{"content-type", "text/plain"}}, "other", ""};
    const auto round = fetch_round(transport, observer, kClock, kDomain, {});
    CHECK(observer.asked.text() == "mta-sts.example.org");
    CHECK(round.error.empty());
    CHECK(round.started <= round.finished);
    REQUIRE(round.fetches.size() == 3);
    CHECK(round.fetches[0].address == "192.0.2.1");
    CHECK(round.fetches[0].body == "one");
    CHECK(round.fetches[0].generation == 7);
    CHECK(round.fetches[0].detail.empty());
    CHECK_FALSE(round.fetches[1].body);
    CHECK(round.fetches[1].detail.find("no route") != std::string::npos);
    CHECK(round.fetches[2].body == "other");
    CHECK_FALSE(round.fetches[2].generation);
    CHECK(transport.asked == std::map<std::string, int>{{"192.0.2.1", 1}, {"192.0.2.2", 1}, {"2001:db8::1", 1}});
}

TEST_CASE("a name without an address, with too many, or that cannot be looked up, is an error of the round", "[domains][fetch]") {
    Addressed transport;
    Addresses observer;
    CHECK(fetch_round(transport, observer, kClock, kDomain, {}).error.find("mta-sts.example.org has no address") != std::string::npos);
    observer.found = std::vector<std::string>(16, "192.0.2.1");
    CHECK(fetch_round(transport, observer, kClock, kDomain, {}).fetches.size() == 16);
    observer.found->push_back("192.0.2.2");
    const auto many = fetch_round(transport, observer, kClock, kDomain, {});
    CHECK(many.error.find("17 addresses, more than 16") != std::string::npos);
    CHECK(many.fetches.empty());
    observer.found = Error(ErrorCode::bogus, "the answer is bogus");
    CHECK(fetch_round(transport, observer, kClock, kDomain, {}).error == "the answer is bogus");
    CHECK(transport.asked == std::map<std::string, int>{{"192.0.2.1", 16}});
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
