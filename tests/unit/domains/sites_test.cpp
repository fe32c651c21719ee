// What the workers of the domain side do: snapshots from the store, challenges for the endpoint, orders, files for `mxseal serve`.
#include "agent/acme/self_signed.hpp"
#include "agent/domains/order_job.hpp"
#include "agent/domains/site_endpoint.hpp"
#include "agent/domains/snapshot_job.hpp"
#include "agent/keys/der_chain.hpp"
#include "agent/store/memory_store.hpp"
#include "mta-sts-server/challenges_file.hpp"
#include "mta-sts-server/snapshot.hpp"
#include "mta-sts-server/snapshot_writer.hpp"
#include "tests/temporary_folder.hpp"

#include <catch2/catch.hpp>

using namespace mxseal;
using namespace mxseal::agent;

namespace {

struct World {
    IssuedSite order(const std::string& domain) {
        SelfSignedAuthority authority(clock);
        auto issued = order_site(domain, authority, keys, nullptr);
        REQUIRE(issued);
        return std::move(*issued);
    }
    void serve(const std::string& domain, const std::string& body) {
        Commit commit;
        SiteRow row;
        row.domain = domain;
        row.body = body;
        commit.sites = {row};
        commit.pairs = {order(domain).pair};
        REQUIRE(store->commit(token, commit));
    }
    std::filesystem::path empty_snapshot() {
        REQUIRE(write_snapshot(*make_memory_store(std::make_shared<MemoryDatabase>()), keys, clock, file, 1));
        return file;
    }

    TemporaryFolder folder;
    std::filesystem::path file = folder / "endpoint.snapshot";
    SystemClock clock;
    Sealer sealer = Sealer::load_or_create(folder / "endpoint-sealing.key").value();
    SiteKeys keys{sealer};
    std::shared_ptr<MemoryDatabase> database = std::make_shared<MemoryDatabase>();
    std::unique_ptr<Store> store = make_memory_store(database);
    FencingToken token = store->acquire_lease("test").value();
};

} // namespace

TEST_CASE_METHOD(World, "a snapshot holds each site that is served, with its body, certificate and key", "[domains][sites]") {
    serve("a.example", "body of a");
    serve("b.example", "");
    auto written = write_snapshot(*store, keys, clock, file, 7);
    REQUIRE(written);
    CHECK(written->sites == 1);
    auto snapshot = server::Snapshot::open(file);
    REQUIRE(snapshot);
    CHECK((*snapshot)->facts().generation == 7);
    auto site = (*snapshot)->find("mta-sts.a.example");
    REQUIRE(site);
    REQUIRE(site->has_value());
    CHECK((*site)->policy == "body of a");
    CHECK((*site)->key.point == keys.open(store->served_sites("", 1)->front().pair.sealed, "a.example")->point);
    CHECK_FALSE((*(*snapshot)->find("mta-sts.b.example")).has_value());
}

TEST_CASE_METHOD(World, "a site that is damaged is left out and named, the others are served", "[domains][sites]") {
    serve("a.example", "body");
    serve("b.example", "body");
    Commit wrong;
    wrong.pairs = {order("other.example").pair}; // a key that belongs elsewhere
    wrong.pairs.front().domain = "a.example";
    REQUIRE(store->commit(token, wrong));
    auto written = write_snapshot(*store, keys, clock, file, 1);
    REQUIRE(written);
    CHECK(written->sites == 1);
    REQUIRE(written->unopened.size() == 1);
    CHECK(written->unopened.front().domain == "a.example");
    CHECK_FALSE(written->unopened.front().carried_over);
}

TEST_CASE_METHOD(World, "when the sealing key is lost each site is served on with what the former snapshot has, and the body of now", "[domains][sites]") {
    serve("a.example", "body");
    serve("b.example", "body");
    REQUIRE(write_snapshot(*store, keys, clock, file, 1));
    const auto point = (*server::Snapshot::open(file).value()->find("mta-sts.a.example"))->key.point;
    serve("c.example", "body"); // not in that snapshot
    Commit changed;
    SiteRow row;
    row.domain = "a.example";
    row.body = "another body";
    changed.sites = {row};
    REQUIRE(store->commit(token, changed));
    const Sealer other = Sealer::load_or_create(folder.path() / "made-anew.key").value();
    auto written = write_snapshot(*store, SiteKeys{other}, clock, file, 2);
    REQUIRE(written);
    CHECK(written->sites == 2);
    REQUIRE(written->unopened.size() == 3);
    CHECK(written->unopened[1].carried_over);
    CHECK_FALSE(written->unopened[2].carried_over);
    auto carried = server::Snapshot::open(file).value()->find("mta-sts.a.example");
    REQUIRE(carried);
    REQUIRE(carried->has_value());
    CHECK((*carried)->policy == "another body");
    CHECK((*carried)->key.point == point);
}

TEST_CASE_METHOD(World, "a store that cannot be read leaves the old file", "[domains][sites]") {
    serve("a.example", "body");
    REQUIRE(write_snapshot(*store, keys, clock, file, 3));
    database->crash();
    CHECK_FALSE(write_snapshot(*store, keys, clock, file, 4));
    CHECK((*server::Snapshot::open(file))->facts().generation == 3);
}

TEST_CASE_METHOD(World, "a self-signed order gives a certificate of 90 days under a new key each time", "[domains][sites]") {
    auto first = order("a.example"), second = order("a.example");
    CHECK(first.not_after - first.not_before > std::chrono::hours(24 * 89));
    CHECK(first.pair.leaf != second.pair.leaf);
    CHECK(keys.open(first.pair.sealed, "a.example")->point != keys.open(second.pair.sealed, "a.example")->point);
    CHECK(first.pair.issuers.empty());
}

TEST_CASE_METHOD(World, "a sealed key opens under its own domain and sealing key alone", "[domains][sites]") {
    auto sealed = order("a.example").pair.sealed;
    CHECK(keys.open(sealed, "a.example").ok());
    CHECK_FALSE(keys.open(sealed, "b.example").ok());
    Sealer other = Sealer::load_or_create(folder / "other.key").value();
    CHECK_FALSE(SiteKeys(other).open(sealed, "a.example").ok());
    sealed.back() ^= 1;
    CHECK_FALSE(keys.open(sealed, "a.example").ok());
    CHECK_FALSE(keys.seal(*PrivateKey::generate(rotation::Algorithm::rsa_2048), "a.example").ok());
}

TEST_CASE_METHOD(World, "challenges are shown in the file beside the snapshot, several at once, and each goes by itself", "[domains][sites]") {
    auto endpoint = SiteEndpoint::start({empty_snapshot(), {}, clock, [](const server::Event&) {}});
    REQUIRE(endpoint);
    (*endpoint)->stop(); // nobody waits for `serve` to look
    auto& board = (*endpoint)->challenges();
    const auto name = *dns::Name::parse("mta-sts.a.example");
    std::shared_ptr<const server::Challenges> read;
    const auto shown = [&]() -> const server::Challenges& { return *(read = *server::read_challenges(server::challenges_file_of(file))); };
    CHECK(board.http().publish(name, "tokentokentokentoken-1.print").error().code() == ErrorCode::transient); // it was told to stop
    CHECK_FALSE(board.http().publish(name, "tokentokentokentoken-2.print").ok());
    CHECK_FALSE(board.tls_alpn().publish(name, "tokentokentokentoken-3.print").ok());
    CHECK(shown().http.at("mta-sts.a.example").size() == 2);
    CHECK(shown().tls_alpn.size() == 1);
    REQUIRE(board.http().remove(name, "tokentokentokentoken-1.print"));
    CHECK(shown().http.at("mta-sts.a.example").at("tokentokentokentoken-2") == "tokentokentokentoken-2.print");
    REQUIRE(board.http().remove(name, "tokentokentokentoken-2.print"));
    REQUIRE(board.http().remove(name, "tokentokentokentoken-2.print")); // a second time
    REQUIRE(board.tls_alpn().remove(name, ""));
    CHECK(shown().http.empty());
    CHECK(shown().tls_alpn.empty());
    CHECK(board.http().publish(name, "../../etc/passwd.print").error().code() == ErrorCode::protocol);
}

TEST_CASE_METHOD(World, "an endpoint takes a new snapshot, and none that is older", "[domains][sites]") {
    empty_snapshot();
    std::vector<server::Listener> listeners;
    listeners.push_back(std::move(*server::listen_on("127.0.0.1:0", server::Door::https)));
    auto endpoint = SiteEndpoint::start({file, std::move(listeners), clock, [](const server::Event&) {}});
    REQUIRE(endpoint);
    CHECK((*endpoint)->is_embedded());
    serve("a.example", "body");
    REQUIRE(write_snapshot(*store, keys, clock, file, 5));
    CHECK((*endpoint)->take_snapshot().ok());
    REQUIRE(write_snapshot(*store, keys, clock, file, 4));
    CHECK((*endpoint)->take_snapshot().error().code() == ErrorCode::refused);
    CHECK((*endpoint)->drain() == 0);
}

TEST_CASE("a chain as DER leaves the root out and keeps what is between", "[domains][sites]") {
    auto key = PrivateKey::generate(rotation::Algorithm::ecdsa_p256).value();
    SystemClock clock;
    SelfSignedAuthority authority(clock);
    auto pem = authority.obtain({{*dns::Name::parse("mta-sts.a.example")}, key}).value();
    auto chain = der_chain_of(pem + pem + pem);
    REQUIRE(chain);
    CHECK(chain->issuers.size() == 1); // the last one is its own issuer
    CHECK(chain->not_after > clock.wall());
    CHECK_FALSE(der_chain_of("no certificate").ok());
}
