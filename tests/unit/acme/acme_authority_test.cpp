#include "agent/acme/acme_authority.hpp"

#include "tests/unit/acme/fake_ca.hpp"

#include <catch2/catch.hpp>

namespace mxseal::agent::testing {

namespace {

struct World {
    FakeClock clock;
    FakeSleeper sleeper{clock};
    FakePublisher publisher;
    MemoryJournal journal;
    FakeCa ca{publisher, clock};
    PrivateKey key = PrivateKey::generate(rotation::Algorithm::ecdsa_p256).value();
    std::vector<dns::Name> names{dns::Name::parse("mx1.example.org").value(), dns::Name::parse("mx1.example.net").value()};
    bool accept_terms = true;
    std::vector<std::string> contact{"mailto:hostmaster@example.org"};

    World() { ca.sign_for(key); }
    // Each call is a process of its own: nothing but the journal is carried over.
    Result<std::string> obtain() {
        AcmeAuthority authority({"test", ca.base + "/directory", contact, accept_terms, std::chrono::minutes(15)}, {ca, journal, publisher, clock, sleeper});
        return authority.obtain({names, key});
    }
};

std::string outcome(const Result<std::string>& pem) { return pem ? "a certificate" : pem.error().to_string(); }

int requests_of_a_good_run() {
    World world;
    REQUIRE(outcome(world.obtain()) == "a certificate");
    return world.ca.requests;
}

struct Fault {
    std::string name;
    bool after_acting;
    std::function<Result<HttpResponse>()> answer;
};

std::vector<Fault> faults() {
    auto error = [](ErrorCode code) { return [code]() -> Result<HttpResponse> { return Error(code, "made to fail", Retry::transient()); }; };
    auto answer = [](HttpResponse response) { return [response]() -> Result<HttpResponse> { return response; }; };
    return {{"no connection", false, error(ErrorCode::transient)},
            {"the answer is lost", true, error(ErrorCode::ambiguous)},
            {"sent, not carried out", false, error(ErrorCode::ambiguous)},
            {"TLS is refused", false, error(ErrorCode::protocol)},
            {"an internal error", false, answer(FakeCa::problem(500, "serverInternal"))},
            {"an internal error after acting", true, answer(FakeCa::problem(500, "serverInternal"))},
            {"a page of a proxy", false, answer({502, {}, "<html>bad gateway</html>", ""})},
            {"an empty answer", false, answer({200, {}, "", ""})},
            {"JSON of something else", false, answer({200, {}, "{\"a\": [1]}", ""})},
            {"a bad nonce", false, answer(FakeCa::problem(400, "badNonce"))}};
}

} // namespace

TEST_CASE("one order brings the certificate and leaves nothing behind") {
    World world;
    REQUIRE(outcome(world.obtain()) == "a certificate");
    CHECK(world.ca.orders == 1);
    CHECK(world.ca.accounts == 1);
    CHECK(world.ca.challenges == 2);
    CHECK(world.publisher.published == 2);
    CHECK(world.publisher.values.empty());
    CHECK(world.journal.count("acme_order") == 0);
    CHECK(world.journal.count("acme_back_off") == 0);
}

TEST_CASE("whatever fails at whichever request, the next run ends with the certificate") {
    int last = requests_of_a_good_run();
    for (const Fault& fault : faults())
        for (int at = 1; at <= last; ++at) {
            INFO(fault.name << " at request " << at);
            World world;
            world.ca.fault = FakeCa::Fault{at, fault.after_acting, fault.answer};
            auto first = world.obtain();
            CHECK(world.publisher.values.empty()); // E-17: also after a failure
            if (!first) {
                CHECK(first.error().retry().kind != Retry::Kind::never);
                world.clock.advance(std::chrono::hours(24));
                REQUIRE(outcome(world.obtain()) == "a certificate");
            }
            // Only an order whose address never reached us can be opened a second time.
            bool lost_address = fault.after_acting && world.ca.orders == 2;
            CHECK((world.ca.orders == 1 || lost_address));
            CHECK(world.ca.finalizations <= world.ca.orders);
            CHECK(world.publisher.values.empty());
            CHECK(world.journal.count("acme_order") == 0);
        }
}

TEST_CASE("killed after any write, the next start resumes the one order") {
    bool survived = false;
    int writes = 1;
    for (; !survived; ++writes) {
        REQUIRE(writes < 50);
        World world;
        world.journal.kill_after(writes);
        try {
            survived = world.obtain().ok();
        } catch (const Killed&) {
        }
        world.journal.live();
        INFO("killed after write " << writes);
        if (survived) break;
        bool finished = world.journal.count("acme_order") == 0 && world.ca.finalizations == 1; // the last write removes the order
        REQUIRE(outcome(world.obtain()) == "a certificate");
        CHECK(world.ca.orders == (finished ? 2 : 1));
        CHECK(world.ca.accounts <= 2);
        CHECK(world.publisher.values.empty());
        CHECK(world.journal.count("acme_order") == 0);
    }
    CHECK(writes > 6);
}

TEST_CASE("three refused nonces cost three requests and nothing else") {
    World world;
    world.ca.bad_nonces = 3;
    REQUIRE(outcome(world.obtain()) == "a certificate");
    CHECK(world.ca.orders == 1);
    CHECK(world.ca.accounts == 1);
}

TEST_CASE("a CA that refuses every nonce is left alone after six requests") {
    World world;
    world.ca.bad_nonces = 1000;
    auto pem = world.obtain();
    REQUIRE_FALSE(pem);
    CHECK(pem.error().code() == ErrorCode::busy);
    CHECK(world.ca.bad_nonces == 1000 - 6);
}

TEST_CASE("a limited rate is waited out exactly to the date that the CA names, over restarts too") {
    World world;
    REQUIRE(outcome(world.obtain()) == "a certificate");
    HttpResponse limited = FakeCa::problem(429, "rateLimited", "too many certificates");
    limited.headers.emplace_back("retry-after", "Sun, 22 Nov 2026 14:00:00 GMT");
    world.clock.now = parse_rfc3339("2026-11-22T12:30:00Z").value();
    world.ca.fault = FakeCa::Fault{world.ca.requests + 3, false, [limited]() -> Result<HttpResponse> { return limited; }};
    auto refused = world.obtain();
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code() == ErrorCode::rate_limited);
    CHECK(refused.error().retry().delay == std::chrono::minutes(90));
    int asked = world.ca.requests;
    world.clock.advance(std::chrono::minutes(30));
    auto again = world.obtain();
    REQUIRE_FALSE(again);
    CHECK(again.error().retry().delay == std::chrono::hours(1));
    CHECK(world.ca.requests == asked);
    world.clock.advance(std::chrono::hours(1));
    CHECK(outcome(world.obtain()) == "a certificate");
}

TEST_CASE("an order that is not ready after all is polled, then finalized") {
    World world;
    world.ca.not_ready = 2;
    REQUIRE(outcome(world.obtain()) == "a certificate");
    CHECK(world.ca.orders == 1);
    CHECK(world.ca.finalizations == 1);
}

TEST_CASE("polls wait as long as the CA asks") {
    World world;
    REQUIRE(outcome(world.obtain()) == "a certificate");
    REQUIRE_FALSE(world.sleeper.slept.empty());
    CHECK(std::count(world.sleeper.slept.begin(), world.sleeper.slept.end(), std::chrono::seconds(3)) > 0);
}

TEST_CASE("an authorization that is valid already needs no challenge") {
    World world;
    world.ca.authorization_is_valid = true;
    REQUIRE(outcome(world.obtain()) == "a certificate");
    CHECK(world.ca.challenges == 0);
    CHECK(world.publisher.published == 0);
}

TEST_CASE("a failed validation shows the words of the CA and rests longer each time, a day at most") {
    World world;
    world.ca.validation_fails = true;
    Duration expected = std::chrono::minutes(15);
    for (int failures = 1; failures <= 9; ++failures) {
        auto pem = world.obtain();
        REQUIRE_FALSE(pem);
        CHECK(pem.error().to_string().find("no such TXT; mx1.example.org: dns: SERVFAIL") != std::string::npos);
        REQUIRE(pem.error().retry().kind == Retry::Kind::after);
        CHECK(pem.error().retry().delay == std::min<Duration>(expected, std::chrono::hours(24)));
        CHECK(world.publisher.values.empty());
        CHECK(world.ca.orders == failures);
        world.clock.advance(pem.error().retry().delay);
        expected *= 2;
    }
    world.ca.validation_fails = false;
    CHECK(outcome(world.obtain()) == "a certificate");
    CHECK(world.journal.count("acme_back_off") == 0);
}

TEST_CASE("a certificate for another key is refused and the order forgotten") {
    World world;
    auto other = PrivateKey::generate(rotation::Algorithm::ecdsa_p256).value();
    world.ca.sign_for(other);
    auto pem = world.obtain();
    REQUIRE_FALSE(pem);
    CHECK(pem.error().code() == ErrorCode::protocol);
    CHECK(pem.error().message().find(other.spki().hex()) != std::string::npos);
    world.ca.sign_for(world.key);
    world.clock.advance(std::chrono::hours(1));
    CHECK(outcome(world.obtain()) == "a certificate");
    CHECK(world.ca.orders == 2);
}

TEST_CASE("an order that was finalized for another key is not resumed") {
    World world;
    // Die when the finalization has been sent: the write before it is account key, account, order, two values, finalization.
    world.journal.kill_after(6);
    CHECK_THROWS_AS(world.obtain(), Killed);
    world.journal.live();
    world.key = PrivateKey::generate(rotation::Algorithm::ecdsa_p256).value();
    world.ca.sign_for(world.key);
    CHECK(outcome(world.obtain()) == "a certificate");
    CHECK(world.ca.orders == 2);
}

TEST_CASE("terms that nobody agreed to are not agreed to, and the operator learns where") {
    World world;
    world.accept_terms = false;
    auto pem = world.obtain();
    REQUIRE_FALSE(pem);
    CHECK(pem.error().code() == ErrorCode::refused);
    CHECK(pem.error().message() == "the CA test has terms of service at https://ca.example/terms; read them, then set `accept_terms: true` at acme.test");
    CHECK(world.ca.accounts == 0);
    CHECK(world.journal.count("acme_account") == 0);
}

TEST_CASE("an account that the CA has forgotten is registered anew at the next try") {
    World world;
    REQUIRE(outcome(world.obtain()) == "a certificate");
    world.ca.account_is_unknown = true;
    auto pem = world.obtain();
    REQUIRE_FALSE(pem);
    CHECK(pem.error().retry().kind == Retry::Kind::transient);
    CHECK(outcome(world.obtain()) == "a certificate");
    CHECK(world.ca.accounts == 2);
}

TEST_CASE("an order of an account that the CA has forgotten is not resumed under the next") {
    World world;
    world.publisher.fail_publish = true;
    REQUIRE_FALSE(world.obtain());
    world.publisher.fail_publish = false;
    world.ca.account_is_unknown = true;
    REQUIRE_FALSE(world.obtain());
    CHECK(outcome(world.obtain()) == "a certificate");
    CHECK(world.ca.orders == 2);
}

TEST_CASE("a CA that forgot the account while our contacts changed gets a new one at once") {
    World world;
    REQUIRE(world.obtain());
    world.contact = {"mailto:tls@example.org"};
    world.ca.account_is_unknown = true;
    REQUIRE(world.obtain());
    CHECK(world.ca.accounts == 2);
    REQUIRE(world.obtain());
    CHECK(world.ca.accounts == 2);
}

TEST_CASE("contacts that changed are told to the CA once") {
    World world;
    REQUIRE(outcome(world.obtain()) == "a certificate");
    world.contact = {"mailto:tls@example.org"};
    for (int i = 0; i < 2; ++i) REQUIRE(outcome(world.obtain()) == "a certificate");
    CHECK(std::count(world.ca.paths.begin(), world.ca.paths.end(), "/account/1") == 1);
}

TEST_CASE("a challenge that cannot be published fails the run and keeps the order") {
    World world;
    world.publisher.fail_publish = true;
    auto pem = world.obtain();
    REQUIRE_FALSE(pem);
    CHECK(pem.error().to_string().find("publishing the challenge of mx1.example.org: no name server answers") != std::string::npos);
    world.publisher.fail_publish = false;
    CHECK(outcome(world.obtain()) == "a certificate");
    CHECK(world.ca.orders == 1);
}

TEST_CASE("a value that could not be removed is removed by the next run") {
    World world;
    world.publisher.fail_remove = true;
    REQUIRE(outcome(world.obtain()) == "a certificate");
    CHECK(world.publisher.values.size() == 2);
    world.publisher.fail_remove = false;
    REQUIRE(outcome(world.obtain()) == "a certificate");
    CHECK(world.publisher.values.empty());
    CHECK(world.journal.count("acme_order") == 0);
}

TEST_CASE("objects on inner addresses or in the clear are not asked for") {
    for (const char* url : {"https://127.0.0.1/certificate/1", "https://[::1]:8443/certificate/1", "https://169.254.169.254/latest", "https://localhost/certificate/1",
                            "http://ca.example/certificate/1", "https://user@10.0.0.1/x"}) {
        INFO(url);
        World world;
        world.ca.certificate_url = url;
        auto pem = world.obtain();
        REQUIRE_FALSE(pem);
        CHECK(pem.error().code() == ErrorCode::refused);
        CHECK(world.ca.paths.back().find("certificate") == std::string::npos);
    }
}

TEST_CASE("a private CA may name private objects") {
    World world;
    world.ca.base = "https://10.0.0.7";
    world.ca.certificate_url = "https://10.0.0.7/certificate/1";
    CHECK(outcome(world.obtain()) == "a certificate");
}

TEST_CASE("a program that ends leaves the order for the next start") {
    World world;
    world.sleeper.stopped = true;
    auto pem = world.obtain();
    REQUIRE_FALSE(pem);
    CHECK(pem.error().retry().kind == Retry::Kind::transient);
    CHECK(world.publisher.values.empty());
    world.sleeper.stopped = false;
    CHECK(outcome(world.obtain()) == "a certificate");
    CHECK(world.ca.orders == 1);
}

TEST_CASE("the time of the CA is the Date of its directory") {
    World world;
    AcmeAuthority authority({"test", "https://ca.example/directory", {}, true, std::chrono::minutes(1)}, {world.ca, world.journal, world.publisher, world.clock, world.sleeper});
    auto time = authority.server_time();
    REQUIRE(time);
    CHECK(to_rfc3339(*time) == "2026-11-22T11:59:00Z");
}

} // namespace mxseal::agent::testing
