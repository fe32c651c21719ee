// What every DnsDriver does (providers/driver.hpp).
#include "tests/conformance/provider_world.hpp"
#include "tests/conformance/sample_values.hpp"

#include <algorithm>
#include <chrono>

using namespace mxseal;
using namespace mxseal::conformance;

namespace {

const Ttl kHour{3600}, kMinute{60};

std::vector<Bytes> sorted(std::vector<Bytes> values) {
    std::sort(values.begin(), values.end());
    return values;
}

// One test's view of the world: short words for what it does at one owner.
struct Bench {
    explicit Bench(ProviderWorld& the) : world(the), driver(the.driver()), zone(the.zone()), owner(the.fresh_owner()) {}

    std::optional<providers::Rrset> read(dns::Type type = dns::Type::tlsa) { return must(driver.read(zone, owner, type)); }
    std::vector<Bytes> values(dns::Type type = dns::Type::tlsa) {
        auto rrset = read(type);
        return rrset ? rrset->values : std::vector<Bytes>{};
    }
    Result<providers::Ticket> apply(providers::Operation operation, providers::Precondition precondition = providers::Any{}) {
        return driver.apply(zone, {tlsa_change(owner, std::move(operation), std::move(precondition))});
    }

    ProviderWorld& world;
    providers::DnsDriver& driver;
    providers::Zone zone;
    dns::Name owner;
};

} // namespace

#define IN_THE_WORLD(bench)                     \
    if (the_world() == nullptr) {               \
        WARN("left out: no server to try it on"); \
        return;                                 \
    }                                           \
    Bench bench(*the_world())

TEST_CASE("the zone of a name is the closest one above it") {
    IN_THE_WORLD(at);
    CHECK(must(at.driver.find_zone(at.owner)).apex == at.zone.apex);
    CHECK(must(at.driver.find_zone(at.zone.apex)).apex == at.zone.apex);
}

TEST_CASE("a name that the provider does not serve is not managed") {
    IN_THE_WORLD(at);
    auto elsewhere = dns::Name::parse("_25._tcp.mx1.elsewhere.invalid").value();
    CHECK(code_of(at.driver.find_zone(elsewhere)) == ErrorCode::not_managed);
    CHECK(code_of(at.driver.read(at.zone, elsewhere, dns::Type::tlsa)) == ErrorCode::not_managed);
    CHECK(code_of(at.driver.apply(at.zone, {tlsa_change(elsewhere, Add{{tlsa(1)}, kHour})})) == ErrorCode::not_managed);
}

TEST_CASE("what is not there reads as absent") {
    IN_THE_WORLD(at);
    CHECK_FALSE(at.read().has_value());
}

TEST_CASE("an RRset is created only where none is, and the second time nothing changes") {
    IN_THE_WORLD(at);
    must(at.apply(Add{{tlsa(1)}, kHour}, MustBeAbsent{}));
    CHECK(at.read() == providers::Rrset{at.owner, dns::Type::tlsa, kHour, {tlsa(1)}});
    CHECK(code_of(at.apply(Add{{tlsa(2)}, kHour}, MustBeAbsent{})) == ErrorCode::precondition);
    CHECK(code_of(at.apply(Add{{tlsa(1)}, kHour}, MustBeAbsent{})) == ErrorCode::precondition);
    CHECK(at.values() == std::vector<Bytes>{tlsa(1)});
}

TEST_CASE("a change on the right base happens, in whatever order the base is given") {
    IN_THE_WORLD(at);
    must(at.apply(Add{{tlsa(1), tlsa(2), tlsa(3)}, kHour}));
    must(at.apply(Replace{{tlsa(4), tlsa(2)}, kHour}, MustEqual{{tlsa(3), tlsa(1), tlsa(2)}}));
    CHECK(at.values() == sorted({tlsa(2), tlsa(4)}));
}

TEST_CASE("a change on a wrong base changes nothing") {
    IN_THE_WORLD(at);
    must(at.apply(Add{{tlsa(1), tlsa(2)}, kHour}));
    for (const auto& base : std::vector<std::vector<Bytes>>{{tlsa(1)}, {tlsa(1), tlsa(2), tlsa(3)}, {tlsa(3), tlsa(4)}, {}})
        CHECK(code_of(at.apply(Replace{{tlsa(9)}, kHour}, MustEqual{base})) == ErrorCode::precondition);
    CHECK(at.values() == sorted({tlsa(1), tlsa(2)}));
}

TEST_CASE("a base is compared by its values, not by its TTL") {
    IN_THE_WORLD(at);
    must(at.apply(Add{{tlsa(1)}, kMinute}));
    must(at.apply(Replace{{tlsa(1)}, kHour}, MustEqual{{tlsa(1)}}));
    CHECK(at.read()->ttl == kHour);
}

TEST_CASE("a base is checked even if the change would change nothing") {
    IN_THE_WORLD(at);
    must(at.apply(Add{{tlsa(1)}, kHour}));
    CHECK(code_of(at.apply(Add{{tlsa(1)}, kHour}, MustEqual{{tlsa(2)}})) == ErrorCode::precondition);
}

TEST_CASE("adding is a union and may be repeated") {
    IN_THE_WORLD(at);
    must(at.apply(Add{{tlsa(1)}, kHour}));
    for (int i = 0; i < 2; ++i) must(at.apply(Add{{tlsa(2), tlsa(1), tlsa(2)}, kHour}));
    CHECK(at.values() == sorted({tlsa(1), tlsa(2)}));
}

TEST_CASE("removing leaves the others, may be repeated, and the last one takes the RRset with it") {
    IN_THE_WORLD(at);
    must(at.apply(Add{{tlsa(1), tlsa(2)}, kHour}));
    for (int i = 0; i < 2; ++i) must(at.apply(Remove{{tlsa(1), tlsa(7)}}));
    CHECK(at.read() == providers::Rrset{at.owner, dns::Type::tlsa, kHour, {tlsa(2)}});
    must(at.apply(Remove{{tlsa(2)}}));
    CHECK_FALSE(at.read().has_value());
    must(at.apply(Remove{{tlsa(2)}}));
}

TEST_CASE("the whole RRset takes the TTL of what is added") {
    IN_THE_WORLD(at);
    must(at.apply(Add{{tlsa(1)}, kHour}));
    must(at.apply(Add{{tlsa(2)}, kMinute}));
    CHECK(at.read() == providers::Rrset{at.owner, dns::Type::tlsa, kMinute, sorted({tlsa(1), tlsa(2)})});
    must(at.apply(Add{{tlsa(2)}, kHour}));
    CHECK(at.read()->ttl == kHour);
}

TEST_CASE("a replacement without values deletes the RRset") {
    IN_THE_WORLD(at);
    must(at.apply(Add{{tlsa(1)}, kHour}));
    must(at.apply(Replace{{}, kHour}, MustEqual{{tlsa(1)}}));
    CHECK_FALSE(at.read().has_value());
}

TEST_CASE("a change that changes nothing is not sent") {
    IN_THE_WORLD(at);
    must(at.apply(Add{{tlsa(1)}, kHour}));
    auto serial = at.world.serial();
    must(at.apply(Add{{tlsa(1)}, kHour}));
    must(at.apply(Remove{{tlsa(2)}}));
    must(at.apply(Replace{{tlsa(1)}, kHour}, MustEqual{{tlsa(1)}}));
    must(at.driver.apply(at.zone, {}));
    CHECK(at.world.serial() == serial);
    must(at.apply(Remove{{tlsa(1)}}));
    CHECK(at.world.serial() != serial);
}

TEST_CASE("beside a CNAME nothing is written, and the conflict is told") {
    IN_THE_WORLD(at);
    Bytes target{2, 'n', 's', 7, 'e', 'x', 'a', 'm', 'p', 'l', 'e', 4, 't', 'e', 's', 't', 0};
    at.world.put({at.owner, dns::Type::cname, kHour, {target}});
    CHECK(code_of(at.driver.read(at.zone, at.owner, dns::Type::tlsa)) == ErrorCode::cname_conflict);
    CHECK(code_of(at.apply(Add{{tlsa(1)}, kHour})) == ErrorCode::cname_conflict);
    CHECK(code_of(at.apply(Add{{tlsa(1)}, kHour}, MustBeAbsent{})) == ErrorCode::cname_conflict);
    CHECK(at.values(dns::Type::cname) == std::vector<Bytes>{target});
}

TEST_CASE("a TLSA value whose digest has the wrong length is refused") {
    IN_THE_WORLD(at);
    CHECK(code_of(at.apply(Add{{Bytes{3, 1, 1, 0xab, 0xcd}}, kHour})) == ErrorCode::invalid);
    CHECK(code_of(at.apply(Add{{Bytes{3, 1}}, kHour})) == ErrorCode::invalid);
    CHECK_FALSE(at.read().has_value());
}

TEST_CASE("a batch that names an RRset twice, or a type that is the server's, is refused") {
    IN_THE_WORLD(at);
    auto twice = std::vector<Change>{tlsa_change(at.owner, Add{{tlsa(1)}, kHour}), tlsa_change(at.owner, Add{{tlsa(2)}, kHour})};
    CHECK(code_of(at.driver.apply(at.zone, twice)) == ErrorCode::invalid);
    CHECK(code_of(at.driver.apply(at.zone, {{at.zone.apex, dns::Type::soa, Replace{{}, kHour}, providers::Any{}}})) == ErrorCode::invalid);
    CHECK_FALSE(at.read().has_value());
}

TEST_CASE("all changes of a batch happen, or none") {
    IN_THE_WORLD(at);
    auto other = at.world.fresh_owner(), third = at.world.fresh_owner();
    must(at.driver.apply(at.zone, {tlsa_change(at.owner, Add{{tlsa(1)}, kHour}), tlsa_change(other, Add{{tlsa(2)}, kHour}),
                                   txt_change(at.owner, Add{{dns::txt_rdata("v=1")}, kHour})}));
    CHECK(at.values() == std::vector<Bytes>{tlsa(1)});
    CHECK(at.values(dns::Type::txt) == std::vector<Bytes>{dns::txt_rdata("v=1")});
    auto failed = at.driver.apply(at.zone, {tlsa_change(third, Add{{tlsa(3)}, kHour}), tlsa_change(other, Replace{{tlsa(4)}, kHour}, MustBeAbsent{}),
                                            tlsa_change(at.owner, Remove{{tlsa(1)}})});
    CHECK(code_of(failed) == ErrorCode::precondition);
    CHECK(at.values() == std::vector<Bytes>{tlsa(1)});
    CHECK(must(at.driver.read(at.zone, other, dns::Type::tlsa))->values == std::vector<Bytes>{tlsa(2)});
    CHECK_FALSE(must(at.driver.read(at.zone, third, dns::Type::tlsa)).has_value());
}

TEST_CASE("text values of others stay where ours come and go") {
    IN_THE_WORLD(at);
    auto ours = dns::txt_rdata("our-challenge"), theirs = dns::txt_rdata("their-challenge"), late = dns::txt_rdata("a late one");
    at.world.put({at.owner, dns::Type::txt, kMinute, {theirs}});
    must(at.driver.apply(at.zone, {txt_change(at.owner, Add{{ours}, kMinute})}));
    CHECK(at.values(dns::Type::txt) == sorted({ours, theirs}));
    at.world.put({at.owner, dns::Type::txt, kMinute, {theirs, ours, late}});
    must(at.driver.apply(at.zone, {txt_change(at.owner, Remove{{ours}})}));
    CHECK(at.values(dns::Type::txt) == sorted({theirs, late}));
}

TEST_CASE("a long text and odd octets come back as they went") {
    IN_THE_WORLD(at);
    auto value = dns::txt_rdata(std::string(300, 'x') + "\"\\;\n \xff");
    must(at.driver.apply(at.zone, {txt_change(at.owner, Add{{value}, kHour})}));
    CHECK(at.values(dns::Type::txt) == std::vector<Bytes>{value});
}

TEST_CASE("an MX RRset is created, changed on the right base alone, and removed") {
    IN_THE_WORLD(at);
    const dns::Name domain = at.owner.parent().parent(); // h7.example.test: BIND takes MX at host names only
    const auto change = [&](std::vector<Bytes> values, providers::Precondition precondition) {
        return at.driver.apply(at.zone, {{domain, dns::Type::mx, Replace{std::move(values), kHour}, std::move(precondition)}});
    };
    must(change({mx(10, "mx1"), mx(20, "mx2")}, MustBeAbsent{}));
    CHECK(must(at.driver.read(at.zone, domain, dns::Type::mx)) == providers::Rrset{domain, dns::Type::mx, kHour, sorted({mx(10, "mx1"), mx(20, "mx2")})});
    CHECK(code_of(change({mx(10, "mx3")}, MustBeAbsent{})) == ErrorCode::precondition);
    CHECK(code_of(change({mx(10, "mx3")}, MustEqual{{mx(10, "mx1")}})) == ErrorCode::precondition);
    CHECK(code_of(change({mx(10, "mx3")}, MustEqual{{mx(10, "mx1"), mx(30, "mx2")}})) == ErrorCode::precondition);
    must(change({mx(10, "mx3"), mx(20, "mx2")}, MustEqual{{mx(20, "mx2"), mx(10, "mx1")}}));
    CHECK(must(at.driver.read(at.zone, domain, dns::Type::mx))->values == sorted({mx(10, "mx3"), mx(20, "mx2")}));
    must(change({}, MustEqual{{mx(10, "mx3"), mx(20, "mx2")}}));
    CHECK_FALSE(must(at.driver.read(at.zone, domain, dns::Type::mx)).has_value());
    must(change({Bytes{0, 0, 0}}, MustBeAbsent{})); // the null MX (RFC 7505)
    CHECK(must(at.driver.read(at.zone, domain, dns::Type::mx))->values == std::vector<Bytes>{Bytes{0, 0, 0}});
}

TEST_CASE("500 owners go in, in parts as large as the driver takes") {
    IN_THE_WORLD(at);
    std::vector<Change> all;
    for (int i = 0; i < 500; ++i) all.push_back(tlsa_change(at.world.fresh_owner(), Add{{tlsa(i), tlsa(i + 1000)}, kHour}, MustBeAbsent{}));
    auto most = at.driver.capabilities().max_batch_changes;
    CHECK(code_of(at.driver.apply(at.zone, all)) == ErrorCode::invalid);
    for (std::size_t i = 0; i < all.size(); i += most) {
        auto end = all.begin() + static_cast<std::ptrdiff_t>(std::min(i + most, all.size()));
        must(at.driver.apply(at.zone, {all.begin() + static_cast<std::ptrdiff_t>(i), end}));
    }
    int right = 0;
    for (int i = 0; i < 500; ++i) {
        auto rrset = must(at.driver.read(at.zone, all[static_cast<std::size_t>(i)].owner, dns::Type::tlsa));
        right += rrset && rrset->values == sorted({tlsa(i), tlsa(i + 1000)}) ? 1 : 0;
    }
    CHECK(right == 500);
}

TEST_CASE("what is accepted is in place, and the ticket says so") {
    IN_THE_WORLD(at);
    auto ticket = must(at.apply(Add{{tlsa(1)}, kHour}));
    CHECK(must(at.driver.poll(at.zone, ticket)) == providers::TicketState::in_sync);
    CHECK(at.values() == std::vector<Bytes>{tlsa(1)});
}

TEST_CASE("the server tells its time") {
    IN_THE_WORLD(at);
    REQUIRE(at.driver.capabilities().tells_time);
    auto apart = must(at.driver.server_time(at.zone)) - SystemClock().wall();
    CHECK(apart < std::chrono::seconds(5));
    CHECK(apart > std::chrono::seconds(-5));
}
