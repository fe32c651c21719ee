// What hooks left, through vault, runtime and store.
#include "agent/runtime/pair_taker.hpp"

#include "agent/store/memory_store.hpp"
#include "tests/unit/hooks/pairs.hpp"

#include <fmt/format.h>

namespace mxseal::agent::testing {

namespace {

struct Silence final : Outside {
    void start(const std::string&, const rotation::tlsa::Action&) override {}
    void observe_mx(const dns::Name&) override {}
};

class StandingClock final : public Clock {
public:
    Instant wall() const override { return now; }
    BootTime boot_time() const override { return {now - kNow}; }
    std::string boot_id() const override { return "boot"; }
    Instant now = kNow;
};

Config config_of(const std::filesystem::path& state, const std::string& more = "") {
    auto read = parse_config(fmt::format("state: {}\n"
                                         "providers:\n  knot: {{type: rfc2136, server: 127.0.0.1, tsig: {{name: m, algorithm: hmac-sha256, secret_file: /t}}}}\n"
                                         "zones:\n  example.org: {{provider: knot}}\n"
                                         "hosts:\n"
                                         "  mx1.example.org: {{certificate: external, deploy: [{{combined: /a.pem}}]{}}}\n"
                                         "  mx2.example.org: {{certificate: external, deploy: [{{combined: /b.pem}}]}}\n"
                                         "  mx3.example.org: {{certificate: self-signed, deploy: [{{combined: /c.pem}}]}}\n",
                                         state.string(), more),
                             "/etc/mxseal.yaml");
    if (auto* mistakes = std::get_if<ConfigMistakes>(&read)) FAIL(mistakes->lines.front());
    return std::get<Config>(std::move(read));
}

struct Rig {
    explicit Rig(const std::string& more = "") : config(config_of(folder.path(), more)), sealer(Sealer::load_or_create(folder.path() / "mx-sealing.key").value()) { start(); }

    void start() {
        runtime.reset();
        store = make_memory_store(database);
        vault = std::make_unique<KeyVault>(*store, sealer);
        runtime = std::make_unique<Runtime>(config, clock, *store, *store->acquire_lease("test"), silence);
        REQUIRE(runtime->start().ok());
        taker = std::make_unique<PairTaker>(config, *vault, clock, *runtime);
        runtime->on_pairs([this] { return taker->take(); });
    }
    Json take() { return runtime->request(Json::object({{"command", "pairs"}})).value()["replies"]; }
    std::vector<std::string> left() const { return Inbox(folder.path()).list().value(); }
    std::size_t log_count(const std::string& event) {
        std::size_t count = 0;
        const auto entries = store->read_log({"", 0, 10'000}).value();
        for (const auto& entry : entries) count += entry.event == event ? 1 : 0;
        return count;
    }

    TemporaryFolder folder;
    Config config;
    Sealer sealer;
    StandingClock clock;
    Silence silence;
    std::shared_ptr<MemoryDatabase> database = std::make_shared<MemoryDatabase>();
    std::unique_ptr<Store> store;
    std::unique_ptr<KeyVault> vault;
    std::unique_ptr<Runtime> runtime;
    std::unique_ptr<PairTaker> taker;
};

std::string text_of(const Json& reply) { return reply["text"].as_string().value_or(""); }

} // namespace

TEST_CASE("a pair goes into the vault, sealed, and to every external host that it names") {
    Rig rig;
    ClientOfTests client;
    REQUIRE(Inbox(rig.folder.path()).leave(client.pair({"*.example.org"})));
    const Json replies = rig.take();
    REQUIRE(replies.items().size() == 2);
    CHECK(replies.items()[0]["host"].as_string() == "mx1.example.org");
    CHECK(replies.items()[1]["host"].as_string() == "mx2.example.org");
    CHECK_FALSE(replies.items()[0]["refused"].as_bool().value());
    CHECK(rig.left().empty());
    CHECK(rig.vault->get(client.key.spki())->spki() == client.key.spki());
    CHECK(rig.vault->bundle({client.key.spki()}));
    const Bytes sealed = rig.store->get_key(client.key.spki().hex()).value().value();
    CHECK(to_text(sealed).find("PRIVATE") == std::string::npos);
    CHECK(rig.log_count("pair.brought") == 2);
}

TEST_CASE("whichever write of the store is lost or the last before a crash, the pair is taken in the end and once") {
    for (const auto fate : {WriteFate::fails, WriteFate::written_but_fails})
        for (std::size_t victim = 0; victim < 8; ++victim) {
            Rig rig;
            ClientOfTests client;
            std::size_t number = 0;
            rig.database->on_write([&](std::string_view) { return number++ == victim ? fate : WriteFate::carried_out; });
            const ClientPair pair = client.pair();
            REQUIRE(Inbox(rig.folder.path()).leave(pair));
            rig.take();
            rig.database->crash();
            rig.database->on_write({});
            rig.start();
            rig.take();
            INFO("write " << victim);
            CHECK(rig.left().empty());
            CHECK(rig.vault->bundle({client.key.spki()}));
            CHECK(rig.log_count("pair.brought") == 1);
            REQUIRE(Inbox(rig.folder.path()).leave(pair));
            const Json again = rig.take();
            CHECK(text_of(again.items().front()).find("is here already") != std::string::npos);
            CHECK(rig.log_count("pair.brought") == 1);
        }
}

TEST_CASE("a pair that waited until it expired is refused and thrown away, one for no host waits for another configuration") {
    Rig rig;
    ClientOfTests client;
    REQUIRE(Inbox(rig.folder.path()).leave(client.pair({"mx9.example.org"})));
    CHECK(rig.take().items().empty());
    CHECK(rig.left().size() == 1);
    rig.clock.now = at("2027-02-01T00:00:00Z");
    const Json replies = rig.take();
    REQUIRE(replies.items().size() == 1);
    CHECK(replies.items()[0]["refused"].as_bool().value());
    CHECK(text_of(replies.items()[0]).find("has expired") != std::string::npos);
    CHECK(rig.left().empty());
    CHECK(rig.log_count("pair.refused") == 1);
}

TEST_CASE("a chain without a key is for a key of mxseal's, or refused") {
    Rig rig(", external: {keys: mxseal}");
    ClientOfTests client;
    REQUIRE(Inbox(rig.folder.path()).leave(check_client_pair(std::nullopt, client.chain(), kNow).value()));
    const Json refused = rig.take();
    REQUIRE(refused.items().size() == 1);
    CHECK(refused.items()[0]["refused"].as_bool().value());
    CHECK(text_of(refused.items()[0]).find("mxseal has no key") != std::string::npos);
    REQUIRE(rig.vault->put(client.key, "mx1.example.org"));
    REQUIRE(Inbox(rig.folder.path()).leave(check_client_pair(std::nullopt, client.chain(), kNow).value()));
    CHECK_FALSE(rig.take().items().front()["refused"].as_bool().value());
    CHECK(rig.vault->bundle({client.key.spki()}));
}

TEST_CASE("what lies in the inbox is taken at a start, without being asked") {
    Rig rig;
    ClientOfTests client;
    REQUIRE(Inbox(rig.folder.path()).leave(client.pair()));
    rig.runtime->tick();
    CHECK(rig.left().empty());
}

TEST_CASE("where the sealing key is not at hand the pair stays in the inbox") {
    Rig rig;
    ClientOfTests client;
    REQUIRE(Inbox(rig.folder.path()).leave(client.pair()));
    rig.runtime->on_pairs({});
    CHECK_FALSE(rig.runtime->request(Json::object({{"command", "pairs"}})));
    rig.runtime->tick();
    CHECK(rig.left().size() == 1);
}

} // namespace mxseal::agent::testing
