#include "mta-sts-server/site_shelf.hpp"

#include "test_sites.hpp"

#include <catch2/catch.hpp>
#include <openssl/x509.h>

using namespace mxseal;
using namespace mxseal::server;
using namespace mxseal::server::testing;

TEST_CASE("a shelf reads a site once, keeps the last few, and forgets all with a new snapshot") {
    const TestSites sites;
    const TemporaryFolder folder;
    const auto a = sites.make("a.example", "A"), b = sites.make("b.example", "B"), c = sites.make("c.example", "C");
    write_snapshot(folder / "one", 1, {&a, &b, &c});
    auto made = SiteShelf::make(2);
    REQUIRE(made.ok());
    SiteShelf& shelf = **made;
    shelf.use(Snapshot::open(folder / "one").value());
    const auto first = shelf.find("a.example").value();
    REQUIRE(first);
    CHECK(first->policy == "A");
    CHECK(first->generation == 1);
    CHECK(X509_check_private_key(first->certificate.get(), first->key.get()) == 1);
    CHECK(shelf.find("a.example").value() == first);
    const auto second = shelf.find("b.example").value();
    CHECK(second->issuers == first->issuers);
    CHECK(shelf.find("a.example").value() == first);
    CHECK(shelf.find("c.example").value()->policy == "C"); // b goes: a was asked for after it
    CHECK(shelf.cached() == 2);
    CHECK(shelf.find("a.example").value() == first);
    CHECK(shelf.find("b.example").value() != second);
    CHECK_FALSE(shelf.find("d.example").value());

    const auto changed = sites.make("a.example", "A2");
    write_snapshot(folder / "two", 2, {&changed});
    shelf.use(Snapshot::open(folder / "two").value());
    CHECK(shelf.cached() == 0);
    CHECK(shelf.find("a.example").value()->policy == "A2");
    CHECK(shelf.find("a.example").value()->generation == 2);
    CHECK(first->policy == "A");
    CHECK(first->generation == 1);
    CHECK_FALSE(shelf.find("b.example").value());
}

TEST_CASE("a certificate for another key, and numbers that are no key, are refused") {
    const TestSites sites;
    const auto a = sites.make("a.example", "A"), b = sites.make("b.example", "B");
    auto reader = ObjectReader::make();
    REQUIRE(reader.ok());
    auto key = reader->key(a.key);
    REQUIRE(key.ok());
    CHECK(reader->leaf(a.certificate, a.key, key->get()).ok());
    CHECK_FALSE(reader->leaf(b.certificate, a.key, key->get()).ok());
    auto cut = a.certificate;
    cut.pop_back();
    CHECK_FALSE(reader->leaf(cut, a.key, key->get()).ok());
    KeyPair off_curve{a.key.scalar.clone(), a.key.point};
    off_curve.point[64] ^= 1;
    CHECK_FALSE(reader->key(off_curve).ok());
    KeyPair short_scalar{Secret(Bytes(31, 1)), a.key.point};
    CHECK_FALSE(reader->key(short_scalar).ok());
}

TEST_CASE("a site is made from what a CA delivers") {
    const TestSites sites;
    const auto a = sites.make("a.example", "A"), b = sites.make("b.example", "B");
    auto again = site_from_pem("a.example", "A", sites.key_pem(a), sites.chain_pem(a));
    REQUIRE(again.ok());
    CHECK(again->certificate == a.certificate);
    CHECK(again->issuers == a.issuers);
    CHECK(again->key.point == a.key.point);
    CHECK(again->key.scalar.equals(a.key.scalar.reveal()));
    CHECK_FALSE(site_from_pem("a.example", "A", sites.key_pem(b), sites.chain_pem(a)).ok());
    CHECK_FALSE(site_from_pem("a.example", "A", sites.key_pem(a), "").ok());
    CHECK_FALSE(site_from_pem("a.example", "A", "", sites.chain_pem(a)).ok());
}
