#include "agent/domains/roster.hpp"
#include "agent/domains/site_keeper.hpp"
#include "agent/store/memory_store.hpp"
#include "tests/unit/domains/configs.hpp"

#include <algorithm>

using namespace mxseal;
using namespace mxseal::agent;
using namespace std::chrono_literals;

namespace {

class HandClock final : public Clock {
public:
    Instant wall() const override { return now; }
    BootTime boot_time() const override { return {}; }
    std::string boot_id() const override { return "boot"; }
    Instant now = from_unix_ms(1'795'000'000'000);
};

// Writes down what it is told to do.
struct Told final : SiteOutside {
    void order(const std::string& domain, const std::string& authority) override { orders.push_back(domain + " by " + authority); }
    void write_snapshot(std::uint64_t generation) override { snapshots.push_back(generation); }
    std::vector<std::string> orders;
    std::vector<std::uint64_t> snapshots;
};

constexpr const char* kText = "acme: {web: {directory: \"https://ca.example/\", challenge: tls-alpn-01, accept_terms: true}}\n"
                              "endpoint: {certificate: web}\n"
                              "profiles:\n"
                              "  default: {mta_sts: {mode: enforce, mx: [mx1.example.org]}}\n"
                              "  follow: {mta_sts: {mode: testing}}\n"
                              "  private: {mta_sts: {mode: testing, mx: [mx1.example.org]}, certificate: self-signed}\n"
                              "  no_policy: {tls_rpt: {rua: [\"mailto:a@example.org\"]}}\n";

struct World {
    explicit World(const std::string& more = "") : config(config_of(kText + more)) { start(); }

    void start() {
        keeper.reset();
        store = make_memory_store(database);
        auto token = store->acquire_lease("agent");
        REQUIRE(token);
        told = {};
        keeper = std::make_unique<SiteKeeper>(config, clock, *store, *token, told);
        SiteKeeper::Listeners listeners;
        // In place of the keeper of policies: what is wanted is served, what is not is taken away at once.
        listeners.wanted = [this](const std::string& domain, const PolicySettings& settings, float) {
            wanted.push_back(domain + " " + std::string(rotation::mta_sts::to_string(settings.mode)));
            keeper->serve(domain, "version: STSv1\r\nmode: enforce\r\nmx: mx1.example.org\r\nmax_age: 86400\r\n");
        };
        listeners.left = [this](const std::string& domain, float) { left.push_back(domain); };
        listeners.in_place = [this](const std::vector<std::string>& domains, std::uint64_t) { in_place.insert(in_place.end(), domains.begin(), domains.end()); };
        listeners.log = [this](const LogEntry& entry) { events.push_back(entry.host + " " + entry.event); };
        keeper->listen(std::move(listeners));
        REQUIRE(keeper->start());
        run();
    }
    void kill() {
        database->crash();
        start();
    }
    void add(const std::string& domain, const std::string& profile = "default", bool removed = false) { REQUIRE(make_memory_store(database)->put_domains({{domain, profile, clock.now, "op", removed}})); }
    // All that is due within `length`.
    void run(Duration length = Duration{0}) {
        const Instant end = clock.now + length;
        for (int turns = 0; turns < 20'000; ++turns) {
            if (turns == 10'000) clock.now = end; // days are not lived by seconds
            auto due = keeper->next_due();
            if (!due || *due > end) break;
            clock.now = std::max(clock.now, *due);
            keeper->tick();
        }
        clock.now = end;
    }
    void issue(const std::string& domain, const std::string& authority = "web", Duration lifetime = 90 * 24h) {
        keeper->arrived(OrderArrival{domain, authority, IssuedSite{{domain, {1}, {2}, {}}, clock.now, clock.now + lifetime}});
        run();
    }
    void fail(const std::string& domain, Error error = Error(ErrorCode::transient, "no answer", Retry::transient())) {
        keeper->arrived(OrderArrival{domain, "web", std::move(error)});
        run();
    }
    void write(bool good = true) {
        REQUIRE_FALSE(told.snapshots.empty());
        keeper->arrived(SnapshotArrival{told.snapshots.back(), good ? Result<std::size_t>(std::size_t{1}) : Result<std::size_t>(Error(ErrorCode::io, "disk full")), {}});
        run();
    }
    std::size_t served() { return store->served_sites("", 1000)->size(); }
    bool logged(const std::string& event) const { return std::find(events.begin(), events.end(), event) != events.end(); }
    Json of(const std::string& domain) const { return keeper->report_of(domain); }

    Config config;
    HandClock clock;
    std::shared_ptr<MemoryDatabase> database = std::make_shared<MemoryDatabase>();
    std::unique_ptr<Store> store;
    Told told;
    std::unique_ptr<SiteKeeper> keeper;
    std::vector<std::string> events, wanted, left, in_place;
};

} // namespace

TEST_CASE("a domain that is added while the agent runs is ordered, stored and served within seconds", "[domains][keeper]") {
    World world;
    world.write();
    world.add("a.example");
    world.run(2s);
    CHECK(world.told.orders == std::vector<std::string>{"a.example by web"});
    CHECK(world.logged(" domains.changed"));
    CHECK(world.served() == 0);
    world.issue("a.example");
    CHECK(world.served() == 1);
    const auto before = world.told.snapshots.size();
    world.run(1s);
    REQUIRE(world.told.snapshots.size() == before + 1);
    CHECK(world.told.snapshots.back() > world.told.snapshots.front());
    world.write();
    CHECK(world.of("a.example")["served"].as_bool() == true);
}

TEST_CASE("many changes within a second are one snapshot, and never two at once", "[domains][keeper]") {
    World world;
    world.write();
    for (int i = 0; i < 50; ++i) world.add("d" + std::to_string(i) + ".example", "private");
    world.run(2s);
    const auto before = world.told.snapshots.size();
    for (int i = 0; i < 50; ++i) world.issue("d" + std::to_string(i) + ".example", "self-signed");
    world.run(10s);
    CHECK(world.told.snapshots.size() == before + 1); // it has not come back yet
    world.add("late.example", "private");
    world.run(2s);
    world.issue("late.example", "self-signed");
    world.run(10s);
    CHECK(world.told.snapshots.size() == before + 1);
    world.write();
    world.run(10min);
    CHECK(world.told.snapshots.size() == before + 2);
    CHECK(world.served() == 51);
}

TEST_CASE("what was stored is there after a crash: no order is repeated, what is served is written again", "[domains][keeper]") {
    World world;
    world.write();
    world.add("a.example");
    world.run(2s);
    world.issue("a.example");
    const auto generation = world.told.snapshots.back();
    world.kill();
    CHECK(world.told.orders.empty());
    REQUIRE(world.told.snapshots.size() == 1);
    CHECK(world.told.snapshots.back() > generation);
    CHECK(world.served() == 1);
    CHECK(world.of("a.example")["served"].as_bool() == true);
}

TEST_CASE("an order that a crash cut off begins again", "[domains][keeper]") {
    World world;
    world.add("a.example");
    world.run(2s);
    CHECK(world.told.orders.size() == 1);
    world.kill();
    CHECK(world.told.orders.size() == 1);
}

TEST_CASE("nothing begins that could not be stored, and nothing is lost by it", "[domains][keeper]") {
    World world;
    world.write();
    world.add("a.example");
    world.database->on_write([](std::string_view call) { return call == "commit" ? WriteFate::fails : WriteFate::carried_out; });
    world.run(60s);
    CHECK(world.told.orders.empty());
    CHECK_FALSE(world.keeper->store_trouble().empty());
    world.database->on_write({});
    world.run(10s);
    CHECK(world.told.orders.size() == 1);
    world.database->on_write([](std::string_view call) { return call == "commit" ? WriteFate::fails : WriteFate::carried_out; });
    world.issue("a.example");
    CHECK(world.served() == 0);
    world.database->on_write({});
    world.run(10s);
    CHECK(world.served() == 1);
}

TEST_CASE("an order that fails is tried again later, and never before the CA allows it", "[domains][keeper]") {
    World world;
    world.add("a.example");
    world.run(2s);
    world.fail("a.example", Error(ErrorCode::rate_limited, "too many", Retry::after(2h)));
    CHECK(world.logged("a.example site.order_failed"));
    world.run(2h - 5s);
    CHECK(world.told.orders.size() == 1);
    world.run(10s);
    CHECK(world.told.orders.size() == 2);
    CHECK(world.of("a.example")["reason"].as_string()->find("too many") != std::string::npos);
}

TEST_CASE("a removed domain is served until its policy has ended, and leaves nothing; late answers for it change nothing", "[domains][keeper]") {
    World world;
    world.add("a.example");
    world.run(2s);
    world.issue("a.example");
    world.write();
    world.add("a.example", "default", true);
    world.run(3s);
    CHECK(world.left == std::vector<std::string>{"a.example"});
    CHECK(world.served() == 1); // until its policy has ended
    world.kill();
    CHECK(world.left == std::vector<std::string>{"a.example", "a.example"});
    CHECK(world.served() == 1);
    world.write();
    world.keeper->serve("a.example", std::nullopt);
    world.run(2s);
    CHECK(world.served() == 0);
    world.write();
    CHECK(world.in_place.back() == "a.example");
    world.keeper->dropped("a.example");
    world.run();
    CHECK(world.store->load_sites()->empty());
    CHECK(world.of("a.example").is_null());
    world.issue("a.example");
    CHECK(world.store->load_sites()->empty());
}

TEST_CASE("a domain that comes back before its going could be stored is kept", "[domains][keeper]") {
    World world;
    world.add("a.example");
    world.run(2s);
    world.issue("a.example");
    world.database->on_write([](std::string_view call) { return call == "commit" ? WriteFate::fails : WriteFate::carried_out; });
    world.add("a.example", "default", true);
    world.run(3s);
    world.add("a.example");
    world.run(3s);
    world.database->on_write({});
    world.run(10s);
    world.issue("a.example");
    CHECK(world.store->load_sites()->size() == 1);
    CHECK(world.served() == 1);
}

TEST_CASE("where the file and the store name a domain the file wins, and the store's stays when the file's goes", "[domains][keeper]") {
    World world("domains: {a.example: {profile: private}}\n");
    world.add("a.example", "default");
    world.run(3s);
    CHECK(world.told.orders == std::vector<std::string>{"a.example by self-signed"});
    world.add("a.example", "default", true);
    world.run(3s);
    CHECK_FALSE(world.of("a.example").is_null());
}

TEST_CASE("a profile without mta_sts is not served, nor one that is gone from the file", "[domains][keeper]") {
    World world;
    world.add("a.example", "no_policy");
    world.add("b.example", "gone");
    world.run(5s);
    CHECK(world.told.orders.empty());
    CHECK(world.wanted.empty());
    CHECK(world.left == std::vector<std::string>{"a.example"});
    CHECK(world.of("b.example")["reason"].as_string() == "its profile 'gone' is not in the configuration: what is served stays as it is");
}

TEST_CASE("a profile that loses its name in the file ends no policy", "[domains][keeper]") {
    World world;
    world.add("a.example");
    world.run(2s);
    world.issue("a.example");
    world.config = config_of("endpoint: {certificate: self-signed}\nprofiles: {other: {mta_sts: {mode: testing}}}\n");
    world.start();
    world.run(5s);
    CHECK(world.left.empty());
    CHECK(world.served() == 1);
}

TEST_CASE("a certificate is renewed before two thirds of its life are over, and served when it is there", "[domains][keeper]") {
    World world;
    world.add("a.example");
    world.run(2s);
    world.issue("a.example");
    world.write();
    world.run(1min);
    world.write();
    world.run(44 * 24h);
    CHECK(world.told.orders.size() == 1);
    world.run(17 * 24h);
    CHECK(world.told.orders.size() == 2);
    const auto before = world.told.snapshots.size();
    world.issue("a.example");
    world.run(1min);
    CHECK(world.told.snapshots.size() == before + 1);
}

TEST_CASE("another CA in the profile is asked at once, and what is there is served until it answers", "[domains][keeper]") {
    World world;
    world.add("a.example");
    world.run(2s);
    world.issue("a.example");
    world.add("a.example", "private");
    world.run(3s);
    CHECK(world.told.orders.back() == "a.example by self-signed");
    CHECK(world.served() == 1);
    world.issue("a.example", "self-signed");
    CHECK(world.of("a.example")["certificate"].as_string() == "self-signed");
    world.run(1h);
    CHECK(world.told.orders.size() == 2);
}

TEST_CASE("a CA has few orders at once", "[domains][keeper]") {
    World world;
    for (int i = 0; i < 100; ++i) world.add("d" + std::to_string(i) + ".example");
    world.run(5s);
    CHECK(world.told.orders.size() == 4);
    world.issue("d0.example");
    CHECK(world.told.orders.size() == 5);
}

TEST_CASE("C-27's alarm comes after fifteen minutes without a fetch, and goes with the first that succeeds", "[domains][keeper]") {
    World world;
    world.write();
    world.add("a.example");
    world.run(2s);
    world.issue("a.example");
    world.run(2s);
    world.write();
    for (int i = 0; i < 5; ++i) {
        world.run(6min);
        world.keeper->fetched("a.example", "no route");
        CHECK(world.of("a.example")["trouble"].as_string() == "no route");
    }
    world.run();
    CHECK(world.logged("a.example site.alarm"));
    CHECK(world.of("a.example")["alarm"].as_string() == "warning");
    world.run(6min);
    world.keeper->fetched("a.example", "");
    world.run();
    CHECK(world.logged("a.example site.recovered"));
    CHECK(world.of("a.example")["alarm"].is_null());
    CHECK(world.of("a.example")["trouble"].is_null());
}

TEST_CASE("a snapshot that cannot be written is told once and tried again", "[domains][keeper]") {
    World world;
    for (int i = 0; i < 3; ++i) {
        world.write(false);
        world.run(31s);
    }
    CHECK(world.told.snapshots.size() == 4);
    CHECK(std::count(world.events.begin(), world.events.end(), " snapshot.failed") == 1);
    CHECK(world.keeper->totals()["snapshot"].as_string()->find("disk full") != std::string::npos);
}

TEST_CASE("where others serve from the file, a policy counts as in place once they have taken it", "[domains][keeper]") {
    World world;
    world.write();
    world.add("a.example");
    world.run(2s);
    world.issue("a.example");
    world.run(2s);
    world.in_place.clear();
    world.keeper->arrived(SnapshotArrival{world.told.snapshots.back(), std::size_t{1}, {}, 2500ms});
    world.run(2s);
    CHECK(world.in_place.empty());
    world.run(1s);
    CHECK(world.in_place == std::vector<std::string>{"a.example"});
}

TEST_CASE("a clock that is set back keeps no policy from being in place", "[domains][keeper]") {
    World world;
    world.write();
    world.add("a.example");
    world.run(2s);
    world.issue("a.example");
    world.run(2s);
    world.in_place.clear();
    world.keeper->arrived(SnapshotArrival{world.told.snapshots.back(), std::size_t{1}, {}, 2500ms});
    world.clock.now -= 24h;
    world.keeper->tick();
    CHECK(world.in_place == std::vector<std::string>{"a.example"});
}

TEST_CASE("after a clock that ran ahead is set back nothing waits for as long as it was ahead", "[domains][keeper]") {
    World world;
    world.write();
    world.clock.now += 72h;
    world.run(10s);
    world.clock.now -= 72h;
    world.add("a.example");
    world.run(2s);
    CHECK(world.told.orders == std::vector<std::string>{"a.example by web"});
    world.issue("a.example");
    world.run(2s);
    world.write();
    CHECK(world.of("a.example")["served"].as_bool() == true);
}

TEST_CASE("a body that was given while a snapshot was on its way is in place with the next one", "[domains][keeper]") {
    World world;
    world.write();
    world.add("a.example");
    world.run(2s);
    world.issue("a.example");
    world.run(2s);
    world.in_place.clear();
    const std::uint64_t first = world.told.snapshots.back();
    world.keeper->serve("a.example", "version: STSv1\r\nmode: none\r\nmax_age: 86400\r\n");
    world.keeper->arrived(SnapshotArrival{first, std::size_t{1}, {}});
    CHECK(world.in_place.empty());
    world.run(1min);
    REQUIRE(world.told.snapshots.back() > first);
    world.write();
    CHECK(world.in_place == std::vector<std::string>{"a.example"});
}

TEST_CASE("at rest nothing is done between looks at the list of domains", "[domains][keeper]") {
    World world;
    for (int i = 0; i < 100; ++i) world.add("d" + std::to_string(i) + ".example", "private");
    world.run(3s);
    for (int i = 0; i < 100; ++i) world.issue("d" + std::to_string(i) + ".example", "self-signed");
    world.write();
    world.run(30s);
    world.write();
    world.run(30s);
    const auto writes = world.database->writes();
    world.run(1h);
    CHECK(world.database->writes() == writes);
}

TEST_CASE("the totals count all", "[domains][keeper]") {
    World world;
    for (int i = 0; i < 30; ++i) world.add("d" + std::to_string(i) + ".example");
    world.run(3s);
    auto totals = world.keeper->totals();
    CHECK(totals["counts"]["domains"].as_integer() == 30);
    CHECK(totals["counts"]["served"].as_integer() == 0);
    CHECK(totals["counts"]["not_at_rest"].as_integer() == 30);
    CHECK(world.keeper->domains().size() == 30);
}

TEST_CASE("without an endpoint nothing is kept", "[domains][keeper]") {
    World world;
    world.add("a.example");
    world.config.endpoint.reset();
    world.start();
    world.run(1h);
    CHECK(world.told.snapshots.empty());
    CHECK_FALSE(world.keeper->next_due());
}

TEST_CASE("a site whose key cannot be opened any more gets a new certificate, said once, and counts as served only where it is", "[domains][keeper]") {
    World world;
    world.add("a.example");
    world.add("b.example");
    world.run(3s);
    world.issue("a.example");
    world.issue("b.example");
    world.run(5s);
    world.write();
    world.told.orders.clear();
    world.in_place.clear();
    world.add("c.example"); // something changes, so a snapshot is written
    world.run(3s);
    world.told.orders.clear();
    world.issue("c.example");
    world.keeper->serve("a.example", "version: STSv1\r\nmode: none\r\nmax_age: 86400\r\n");
    world.keeper->serve("b.example", "version: STSv1\r\nmode: none\r\nmax_age: 86400\r\n");
    world.run(10min);
    const auto generation = world.told.snapshots.back();
    const auto unopened = [&](std::uint64_t number) {
        world.keeper->arrived(SnapshotArrival{number, std::size_t{2}, {{"a.example", "the seal does not fit", true}, {"b.example", "the seal does not fit", false}}});
        world.run();
    };
    unopened(generation);
    CHECK(world.told.orders == std::vector<std::string>{"a.example by web", "b.example by web"});
    CHECK(std::count(world.in_place.begin(), world.in_place.end(), "a.example") > 0);
    CHECK(std::count(world.in_place.begin(), world.in_place.end(), "b.example") == 0);
    CHECK(std::count(world.events.begin(), world.events.end(), "a.example site.failed") == 1);
    world.issue("a.example");
    world.run(3h);
    REQUIRE(world.told.snapshots.back() > generation);
    world.keeper->arrived(SnapshotArrival{world.told.snapshots.back(), std::size_t{2}, {{"b.example", "the seal does not fit", false}}});
    world.run(1h);
    CHECK(std::count(world.events.begin(), world.events.end(), "b.example site.failed") == 1);
    CHECK(std::count(world.told.orders.begin(), world.told.orders.end(), "b.example by web") == 1);
    CHECK(world.of("b.example")["certificate"].as_string().value_or("") != "");
}
