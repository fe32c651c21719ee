#include "agent/domains/policy_body.hpp"

#include <catch2/catch.hpp>

using namespace mxseal;
using namespace mxseal::agent;

namespace {

std::string body(const PolicySettings& settings, const std::string* mx = nullptr, const std::string* before = nullptr) {
    auto made = body_of(settings, mx, before);
    if (auto* none = std::get_if<NoBody>(&made)) return "none: " + none->why;
    return std::get<std::string>(made);
}

} // namespace

TEST_CASE("a body has its lines in the order of the RFC, each ended by CRLF", "[domains][body]") {
    CHECK(render_policy(PolicyMode::enforce, std::chrono::seconds(604800), {"mx1.example.org", "*.example.net"}) ==
          "version: STSv1\r\nmode: enforce\r\nmx: mx1.example.org\r\nmx: *.example.net\r\nmax_age: 604800\r\n");
}

TEST_CASE("patterns of the file come before the goal, the goal before what DNS says", "[domains][body]") {
    PolicySettings settings;
    const std::string seen = "mx1.example.org mx2.example.org";
    CHECK(body(settings, &seen) == "version: STSv1\r\nmode: testing\r\nmx: mx1.example.org\r\nmx: mx2.example.org\r\nmax_age: 86400\r\n");
    settings.mx_goal = {*dns::Name::parse("goal.example.org")};
    CHECK(body(settings, &seen).find("mx: goal.example.org\r\nmax_age") != std::string::npos);
    settings.mx_patterns = {"*.example.org"};
    CHECK(body(settings).find("mode: testing\r\nmx: *.example.org\r\nmax_age") != std::string::npos);
}

TEST_CASE("a policy that follows the MX RRset is widened by it, and narrowed only when somebody asks", "[domains][body]") {
    PolicySettings settings;
    const std::string two = "mx1.example.org mx2.example.org", other = "mx3.example.org";
    const std::string served = body(settings, &two);
    const std::string widened = body(settings, &other, &served);
    CHECK(widened == "version: STSv1\r\nmode: testing\r\nmx: mx1.example.org\r\nmx: mx2.example.org\r\nmx: mx3.example.org\r\nmax_age: 86400\r\n");
    CHECK(body(settings, &two, &widened) == widened);
    settings.mx_goal = {*dns::Name::parse("mx3.example.org")};
    CHECK(body(settings, &other, &widened) == "version: STSv1\r\nmode: testing\r\nmx: mx3.example.org\r\nmax_age: 86400\r\n");
}

TEST_CASE("without a known MX host there is no body, and it says why", "[domains][body]") {
    const std::string none;
    CHECK(body({}) == "none: its MX RRset has not been seen yet");
    CHECK(body({}, &none).starts_with("none: it has no MX RRset"));
}

TEST_CASE("mode none names no hosts and waits for none", "[domains][body]") {
    PolicySettings settings;
    settings.mode = PolicyMode::none;
    CHECK(body(settings) == "version: STSv1\r\nmode: none\r\nmax_age: 86400\r\n");
}

TEST_CASE("a body that senders might not take is not made", "[domains][body]") {
    std::string seen;
    for (int i = 0; i < 500; ++i) seen += (i == 0 ? "" : " ") + std::string("mx") + std::to_string(i) + ".a-rather-long-name.example.org";
    CHECK(body({}, &seen).find("octets, more than 8192") != std::string::npos);
}
