#include "agent/acme/self_signed.hpp"

#include "agent/keys/certificates.hpp"
#include "tests/unit/acme/worlds.hpp"

#include <catch2/catch.hpp>

namespace mxseal::agent::testing {

TEST_CASE("a self-signed certificate is for the key and the names, and lasts ninety days") {
    FakeClock clock;
    SelfSignedAuthority authority(clock);
    auto key = PrivateKey::generate(rotation::Algorithm::ecdsa_p256).value();
    std::vector<dns::Name> names{dns::Name::parse("mx1.example.org").value()};
    auto pem = authority.obtain({names, key});
    REQUIRE(pem);
    auto chain = check_issued(*pem, key, names, clock.now);
    REQUIRE(chain);
    CHECK(chain->self_signed);
    CHECK(chain->not_after == clock.now + std::chrono::hours(24 * 90));
    CHECK(authority.server_time().error().code() == ErrorCode::unsupported);
}

} // namespace mxseal::agent::testing
