#include "providers/memory/memory_driver.hpp"

#include "base/dns/tlsa.hpp"

#include <thread>

#include <catch2/catch.hpp>

using namespace mxseal;
using namespace mxseal::providers;

namespace {

dns::Name name(std::string_view text) { return dns::Name::parse(text).value(); }
Bytes tlsa(int number) { return dns::dane_ee_spki_sha256(Bytes(32, static_cast<std::uint8_t>(number))).wire(); }
const Ttl kHour{3600};

// A provider with one zone, and an owner in it.
struct Bench {
    SystemClock clock;
    MemoryDriver driver{clock};
    Zone zone{name("example.test"), "", std::nullopt};
    dns::Name owner = name("_25._tcp.mx1.example.test");

    Bench() { driver.add_zone(zone.apex); }
    Result<Ticket> add(int value, Precondition precondition = Any{}) {
        return driver.apply(zone, {{owner, dns::Type::tlsa, Add{{tlsa(value)}, kHour}, std::move(precondition)}});
    }
    std::size_t count() const {
        auto rrset = driver.lookup(owner, dns::Type::tlsa);
        return rrset ? rrset->values.size() : 0;
    }
};

} // namespace

TEST_CASE("an ambiguous answer can stand for done and for not done") {
    Bench at;
    at.driver.inject(MemoryFault::ambiguous_done);
    at.driver.inject(MemoryFault::ambiguous_lost);
    CHECK(at.add(1).error().code() == ErrorCode::ambiguous);
    CHECK(at.count() == 1);
    CHECK(at.add(2).error().code() == ErrorCode::ambiguous);
    CHECK(at.count() == 1);
    CHECK(at.add(2).ok());
    CHECK(at.count() == 2);
}

TEST_CASE("a late update is done when it arrives, if its base still stands") {
    Bench at;
    at.driver.inject(MemoryFault::ambiguous_late, 2);
    CHECK_FALSE(at.add(1).ok());
    CHECK_FALSE(at.add(1).ok());
    CHECK(at.count() == 0);
    CHECK(at.driver.carry_out_late() == 1);
    CHECK(at.count() == 1);
    CHECK(at.driver.carry_out_late() == 0);

    at.driver.inject(MemoryFault::ambiguous_late);
    CHECK_FALSE(at.add(2).ok());
    CHECK(at.add(3).ok());
    CHECK(at.driver.carry_out_late() == 0);
    CHECK(at.driver.lookup(at.owner, dns::Type::tlsa)->values == canonical({tlsa(1), tlsa(3)}));
}

TEST_CASE("a provider can say yes and do nothing, or do it later") {
    Bench at;
    at.driver.inject(MemoryFault::silent_drop);
    CHECK(at.add(1).ok());
    CHECK(at.count() == 0);
    at.driver.inject(MemoryFault::late);
    auto ticket = at.add(1).value();
    CHECK(at.driver.poll(at.zone, ticket).value() == TicketState::pending);
    CHECK(at.count() == 0);
    CHECK(at.driver.carry_out_late() == 1);
    CHECK(at.driver.poll(at.zone, ticket).value() == TicketState::in_sync);
    CHECK(at.count() == 1);
}

TEST_CASE("a passing failure and a lost race change nothing") {
    Bench at;
    at.driver.inject(MemoryFault::transient);
    at.driver.inject(MemoryFault::lost_race);
    CHECK(at.add(1).error().code() == ErrorCode::transient);
    CHECK(at.add(1).error().code() == ErrorCode::precondition);
    CHECK(at.driver.serial() == 0);
    CHECK(at.add(1).ok());
}

TEST_CASE("a fault waits for a change that changes something") {
    Bench at;
    REQUIRE(at.add(1).ok());
    at.driver.inject(MemoryFault::transient);
    CHECK(at.add(1).ok());
    CHECK(at.add(2, MustBeAbsent{}).error().code() == ErrorCode::precondition);
    CHECK(at.add(2).error().code() == ErrorCode::transient);
}

TEST_CASE("the longest match among the zones counts, and the zone above may not write below the cut") {
    Bench at;
    at.driver.add_zone(name("mx1.example.test"), Ttl(300));
    auto zone = at.driver.find_zone(at.owner).value();
    CHECK(zone.apex == name("mx1.example.test"));
    CHECK(zone.min_ttl == Ttl(300));
    CHECK(at.add(1).error().code() == ErrorCode::not_managed);
    REQUIRE(at.driver.apply(zone, {{at.owner, dns::Type::tlsa, Add{{tlsa(1)}, Ttl(60)}, Any{}}}).ok());
    CHECK(at.driver.lookup(at.owner, dns::Type::tlsa)->ttl == Ttl(300));
}

TEST_CASE("a foreign hand may write what we would refuse, and it is kept") {
    Bench at;
    Bytes odd{3, 1, 1, 0xab, 0xcd};
    at.driver.put({at.owner, dns::Type::tlsa, kHour, {odd}});
    REQUIRE(at.add(1).ok());
    CHECK(at.driver.lookup(at.owner, dns::Type::tlsa)->values == canonical({odd, tlsa(1)}));
    at.driver.put({at.owner, dns::Type::tlsa, kHour, {}});
    CHECK(at.driver.contents().empty());
}

TEST_CASE("the provider's clock may differ from ours") {
    Bench at;
    at.driver.set_clock_offset(std::chrono::hours(2));
    auto apart = at.driver.server_time(at.zone).value() - at.clock.wall();
    CHECK(apart > std::chrono::minutes(119));
    CHECK(apart < std::chrono::minutes(121));
}

TEST_CASE("threads that add at once lose nothing") {
    Bench at;
    std::vector<std::thread> writers;
    for (int writer = 0; writer < 4; ++writer)
        writers.emplace_back([&at, writer] {
            for (int i = 0; i < 25; ++i)
                if (!at.add(writer * 25 + i).ok()) return;
        });
    for (std::thread& writer : writers) writer.join();
    CHECK(at.count() == 100);
    CHECK(at.driver.serial() == 100);
}
