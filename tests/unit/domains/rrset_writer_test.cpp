#include "agent/domains/rrset_writer.hpp"

#include "base/dns/rdata.hpp"
#include "base/dns/txt.hpp"
#include "providers/memory/memory_driver.hpp"

#include <catch2/catch.hpp>

#include <algorithm>

using namespace mxseal;
using namespace mxseal::agent;
using dns::Type;
using rotation::mta_sts::Values;

namespace {

const SystemClock kClock;

dns::Name name(const std::string& text) { return dns::Name::parse(text).value(); }
const dns::Name kOwner = name("_mta-sts.example.org"), kDomain = name("example.org");

struct Zone {
    Zone() { driver.add_zone(kDomain); }
    std::vector<Bytes> values(const dns::Name& owner = kOwner, Type type = Type::txt) const {
        const auto rrset = driver.lookup(owner, type);
        return rrset ? rrset->values : std::vector<Bytes>{};
    }
    Status write(const Values& base, const Values& target) { return write_rrset(driver, kOwner, Type::txt, base, target, Ttl(300)); }
    providers::MemoryDriver driver{kClock};
};

// Another hand writes right after each look.
struct Rival final : providers::DnsDriver {
    Rival(providers::MemoryDriver& there, providers::Rrset theirs) : driver(there), late(std::move(theirs)) {}
    providers::Capabilities capabilities() const override { return driver.capabilities(); }
    Result<providers::Zone> find_zone(const dns::Name& owner) override { return driver.find_zone(owner); }
    Result<std::optional<providers::Rrset>> read(const providers::Zone& zone, const dns::Name& owner, Type type) override {
        auto seen = driver.read(zone, owner, type);
        driver.put(late);
        return seen;
    }
    Result<providers::Ticket> apply(const providers::Zone& zone, const std::vector<providers::Change>& changes) override { return driver.apply(zone, changes); }
    Result<providers::TicketState> poll(const providers::Zone& zone, const providers::Ticket& ticket) override { return driver.poll(zone, ticket); }
    Result<Instant> server_time(const providers::Zone& zone) override { return driver.server_time(zone); }
    providers::MemoryDriver& driver;
    providers::Rrset late;
};

std::vector<Bytes> sorted(std::vector<Bytes> values) {
    std::sort(values.begin(), values.end());
    return values;
}

} // namespace

TEST_CASE("a record is written where none is, changed from what it was, and removed", "[domains][rrset]") {
    Zone zone;
    REQUIRE(zone.write({}, {"v=STSv1; id=1;"}));
    CHECK(zone.driver.lookup(kOwner, Type::txt) == providers::Rrset{kOwner, Type::txt, Ttl(300), {dns::txt_rdata("v=STSv1; id=1;")}});
    REQUIRE(zone.write({"v=STSv1; id=1;"}, {"other", "v=STSv1; id=2;"}));
    CHECK(zone.values() == sorted({dns::txt_rdata("other"), dns::txt_rdata("v=STSv1; id=2;")}));
    REQUIRE(zone.write({"v=STSv1; id=2;", "other"}, {})); // in whatever order
    CHECK(zone.values().empty());
}

TEST_CASE("what is not as expected is left as it is", "[domains][rrset]") {
    Zone zone;
    CHECK(zone.write({"v=STSv1; id=1;"}, {"v=STSv1; id=2;"}).error().code() == ErrorCode::precondition);
    REQUIRE(zone.write({}, {"v=STSv1; id=1;"}));
    const auto serial = zone.driver.serial();
    for (const Values& base : {Values{}, Values{"v=STSv1; id=2;"}, Values{"v=STSv1; id=1;", "other"}}) {
        const Status lost = zone.write(base, {"v=STSv1; id=3;"});
        REQUIRE_FALSE(lost);
        CHECK(lost.error().code() == ErrorCode::precondition);
        CHECK(lost.error().message().find("TXT _mta-sts.example.org is not what was expected") != std::string::npos);
    }
    CHECK(zone.driver.serial() == serial);
}

TEST_CASE("what another hand writes between the look and the write is not lost", "[domains][rrset]") {
    Zone zone;
    Rival rival(zone.driver, {kOwner, Type::txt, Ttl(60), {dns::txt_rdata("theirs")}});
    CHECK(write_rrset(rival, kOwner, Type::txt, {}, {"ours"}, Ttl(300)).error().code() == ErrorCode::precondition);
    rival.late.values = {dns::txt_rdata("theirs, changed")};
    CHECK(write_rrset(rival, kOwner, Type::txt, {"theirs"}, {"ours", "theirs"}, Ttl(300)).error().code() == ErrorCode::precondition);
    CHECK(zone.values() == rival.late.values);
}

TEST_CASE("a text of others keeps its strings, and one that stands there twice stays twice", "[domains][rrset]") {
    Zone zone;
    const Bytes split{1, 'a', 1, 'b'};
    zone.driver.put({kOwner, Type::txt, Ttl(60), sorted({split, dns::txt_rdata("ab"), dns::txt_rdata("c")})});
    REQUIRE(zone.write({"ab", "c"}, {"ab", std::string(300, 'x')}));
    CHECK(zone.values() == sorted({split, dns::txt_rdata("ab"), dns::txt_rdata(std::string(300, 'x'))}));
    CHECK(zone.driver.lookup(kOwner, Type::txt)->ttl == Ttl(300));
    zone.driver.put({kOwner, Type::txt, Ttl(60), {split}});
    REQUIRE(zone.write({"ab"}, {"ab", "d"}));
    CHECK(zone.values() == sorted({split, dns::txt_rdata("d")}));
}

TEST_CASE("an MX RRset is written in the same way", "[domains][rrset]") {
    Zone zone;
    zone.driver.put({kDomain, Type::mx, Ttl(60), {dns::mx_rdata(10, name("mx1.example.org"))}});
    REQUIRE(write_rrset(zone.driver, kDomain, Type::mx, {"10 mx1.example.org"}, {"10 mx1.example.org", "20 mx2.example.org"}, Ttl(600)));
    CHECK(zone.values(kDomain, Type::mx) == sorted({dns::mx_rdata(10, name("mx1.example.org")), dns::mx_rdata(20, name("mx2.example.org"))}));
    CHECK(write_rrset(zone.driver, kDomain, Type::mx, {"10 mx1.example.org", "20 mx2.example.org"}, {"no value"}, Ttl(600)).error().code() == ErrorCode::invalid);
    CHECK(zone.values(kDomain, Type::mx).size() == 2);
}

TEST_CASE("what the driver answers is handed on", "[domains][rrset]") {
    Zone zone;
    CHECK(write_rrset(zone.driver, name("_mta-sts.example.com"), Type::txt, {}, {"a"}, Ttl(300)).error().code() == ErrorCode::not_managed);
    for (const auto& [fault, code] : {std::pair(providers::MemoryFault::ambiguous_lost, ErrorCode::ambiguous), std::pair(providers::MemoryFault::transient, ErrorCode::transient),
                                      std::pair(providers::MemoryFault::lost_race, ErrorCode::precondition)}) {
        zone.driver.inject(fault);
        CHECK(zone.write({}, {"a"}).error().code() == code);
        CHECK(zone.values().empty());
    }
    zone.driver.inject(providers::MemoryFault::late); // accepted, and pending
    REQUIRE(zone.write({}, {"a"}));
    CHECK(zone.values().empty());
    CHECK(zone.driver.carry_out_late() == 1);
    CHECK(zone.values() == std::vector<Bytes>{dns::txt_rdata("a")});
    zone.driver.put({kOwner, Type::txt, Ttl(300), {}});
    zone.driver.put({kOwner, Type::cname, Ttl(300), {Bytes{1, 'x', 0}}});
    CHECK(zone.write({}, {"a"}).error().code() == ErrorCode::cname_conflict);
}
