// RFC 9773 towards a CA: what is asked, what is made of the answers, and `replaces` in an order.
#include "agent/acme/acme_authority.hpp"

#include "tests/unit/acme/fake_ca.hpp"
#include "tests/unit/keys/test_ca.hpp"

#include <catch2/catch.hpp>

namespace mxseal::agent::testing {

namespace {

constexpr const char* kId = "aYhba4dGQEHhs3uEe6CuLN4ByNQ.AIdlQyE";

struct World {
    FakeClock clock;
    FakeSleeper sleeper{clock};
    FakePublisher publisher;
    MemoryJournal journal;
    FakeCa ca{publisher, clock};
    PrivateKey key = PrivateKey::generate(rotation::Algorithm::ecdsa_p256).value();
    std::string former = TestCa(clock.now, clock.now + std::chrono::hours(24))
                             .issue(key.get(), {{"mx1.example.org"}, "leaf", "", clock.now, clock.now + std::chrono::hours(24), false, "69885b6b87464041e1b37b847ba0ae2cde01c8d4", "87654321"});

    World() {
        ca.sign_for(key);
        ca.offers_renewal_info = true;
    }
    AcmeAuthority authority() { return AcmeAuthority({"test", ca.base + "/directory", {}, true}, {ca, journal, publisher, clock, sleeper}); }
    Result<std::optional<RenewalInfo>> ask() { return authority().renewal_info(former); }
    std::string obtain() {
        auto pem = authority().obtain({{dns::Name::parse("mx1.example.org").value()}, key, former});
        return pem ? "a certificate" : pem.error().to_string();
    }
    void says(std::string body, std::vector<std::pair<std::string, std::string>> headers = {}, int status = 200) {
        ca.renewal_info = [=, this](const std::string& id) {
            asked.push_back(id);
            return HttpResponse{status, headers, body, ""};
        };
    }
    std::vector<std::string> asked;
};

constexpr const char* kWindow = R"({"suggestedWindow": {"start": "2026-12-01T00:00:00Z", "end": "2026-12-03T06:30:00Z"}, "explanationURL": "https://ca.example/why"})";

} // namespace

TEST_CASE("the window is fetched without an account, under the id of the certificate") {
    World world;
    world.says(kWindow, {{"retry-after", "21600"}});
    auto info = world.ask();
    REQUIRE(info);
    REQUIRE(*info);
    CHECK(to_rfc3339((*info)->start) == "2026-12-01T00:00:00Z");
    CHECK(to_rfc3339((*info)->end) == "2026-12-03T06:30:00Z");
    CHECK((*info)->explanation == "https://ca.example/why");
    CHECK((*info)->retry_after == std::chrono::hours(6));
    CHECK(world.asked == std::vector<std::string>{kId});
    CHECK(world.ca.requests == 2); // the directory and the window
    CHECK(world.ca.accounts == 0);
}

TEST_CASE("a CA without renewalInfo is not asked, and a certificate without an id is not asked about") {
    World world;
    world.says(kWindow);
    world.ca.offers_renewal_info = false;
    auto info = world.ask();
    REQUIRE(info);
    CHECK_FALSE(*info);
    world.ca.offers_renewal_info = true;
    world.former = make_self_signed(world.key, names({"mx1.example.org"}), world.clock.now, std::chrono::hours(24)).value();
    info = world.ask();
    REQUIRE(info);
    CHECK_FALSE(*info);
    CHECK(world.asked.empty());
}

TEST_CASE("an answer without a window that can be read is an error, with what the CA said apart") {
    for (const char* body : {"", "<html>", "{}", "[]", R"({"suggestedWindow": []})", R"({"suggestedWindow": {"start": "2026-12-01T00:00:00Z"}})",
                             R"({"suggestedWindow": {"start": "soon", "end": "2026-12-03T00:00:00Z"}})", R"({"suggestedWindow": {"start": 5, "end": 6}})"}) {
        World world;
        world.says(body);
        auto info = world.ask();
        INFO(body);
        REQUIRE_FALSE(info);
        CHECK(info.error().code() == ErrorCode::protocol);
        CHECK(info.error().message().find("<html>") == std::string::npos);
        CHECK(info.error().peer_text() == body);
    }
}

TEST_CASE("a window that ends before it begins is handed on as it was said: the core decides what counts") {
    World world;
    world.says(R"({"suggestedWindow": {"start": "2026-12-03T00:00:00Z", "end": "2026-12-01T00:00:00Z"}})");
    auto info = world.ask();
    REQUIRE(info);
    REQUIRE(*info);
    CHECK((*info)->start > (*info)->end);
}

TEST_CASE("the address of the explanation is escaped and cut") {
    World world;
    world.says(R"({"suggestedWindow": {"start": "2026-12-01T00:00:00Z", "end": "2026-12-03T00:00:00Z"}, "explanationURL": "https://ca.example/\u001b[2J)" + std::string(5000, 'x') + "\"}");
    auto info = world.ask();
    REQUIRE(info);
    REQUIRE(*info);
    CHECK((*info)->explanation.size() <= 310);
    CHECK((*info)->explanation.find('\x1b') == std::string::npos);
}

TEST_CASE("a CA that does not know the certificate, or asks to come later, is an error with its Retry-After") {
    World world;
    world.says(R"({"type": "urn:ietf:params:acme:error:malformed", "detail": "no such certificate"})", {{"retry-after", "7200"}}, 404);
    auto info = world.ask();
    REQUIRE_FALSE(info);
    CHECK(info.error().peer_text() == "no such certificate");
    world.says("", {{"retry-after", "7200"}}, 503);
    info = world.ask();
    REQUIRE_FALSE(info);
    CHECK(info.error().retry().kind == Retry::Kind::after);
    CHECK(info.error().retry().delay == std::chrono::hours(2));
}

TEST_CASE("a public CA that names a private address for renewalInfo is refused") {
    World world;
    world.says(kWindow);
    world.ca.base = "https://ca.example";
    world.ca.fault = FakeCa::Fault{1, false, [] {
        return HttpResponse{200, {}, R"({"newNonce": "https://ca.example/n", "newAccount": "https://ca.example/a", "newOrder": "https://ca.example/o", "renewalInfo": "https://10.0.0.1/r"})", ""};
    }};
    auto info = world.ask();
    REQUIRE_FALSE(info);
    CHECK(info.error().code() == ErrorCode::refused);
    CHECK(world.ca.requests == 1);
}

TEST_CASE("a renewal says which certificate it replaces, to a CA that offers renewalInfo and to no other") {
    World world;
    CHECK(world.obtain() == "a certificate");
    CHECK(world.ca.replaced == std::vector<std::string>{kId});
    World without;
    without.ca.offers_renewal_info = false;
    CHECK(without.obtain() == "a certificate");
    CHECK(without.ca.replaced.empty());
}

TEST_CASE("an order that is refused with `replaces` is opened once more without it") {
    for (const auto& refusal : {FakeCa::problem(409, "alreadyReplaced"), FakeCa::problem(400, "malformed"), FakeCa::problem(403, "unauthorized")}) {
        World world;
        world.ca.replaces_refused = refusal;
        CHECK(world.obtain() == "a certificate");
        CHECK(world.ca.replaced.size() == 1);
        CHECK(world.ca.orders == 1);
    }
}

TEST_CASE("a limited rate is not a refusal of `replaces`") {
    World world;
    world.ca.replaces_refused = FakeCa::problem(429, "rateLimited");
    CHECK(world.obtain().find("rateLimited") != std::string::npos);
    CHECK(world.ca.orders == 0);
    CHECK(world.ca.replaced.size() == 1);
}

} // namespace mxseal::agent::testing
