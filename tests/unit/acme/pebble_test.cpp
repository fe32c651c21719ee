// Real orders at a real CA, with its habits: refused nonces, reused authorizations, Retry-After.
#include "tests/unit/acme/pebble.hpp"
#include "tests/unit/acme/txt_server.hpp"
#include "tests/unit/acme/worlds.hpp"

#include "agent/acme/acme_authority.hpp"
#include "agent/keys/certificates.hpp"

#include <algorithm>
#include <chrono>
#include <thread>

#include <catch2/catch.hpp>

namespace mxseal::agent::testing {

namespace {

class DnsPublisher final : public ChallengePublisher {
public:
    explicit DnsPublisher(TxtServer& server) : server_(server) {}
    Status publish(const dns::Name& name, const std::string& value) override {
        server_.add("_acme-challenge." + name.text(), value);
        return done();
    }
    Status remove(const dns::Name& name, const std::string& value) override {
        server_.remove("_acme-challenge." + name.text(), value);
        return done();
    }

private:
    TxtServer& server_;
};

// Pebble asks for seconds and needs milliseconds.
class ShortSleeper final : public Sleeper {
public:
    bool sleep(Duration duration) override {
        std::this_thread::sleep_for(std::min(duration, Duration(50)));
        return true;
    }
};

struct World {
    TxtServer dns;
    Pebble pebble{dns.port()};
    std::unique_ptr<HttpTransport> transport = make_curl_transport({pebble.ca_file(), "mxseal-test"});
    MemoryJournal journal;
    DnsPublisher publisher{dns};
    SystemClock clock;
    ShortSleeper sleeper;

    AcmeAuthority authority() {
        return AcmeAuthority({"pebble", pebble.directory(), {"mailto:hostmaster@example.org"}, true, std::chrono::minutes(5)},
                             {*transport, journal, publisher, clock, sleeper});
    }
};

std::vector<dns::Name> names(std::initializer_list<const char*> texts) {
    std::vector<dns::Name> out;
    for (const char* text : texts) out.push_back(dns::Name::parse(text).value());
    return out;
}

PrivateKey new_key() { return PrivateKey::generate(rotation::Algorithm::ecdsa_p256).value(); }

std::string outcome(const Result<std::string>& pem) { return pem ? "a certificate" : pem.error().to_string(); }

} // namespace

TEST_CASE("pebble issues a certificate for our key and our names") {
    World world;
    auto key = new_key();
    auto wanted = names({"mx1.example.org", "mx1.example.net"});
    auto authority = world.authority();
    auto pem = authority.obtain({wanted, key});
    REQUIRE(outcome(pem) == "a certificate");
    auto chain = check_issued(*pem, key, wanted, world.clock.wall());
    REQUIRE(chain);
    CHECK(chain->names_host);
    CHECK(chain->links);
    CHECK_FALSE(chain->self_signed);
    CHECK(chain->certificates.size() >= 2);
    CHECK(world.dns.size() == 0);
    CHECK(world.journal.count("acme_order") == 0);
}

TEST_CASE("a renewal with the same key uses the account that is there") {
    World world;
    auto key = new_key();
    auto authority = world.authority();
    for (int i = 0; i < 3; ++i) CHECK(outcome(authority.obtain({names({"mx1.example.org"}), key})) == "a certificate");
    CHECK(world.journal.count("acme_account") == 1);
}

// Pebble 2.4, Debian 12's, has no renewalInfo.
TEST_CASE("a CA that offers no renewalInfo has no window, and its renewals name no certificate that they replace") {
    World world;
    auto key = new_key();
    auto wanted = names({"mx1.example.org"});
    auto authority = world.authority();
    auto former = authority.obtain({wanted, key});
    REQUIRE(outcome(former) == "a certificate");
    REQUIRE(renewal_id(*former).value().has_value()); // it could be asked about
    auto info = authority.renewal_info(*former);
    REQUIRE(info);
    CHECK_FALSE(*info);
    CHECK(outcome(authority.obtain({wanted, key, *former})) == "a certificate");
}

TEST_CASE("killed after any write, the next start brings the certificate from pebble") {
    World world;
    bool survived = false;
    for (int writes = 1; !survived; ++writes) {
        REQUIRE(writes < 40);
        auto key = new_key();
        auto wanted = names({"mx1.example.org", "mx2.example.org"});
        world.journal.kill_after(writes);
        try {
            survived = world.authority().obtain({wanted, key}).ok();
        } catch (const Killed&) {
        }
        world.journal.live();
        INFO("killed after write " << writes);
        auto pem = world.authority().obtain({wanted, key});
        REQUIRE(outcome(pem) == "a certificate");
        CHECK(check_issued(*pem, key, wanted, world.clock.wall()).ok());
        CHECK(world.dns.size() == 0);
    }
}

TEST_CASE("a name whose challenge pebble does not see is refused with its words") {
    World world;
    auto key = new_key();
    FakePublisher nowhere;
    AcmeAuthority authority({"pebble", world.pebble.directory(), {}, true, std::chrono::minutes(5)},
                            {*world.transport, world.journal, nowhere, world.clock, world.sleeper});
    auto pem = authority.obtain({names({"mx9.example.org"}), key});
    REQUIRE_FALSE(pem);
    INFO(pem.error().to_string());
    CHECK(pem.error().message().find("could not validate mx9.example.org") != std::string::npos);
    CHECK_FALSE(pem.error().peer_text().empty());
    CHECK(pem.error().retry().kind == Retry::Kind::after);
    CHECK(nowhere.values.empty());
}

TEST_CASE("the CA tells the time") {
    World world;
    auto time = world.authority().server_time();
    REQUIRE(time);
    CHECK(*time > world.clock.wall() - std::chrono::minutes(1));
    CHECK(*time < world.clock.wall() + std::chrono::minutes(1));
}

TEST_CASE("a CA whose certificate nobody vouches for is not spoken to") {
    World world;
    auto strict = make_curl_transport({"", "mxseal-test"});
    auto key = new_key();
    AcmeAuthority authority({"pebble", world.pebble.directory(), {}, true, std::chrono::minutes(5)},
                            {*strict, world.journal, world.publisher, world.clock, world.sleeper});
    auto pem = authority.obtain({names({"mx1.example.org"}), key});
    REQUIRE_FALSE(pem);
    CHECK(pem.error().code() == ErrorCode::protocol);
}

} // namespace mxseal::agent::testing
