// Certificates for the endpoint's names from a real CA, which asks the embedded endpoint itself.
#include "agent/acme/acme_authority.hpp"
#include "agent/domains/order_job.hpp"
#include "agent/domains/site_endpoint.hpp"
#include "agent/keys/sealer.hpp"
#include "mta-sts-server/challenges_file.hpp"
#include "mta-sts-server/snapshot_writer.hpp"
#include "tests/temporary_folder.hpp"
#include "tests/unit/acme/pebble.hpp"
#include "tests/unit/acme/txt_server.hpp"
#include "tests/unit/acme/worlds.hpp"

#include <algorithm>
#include <thread>

#include <catch2/catch.hpp>

namespace mxseal::agent::testing {

namespace {

// Pebble asks for seconds and needs milliseconds.
class ShortSleeper final : public Sleeper {
public:
    bool sleep(Duration duration) override {
        std::this_thread::sleep_for(std::min(duration, Duration(50)));
        return true;
    }
};

std::uint16_t port_in(const std::string& address) { return static_cast<std::uint16_t>(std::stoi(address.substr(address.rfind(':') + 1))); }

struct World {
    World() {
        dns.give_addresses();
        auto writer = server::SnapshotWriter::begin(snapshot, 1, clock.wall());
        REQUIRE(writer);
        REQUIRE(writer->finish());
        std::vector<server::Listener> listeners;
        for (auto door : {server::Door::https, server::Door::http}) {
            auto listener = server::listen_on("127.0.0.1:0", door);
            REQUIRE(listener);
            listeners.push_back(std::move(*listener));
        }
        auto started = SiteEndpoint::start({snapshot, std::move(listeners), clock, [](const server::Event&) {}});
        REQUIRE(started);
        endpoint = std::move(*started);
        const auto addresses = endpoint->addresses();
        pebble = std::make_unique<Pebble>(dns.port(), port_in(addresses[1]), port_in(addresses[0]));
        transport = make_curl_transport({pebble->ca_file(), "mxseal-test"});
    }

    Result<IssuedSite> order(const std::string& domain, ChallengeType type, ChallengePublisher* publisher = nullptr) {
        if (publisher == nullptr) publisher = type == ChallengeType::http_01 ? &endpoint->challenges().http() : &endpoint->challenges().tls_alpn();
        AcmeOptions options{"pebble", pebble->directory(), {}, true, std::chrono::minutes(5), type};
        AcmeAuthority authority(options, {*transport, journal, *publisher, clock, sleeper});
        return order_site(domain, authority, keys, &journal);
    }
    // What is answered right now, as `mxseal serve` would read it.
    std::size_t challenges_shown() const {
        auto read = server::read_challenges(server::challenges_file_of(snapshot));
        REQUIRE(read);
        return (*read)->http.size() + (*read)->tls_alpn.size();
    }

    TemporaryFolder folder;
    std::filesystem::path snapshot = folder / "snapshot";
    SystemClock clock;
    Sealer sealer = Sealer::load_or_create(folder / "endpoint-sealing.key").value();
    SiteKeys keys{sealer};
    MemoryJournal journal;
    ShortSleeper sleeper;
    TxtServer dns;
    std::unique_ptr<SiteEndpoint> endpoint;
    std::unique_ptr<Pebble> pebble;
    std::unique_ptr<HttpTransport> transport;
};

std::string outcome(const Result<IssuedSite>& issued) { return issued ? "a certificate" : issued.error().to_string(); }

} // namespace

TEST_CASE("pebble finds http-01 and tls-alpn-01 at the embedded endpoint, and nothing of them stays", "[domains][pebble]") {
    World world;
    for (auto type : {ChallengeType::http_01, ChallengeType::tls_alpn_01}) {
        auto issued = world.order(std::string(type == ChallengeType::http_01 ? "a" : "b") + ".example.org", type);
        REQUIRE(outcome(issued) == "a certificate");
        CHECK(issued->not_after > world.clock.wall());
        CHECK_FALSE(issued->pair.issuers.empty());
        CHECK(world.keys.open(issued->pair.sealed, issued->pair.domain).ok());
        CHECK_FALSE(world.keys.open(issued->pair.sealed, "other.example.org").ok());
        CHECK(world.challenges_shown() == 0);
    }
}

TEST_CASE("a renewal at pebble has a new key", "[domains][pebble]") {
    World world;
    auto first = world.order("a.example.org", ChallengeType::tls_alpn_01);
    auto second = world.order("a.example.org", ChallengeType::tls_alpn_01);
    REQUIRE(outcome(first) == "a certificate");
    REQUIRE(outcome(second) == "a certificate");
    CHECK(world.keys.open(first->pair.sealed, "a.example.org")->point != world.keys.open(second->pair.sealed, "a.example.org")->point);
}

TEST_CASE("a challenge that the endpoint does not show is refused with pebble's words, and leaves nothing", "[domains][pebble]") {
    World world;
    FakePublisher nowhere;
    auto issued = world.order("a.example.org", ChallengeType::tls_alpn_01, &nowhere);
    REQUIRE_FALSE(issued);
    CHECK(issued.error().message().find("could not validate mta-sts.a.example.org") != std::string::npos);
    CHECK(issued.error().retry().kind == Retry::Kind::after);
    CHECK(world.challenges_shown() == 0);
}

TEST_CASE("killed after any write of an order, the next start brings the certificate, under the key that the order had", "[domains][pebble]") {
    World world;
    bool survived = false;
    for (int writes = 1; !survived; ++writes) {
        REQUIRE(writes < 40);
        const std::string domain = "d" + std::to_string(writes) + ".example.org";
        const auto type = writes % 2 == 0 ? ChallengeType::http_01 : ChallengeType::tls_alpn_01;
        world.journal.kill_after(writes);
        try {
            survived = world.order(domain, type).ok();
        } catch (const Killed&) {
        }
        world.journal.live();
        const auto open = world.journal.get_secret("site_key", domain);
        INFO("killed after write " << writes);
        auto issued = world.order(domain, type);
        REQUIRE(outcome(issued) == "a certificate");
        if (open && !open->empty()) CHECK(world.keys.open(issued->pair.sealed, domain)->point == server::KeyPair(world.keys.open(*world.keys.seal(*PrivateKey::from_pem(open->reveal()), domain), domain).value()).point);
        CHECK(world.challenges_shown() == 0);
    }
}

TEST_CASE("a CA that lacks the kind of challenge is told apart", "[domains][pebble]") {
    OrderState state;
    state.authorizations.push_back({});
    const auto authorization = Json::parse(R"({"status":"pending","identifier":{"type":"dns","value":"mta-sts.a.example"},"challenges":[{"type":"dns-01","url":"https://x","token":"evaGxfADs6pSRb2LAv9IZf17Dt3juxGJ-PCt92wr-oA","status":"pending"}]})");
    const std::vector<dns::Name> names{*dns::Name::parse("mta-sts.a.example")};
    auto refused = absorb_authorization(state, 0, *authorization, names, "thumb", ChallengeType::http_01);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code() == ErrorCode::unsupported);
    CHECK(refused.error().message().find("no http-01 challenge") != std::string::npos);
    CHECK(absorb_authorization(state, 0, *authorization, names, "thumb").ok());
}

} // namespace mxseal::agent::testing
