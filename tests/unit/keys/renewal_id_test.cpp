#include "agent/keys/certificates.hpp"

#include "tests/unit/keys/test_ca.hpp"

#include <catch2/catch.hpp>

namespace mxseal::agent::testing {

namespace {

struct World {
    Instant from = at("2026-11-01T00:00:00Z"), to = at("2027-01-30T00:00:00Z");
    TestCa ca{from, to};
    PrivateKey key = PrivateKey::generate(rotation::Algorithm::ecdsa_p256).value();

    std::string id(const std::string& authority_key, const std::string& serial) const {
        auto found = renewal_id(ca.issue(key.get(), {{"mx1.example.org"}, "leaf", "", from, to, false, authority_key, serial}));
        REQUIRE(found);
        return found->value_or("none");
    }
};

} // namespace

TEST_CASE("the id of a certificate is its authority's key identifier and its serial number, as RFC 9773 section 4.1 has them") {
    CHECK(World().id("69885b6b87464041e1b37b847ba0ae2cde01c8d4", "87654321") == "aYhba4dGQEHhs3uEe6CuLN4ByNQ.AIdlQyE");
}

TEST_CASE("the octet that keeps a serial number positive is part of it, and stands only where it is needed") {
    World world;
    CHECK(world.id("00", "7f") == "AA.fw");
    CHECK(world.id("00", "80") == "AA.AIA");
    CHECK(world.id("ff", "0") == "_w.AA");
    CHECK(world.id("ff", std::string(40, 'f')) == "_w." + to_base64url(*from_hex("00" + std::string(40, 'f'))));
}

TEST_CASE("a certificate of which no CA can be told has no id") {
    World world;
    CHECK(world.id("", "7f") == "none");
    auto own = make_self_signed(world.key, names({"mx1.example.org"}), world.from, std::chrono::hours(24));
    REQUIRE(own);
    CHECK(renewal_id(*own).value() == std::nullopt);
    CHECK_FALSE(renewal_id("no certificate at all").ok());
}

} // namespace mxseal::agent::testing
