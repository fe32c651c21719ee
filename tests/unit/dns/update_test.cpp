#include "base/dns/update.hpp"

#include "base/dns/wire.hpp"

#include <catch2/catch.hpp>

using namespace mxseal;
using namespace mxseal::dns;

namespace {

Name name(std::string_view text) { return Name::parse(text).value(); }

TsigKey any_key() { return {name("mxseal"), TsigAlgorithm::hmac_sha256, Secret(std::string_view("secret"))}; }

ErrorCode outcome(int rcode) {
    auto status = outcome_of_update(rcode, "update of example.test at 192.0.2.53", any_key());
    REQUIRE_FALSE(status.ok());
    return status.error().code();
}

} // namespace

TEST_CASE("an update has the zone, the prerequisites and the whole new set") {
    Update update{name("example.test"),
                  {{name("a.example.test"), Type::tlsa, {{1, 2}, {3, 4}}}, {name("a.example.test"), Type::cname, {}}},
                  {{name("a.example.test"), Type::tlsa, Ttl(3600), {{5, 6}}}}};
    auto wire = to_hex(update_message(0x1234, update).value());
    std::string a = "c01e"; // the first owner stands at octet 30, later ones point there
    CHECK(wire == "1234" "2800" "0001" "0003" "0002" "0000"
                  "076578616d706c65047465737400" "0006" "0001"
                  // RFC 2136 section 2.4.2: value dependent: class IN, TTL 0
                  "0161c00c" "0034" "0001" "00000000" "0002" "0102" +
                      a + "0034" "0001" "00000000" "0002" "0304" +
                      // section 2.4.3: no CNAME: class NONE, no rdata
                      a + "0005" "00fe" "00000000" "0000" +
                      // section 2.5.2: delete the RRset: class ANY; section 2.5.1: add with its TTL
                      a + "0034" "00ff" "00000000" "0000" + a + "0034" "0001" "00000e10" "0002" "0506");
}

TEST_CASE("a deletion adds nothing") {
    Update update{name("example.test"), {}, {{name("a.example.test"), Type::txt, Ttl(0), {}}}};
    auto parsed = parse_message(update_message(7, update).value()).value();
    CHECK(parsed.opcode == 5);
    CHECK(parsed.id == 7);
    CHECK(parsed.question->name == name("example.test"));
    CHECK(parsed.question->type == Type::soa);
}

TEST_CASE("the length is known before the message is built, and bounded") {
    Update update{name("example.test"), {}, {}};
    for (int i = 0; i < 400; ++i) {
        auto owner = name("h" + std::to_string(i) + ".example.test");
        update.rrsets.push_back({owner, Type::tlsa, Ttl(60), {Bytes(35, 1)}});
        auto message = update_message(1, update);
        if (octets_at_most(update) > kUpdateOctetsMax) {
            CHECK(message.error().code() == ErrorCode::invalid);
            CHECK(i > 200);
            return;
        }
        REQUIRE(message.ok());
        CHECK(message->size() <= octets_at_most(update));
        CHECK(octets_at_most(update) <= message->size() + 512 + 40u * 2 * (static_cast<unsigned>(i) + 1));
    }
    FAIL("no update was too long");
}

TEST_CASE("each response code of an update has its class") {
    CHECK(outcome_of_update(0, "here", any_key()).ok());
    CHECK(outcome(1) == ErrorCode::internal);
    CHECK(outcome(2) == ErrorCode::transient);
    CHECK(outcome(3) == ErrorCode::precondition);
    CHECK(outcome(4) == ErrorCode::unsupported);
    CHECK(outcome(5) == ErrorCode::auth_failed);
    CHECK(outcome(6) == ErrorCode::precondition);
    CHECK(outcome(7) == ErrorCode::precondition);
    CHECK(outcome(8) == ErrorCode::precondition);
    CHECK(outcome(9) == ErrorCode::not_managed);
    CHECK(outcome(10) == ErrorCode::not_managed);
    CHECK(outcome(11) == ErrorCode::protocol);
}
