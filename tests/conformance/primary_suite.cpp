// What the RFC 2136 driver does with a real primary, with a wrong key or clock, with rivals, and with a network that misbehaves.
#include "base/dns/update.hpp"
#include "tests/conformance/child_process.hpp"
#include "tests/conformance/provider_world.hpp"
#include "tests/conformance/sample_values.hpp"
#include "tests/conformance/update_proxy.hpp"

#include <algorithm>
#include <atomic>
#include <string>
#include <thread>

using namespace mxseal;
using namespace mxseal::conformance;

namespace {

const Ttl kHour{3600};

class ShiftedClock final : public Clock {
public:
    explicit ShiftedClock(Duration shift) : shift_(shift) {}
    Instant wall() const override { return clock_.wall() + shift_; }
    BootTime boot_time() const override { return clock_.boot_time(); }
    std::string boot_id() const override { return clock_.boot_id(); }

private:
    SystemClock clock_;
    Duration shift_;
};

PrimaryWorld* the_primary() { return static_cast<PrimaryWorld*>(the_world()); }

struct Bench {
    explicit Bench(PrimaryWorld& the) : world(the), zone(the.zone()), owner(the.fresh_owner()) {}

    std::vector<Bytes> values() {
        auto rrset = must(world.driver().read(zone, owner, dns::Type::tlsa));
        return rrset ? rrset->values : std::vector<Bytes>{};
    }
    std::vector<Change> adding(int value) const { return {tlsa_change(owner, Add{{tlsa(value)}, kHour})}; }
    auto driver_through(const UpdateProxy& proxy) { return world.driver_at({proxy.endpoint()}, world.key(), clock); }

    PrimaryWorld& world;
    providers::Zone zone;
    dns::Name owner;
    SystemClock clock;
};

} // namespace

#define AT_THE_PRIMARY(bench)                   \
    if (the_primary() == nullptr) {             \
        WARN("left out: no server to try it on"); \
        return;                                 \
    }                                           \
    Bench bench(*the_primary())

TEST_CASE("MX hosts that a foreign hand wrote in capitals read in lower case and are a base to change from") {
    AT_THE_PRIMARY(at);
    const dns::Name domain = at.owner.parent().parent(); // h7.example.test: BIND takes MX at host names only
    const dns::TsigKey key = at.world.key();
    must(dns::send_update(at.world.primary(), key, at.clock, {at.zone.apex, {}, {{domain, dns::Type::mx, kHour, {mx(10, "MX1")}}}}, dns::Deadline::in(std::chrono::seconds(10))));
    const auto seen = must(at.world.driver().read(at.zone, domain, dns::Type::mx));
    REQUIRE(seen.has_value());
    CHECK(seen->values == std::vector<Bytes>{mx(10, "mx1")});
    must(at.world.driver().apply(at.zone, {{domain, dns::Type::mx, Replace{{mx(10, "mx2")}, kHour}, MustEqual{seen->values}}}));
    CHECK(must(at.world.driver().read(at.zone, domain, dns::Type::mx))->values == std::vector<Bytes>{mx(10, "mx2")});
}

TEST_CASE("a key with another secret is refused, and nothing is changed") {
    AT_THE_PRIMARY(at);
    dns::TsigKey wrong{at.world.key().name, dns::TsigAlgorithm::hmac_sha256, Secret(std::string_view("another secret of 32 octets, ok?"))};
    auto driver = at.world.driver_at({at.world.primary()}, std::move(wrong), at.clock);
    CHECK(code_of(driver->apply(at.zone, at.adding(1))) == ErrorCode::auth_failed);
    CHECK(code_of(driver->find_zone(at.owner)) == ErrorCode::auth_failed);
    CHECK(at.values().empty());
}

TEST_CASE("a key with an unknown name is refused, and the error names it") {
    AT_THE_PRIMARY(at);
    dns::TsigKey wrong{dns::Name::parse("stranger").value(), dns::TsigAlgorithm::hmac_sha256, at.world.key().secret.clone()};
    auto driver = at.world.driver_at({at.world.primary()}, std::move(wrong), at.clock);
    auto refused = driver->apply(at.zone, at.adding(1));
    REQUIRE(code_of(refused) == ErrorCode::auth_failed);
    CHECK_THAT(refused.error().message(), Catch::Contains("stranger"));
}

TEST_CASE("a clock that is far off is told with its skew, and the server's time still comes") {
    AT_THE_PRIMARY(at);
    ShiftedClock ahead(std::chrono::minutes(20)), behind(-std::chrono::minutes(20));
    auto fast = at.world.driver_at({at.world.primary()}, at.world.key(), ahead), slow = at.world.driver_at({at.world.primary()}, at.world.key(), behind);
    auto refused = fast->apply(at.zone, at.adding(1));
    REQUIRE(code_of(refused) == ErrorCode::clock_skew);
    CHECK_THAT(refused.error().message(), Catch::Contains("ahead of") && (Catch::Contains("20m") || Catch::Contains("19m 59s")));
    auto refused_too = slow->read(at.zone, at.owner, dns::Type::tlsa);
    REQUIRE(code_of(refused_too) == ErrorCode::clock_skew);
    CHECK_THAT(refused_too.error().message(), Catch::Contains("behind"));
    auto apart = must(fast->server_time(at.zone)) - at.clock.wall();
    CHECK(apart < std::chrono::seconds(5));
    CHECK(apart > std::chrono::seconds(-5));
    CHECK(at.values().empty());
}

TEST_CASE("a clock within the fudge does no harm") {
    AT_THE_PRIMARY(at);
    ShiftedClock ahead(std::chrono::minutes(2));
    must(at.world.driver_at({at.world.primary()}, at.world.key(), ahead)->apply(at.zone, at.adding(1)));
    CHECK(at.values() == std::vector<Bytes>{tlsa(1)});
}

TEST_CASE("a name that is delegated away is not managed") {
    AT_THE_PRIMARY(at);
    auto below = dns::Name::parse("_25._tcp.mx1.sub.example.test").value();
    CHECK(code_of(at.world.driver().find_zone(below)) == ErrorCode::not_managed);
    CHECK(code_of(at.world.driver().read(at.zone, below, dns::Type::tlsa)) == ErrorCode::not_managed);
    CHECK(code_of(at.world.driver().apply(at.zone, {tlsa_change(below, Add{{tlsa(1)}, kHour})})) == ErrorCode::not_managed);
}

TEST_CASE("what a wildcard makes up is not taken for what stands there, in signed and unsigned zones") {
    AT_THE_PRIMARY(at);
    auto& driver = at.world.driver();
    auto ours = dns::txt_rdata("ours");
    for (const char* apex : {"example.test", "unsigned.test"})
        for (const char* label : {"x1.wild", "x1.alias"}) {
            INFO(label << "." << apex);
            providers::Zone zone{dns::Name::parse(apex).value(), "", std::nullopt};
            auto below = zone.apex.prefixed(label).value();
            CHECK_FALSE(must(driver.read(zone, below, dns::Type::txt)).has_value());
            must(driver.apply(zone, {txt_change(below, Add{{ours}, kHour}, MustBeAbsent{})}));
            CHECK(must(driver.read(zone, below, dns::Type::txt))->values == std::vector<Bytes>{ours});
        }
}

TEST_CASE("what stands beside a wildcard is taken for what it is") {
    AT_THE_PRIMARY(at);
    providers::Zone zone{dns::Name::parse("unsigned.test").value(), "", std::nullopt};
    auto real = zone.apex.prefixed("real.wild").value(), aliased = zone.apex.prefixed("real.alias").value();
    CHECK(must(at.world.driver().read(zone, real, dns::Type::txt))->values == std::vector<Bytes>{dns::txt_rdata("stands there")});
    CHECK(code_of(at.world.driver().read(zone, aliased, dns::Type::txt)) == ErrorCode::cname_conflict);
}

TEST_CASE("below a DNAME nothing is written") {
    AT_THE_PRIMARY(at);
    providers::Zone zone{dns::Name::parse("unsigned.test").value(), "", std::nullopt};
    auto below = zone.apex.prefixed("_25._tcp.mx1.deep").value();
    CHECK(code_of(at.world.driver().apply(zone, {tlsa_change(below, Add{{tlsa(1)}, kHour})})) == ErrorCode::cname_conflict);
}

TEST_CASE("of two writers with the same base exactly one wins") {
    AT_THE_PRIMARY(at);
    auto other = at.world.driver_at({at.world.primary()}, at.world.key(), at.clock);
    for (int round = 0; round < 20; ++round) {
        auto base = at.values();
        auto change = [&](int value) { return std::vector<Change>{tlsa_change(at.owner, Replace{{tlsa(value)}, kHour}, MustEqual{base})}; };
        std::optional<Result<providers::Ticket>> theirs;
        std::thread rival([&] { theirs = other->apply(at.zone, change(1000 + round)); });
        auto ours = at.world.driver().apply(at.zone, change(round));
        rival.join();
        REQUIRE(ours.ok() != theirs->ok());
        CHECK(code_of(ours.ok() ? *theirs : ours) == ErrorCode::precondition);
        CHECK(at.values() == std::vector<Bytes>{tlsa(ours.ok() ? round : 1000 + round)});
    }
}

TEST_CASE("of what two writers add at once nothing is lost") {
    AT_THE_PRIMARY(at);
    auto other = at.world.driver_at({at.world.primary()}, at.world.key(), at.clock);
    std::atomic<int> failures{0};
    auto add_ten = [&](providers::DnsDriver& driver, int from) {
        for (int value = from; value < from + 10; ++value) {
            auto added = driver.apply(at.zone, at.adding(value));
            // A rival may come between our write and its read-back, or win three races; both ask to come again.
            for (int again = 0; !added.ok() && again < 50; ++again) added = driver.apply(at.zone, at.adding(value));
            failures += added.ok() ? 0 : 1;
        }
    };
    std::thread rival([&] { add_ten(*other, 100); });
    add_ten(at.world.driver(), 0);
    rival.join();
    CHECK(failures == 0);
    CHECK(at.values().size() == 20);
}

TEST_CASE("an update whose answer is lost is ambiguous, and reading shows that it happened") {
    AT_THE_PRIMARY(at);
    UpdateProxy proxy(at.world.primary(), Mistreatment::drop_reply);
    auto driver = at.driver_through(proxy);
    CHECK(code_of(driver->apply(at.zone, at.adding(1))) == ErrorCode::ambiguous);
    CHECK(must(driver->read(at.zone, at.owner, dns::Type::tlsa))->values == std::vector<Bytes>{tlsa(1)});
    must(driver->apply(at.zone, at.adding(1)));
    CHECK(proxy.updates_seen() == 1);
}

TEST_CASE("an update that is lost is ambiguous, and reading shows that nothing happened") {
    AT_THE_PRIMARY(at);
    UpdateProxy proxy(at.world.primary(), Mistreatment::drop_request);
    auto driver = at.driver_through(proxy);
    CHECK(code_of(driver->apply(at.zone, at.adding(1))) == ErrorCode::ambiguous);
    CHECK_FALSE(must(driver->read(at.zone, at.owner, dns::Type::tlsa)).has_value());
}

TEST_CASE("an update that arrives twice is done once") {
    AT_THE_PRIMARY(at);
    UpdateProxy proxy(at.world.primary(), Mistreatment::duplicate);
    auto driver = at.driver_through(proxy);
    must(driver->apply(at.zone, at.adding(1)));
    must(driver->apply(at.zone, at.adding(2)));
    must(driver->apply(at.zone, {tlsa_change(at.owner, Remove{{tlsa(1)}})}));
    CHECK(at.values() == std::vector<Bytes>{tlsa(2)});
}

TEST_CASE("an answer without a valid signature counts as none") {
    AT_THE_PRIMARY(at);
    for (auto mistreatment : {Mistreatment::change_reply, Mistreatment::strip_reply, Mistreatment::fake_success}) {
        UpdateProxy proxy(at.world.primary(), mistreatment);
        auto driver = at.driver_through(proxy);
        CHECK(code_of(driver->apply(at.zone, {tlsa_change(at.world.fresh_owner(), Add{{tlsa(1)}, kHour})})) == ErrorCode::ambiguous);
        CHECK(proxy.updates_seen() == 1);
    }
}

TEST_CASE("the next listed primary is asked when the first takes no connection") {
    AT_THE_PRIMARY(at);
    dns::Endpoint nobody{"127.0.0.1", free_port()};
    CHECK(code_of(at.world.driver_at({nobody}, at.world.key(), at.clock)->apply(at.zone, at.adding(1))) == ErrorCode::transient);
    must(at.world.driver_at({nobody, at.world.primary()}, at.world.key(), at.clock)->apply(at.zone, at.adding(1)));
    CHECK(at.values() == std::vector<Bytes>{tlsa(1)});
}

TEST_CASE("the next listed primary is not asked when the first may have done it") {
    AT_THE_PRIMARY(at);
    UpdateProxy deaf(at.world.primary(), Mistreatment::drop_request);
    auto driver = at.world.driver_at({deaf.endpoint(), at.world.primary()}, at.world.key(), at.clock);
    CHECK(code_of(driver->apply(at.zone, at.adding(1))) == ErrorCode::ambiguous);
    CHECK(at.values().empty());
}
