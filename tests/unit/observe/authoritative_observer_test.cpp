#include "agent/observe/authoritative_observer.hpp"

#include "providers/driver.hpp"
#include "tests/unit/observe/dns_world.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <iostream>

using namespace mxseal;
using namespace mxseal::agent;
using namespace mxseal::observe_test;
using rotation::tlsa::DnsObservation;
using rotation::tlsa::OwnerObservation;
using rotation::tlsa::Security;
using rotation::tlsa::ServerAnswer;
using Kind = ServerAnswer::Kind;

namespace {

const SystemClock kClock;
const dns::TlsaSet kRecords({dns::TlsaRecord{3, 1, 1, Bytes(32, 0xaa)}});

dns::Name name(const std::string& text) { return dns::Name::parse(text).value(); }

// A driver that reads one RRset, or fails.
class FixedDriver final : public providers::DnsDriver {
public:
    Result<std::optional<providers::Rrset>> answer = std::optional<providers::Rrset>();

    providers::Capabilities capabilities() const override { return {}; }
    Result<providers::Zone> find_zone(const dns::Name&) override { return providers::Zone{name("example.test"), "", {}}; }
    Result<std::optional<providers::Rrset>> read(const providers::Zone&, const dns::Name&, dns::Type) override { return answer; }
    Result<providers::Ticket> apply(const providers::Zone&, const std::vector<providers::Change>&) override { return refuse(); }
    Result<providers::TicketState> poll(const providers::Zone&, const providers::Ticket&) override { return refuse(); }
    Result<Instant> server_time(const providers::Zone&) override { return refuse(); }

private:
    static Error refuse() { return {ErrorCode::refused, "an observer only reads"}; }
};

ObservationTarget target(const std::string& host, const std::string& zone) { return {name(host), {25}, name(zone), {}, {}}; }

DnsObservation observe(DnsWorld& world, const ObservationTarget& wanted) {
    return AuthoritativeObserver(kClock, world.resolver(), world.options()).observe(wanted);
}

// The answers of the only owner, with all their details for the report.
std::vector<ServerAnswer> answers(const DnsObservation& seen) {
    UNSCOPED_INFO(seen.error << " " << seen.address_detail);
    if (seen.owners.size() != 1) return {};
    for (const ServerAnswer& answer : seen.owners[0].servers) UNSCOPED_INFO(answer.server << " " << answer.address << ": " << answer.detail);
    return seen.owners[0].servers;
}

std::vector<Kind> kinds(const DnsObservation& seen) {
    std::vector<Kind> found;
    for (const ServerAnswer& answer : answers(seen)) found.push_back(answer.kind);
    return found;
}

} // namespace

TEST_CASE("every server of the parent's and of the zone's own NS set is asked, and answers with the records") {
    DnsWorld* world = DnsWorld::get();
    if (world == nullptr) return;
    const DnsObservation seen = observe(*world, target("mx1.example.test", "example.test"));
    CHECK(seen.error.empty());
    CHECK(seen.address_security == Security::secure);
    CHECK(seen.address_detail.empty());
    CHECK_FALSE(seen.dnssec_rollover);
    CHECK(kinds(seen) == std::vector<Kind>(3, Kind::records));
    std::vector<std::string> addresses;
    for (const ServerAnswer& answer : answers(seen)) {
        addresses.push_back(answer.address);
        CHECK(answer.records == kRecords);
        CHECK(answer.ttl == Ttl(300));
        CHECK(answer.negative_ttl == Ttl(900));
        CHECK(answer.soa_expire == Ttl(86400));
        CHECK(answer.soa_serial == 7);
        CHECK(answer.rrsig_expiration == world->now() + std::chrono::hours(24 * 14));
        CHECK(answer.detail.find("TLSA _25._tcp.mx1.example.test: NOERROR aa") != std::string::npos);
    }
    const std::string port = "@" + std::to_string(world->port());
    CHECK(addresses == std::vector<std::string>{"127.0.0.2" + port, "127.0.0.3" + port, "127.0.0.4" + port});
}

TEST_CASE("an owner that is not there is the empty version where its absence is proven") {
    DnsWorld* world = DnsWorld::get();
    if (world == nullptr) return;
    for (const std::string zone : {"example.test", "nsec3.test", "optout.test"}) {
        const DnsObservation seen = observe(*world, target("mx2." + zone, zone));
        const auto found = kinds(seen);
        CHECK_FALSE(found.empty());
        CHECK(std::all_of(found.begin(), found.end(), [](Kind kind) { return kind == Kind::denied; }));
        CHECK(answers(seen).front().records.empty());
        CHECK(answers(seen).front().rrsig_expiration.has_value());
    }
    CHECK(answers(observe(*world, target("mx2.optout.test", "optout.test"))).at(0).detail.find("opt-out") != std::string::npos);
    CHECK(kinds(observe(*world, target("mx2.costly.test", "costly.test"))) == std::vector<Kind>{Kind::failed});
}

TEST_CASE("an unsigned zone is told from a broken one") {
    DnsWorld* world = DnsWorld::get();
    if (world == nullptr) return;
    const DnsObservation plain = observe(*world, target("mx1.unsigned.test", "unsigned.test"));
    CHECK(kinds(plain) == std::vector<Kind>{Kind::unsigned_});
    CHECK(plain.address_security == Security::insecure);
    CHECK(plain.address_detail.find("A mx1.unsigned.test: insecure") != std::string::npos);
    for (const std::string zone : {"expired.test", "stripped.test"}) {
        const DnsObservation broken = observe(*world, target("mx1." + zone, zone));
        CHECK(broken.address_security == Security::bogus);
        CHECK(broken.error.find("cannot be validated") != std::string::npos);
    }
}

TEST_CASE("a server that does not answer is unreachable beside one that does") {
    DnsWorld* world = DnsWorld::get();
    if (world == nullptr) return;
    CHECK(kinds(observe(*world, target("mx1.halfdead.test", "halfdead.test"))) == std::vector<Kind>{Kind::records, Kind::unreachable});
}

TEST_CASE("a server that knows nothing of the zone is lame") {
    DnsWorld* world = DnsWorld::get();
    if (world == nullptr) return;
    const DnsObservation seen = observe(*world, target("mx1.lame.test", "lame.test"));
    CHECK(kinds(seen) == std::vector<Kind>{Kind::failed, Kind::records});
    CHECK(answers(seen).front().detail.find("lame") != std::string::npos);
}

TEST_CASE("a server that fails at TLSA alone is seen to fail") {
    DnsWorld* world = DnsWorld::get();
    if (world == nullptr) return;
    for (const auto& [how, kind] : {std::pair("notimp", Kind::failed), std::pair("refused", Kind::failed), std::pair("servfail", Kind::failed),
                                    std::pair("silent", Kind::unreachable), std::pair("forged", Kind::bogus)}) {
        const DnsObservation seen = observe(*world, target(std::string(how) + ".faulty.test", "faulty.test"));
        CHECK(kinds(seen) == std::vector<Kind>{Kind::records, kind});
        CHECK(answers(seen).back().records.empty());
    }
    const auto refused = answers(observe(*world, target("refused.faulty.test", "faulty.test")));
    CHECK(refused.at(1).detail.find("REFUSED") != std::string::npos);
}

TEST_CASE("a CNAME at the owner is named, and its records count where the zone serves them") {
    DnsWorld* world = DnsWorld::get();
    if (world == nullptr) return;
    const DnsObservation inside = observe(*world, target("alias.example.test", "example.test"));
    CHECK(kinds(inside) == std::vector<Kind>(3, Kind::records));
    CHECK(answers(inside).at(0).records == kRecords);
    CHECK(inside.owners.at(0).cname_target == name("_25._tcp.mx1.example.test"));
    const DnsObservation outside = observe(*world, target("far.example.test", "example.test"));
    CHECK(kinds(outside) == std::vector<Kind>(3, Kind::failed));
    CHECK(outside.owners.at(0).cname_target == name("_25._tcp.mx1.nsec3.test"));
}

TEST_CASE("an address that is an alias is said to be one") {
    DnsWorld* world = DnsWorld::get();
    if (world == nullptr) return;
    const DnsObservation seen = observe(*world, target("host-alias.example.test", "example.test"));
    CHECK(seen.address_security == Security::secure);
    CHECK(seen.address_detail.find("an alias of mx1.example.test") != std::string::npos);
}

TEST_CASE("servers that only the configuration names are asked too") {
    DnsWorld* world = DnsWorld::get();
    if (world == nullptr) return;
    ObservationTarget wanted = target("mx1.nsec3.test", "nsec3.test");
    wanted.nameservers = {{dns::Endpoint{"127.0.0.9", world->port()}, {}}, {{}, name("ns3.example.test")}};
    CHECK(kinds(observe(*world, wanted)) == std::vector<Kind>{Kind::unreachable, Kind::records, Kind::records});
}

TEST_CASE("the primary is read through its driver, and a failure says why") {
    DnsWorld* world = DnsWorld::get();
    if (world == nullptr) return;
    FixedDriver driver;
    ObservationTarget wanted = target("mx1.example.test", "example.test");
    CHECK_FALSE(observe(*world, wanted).owners.at(0).primary_error.empty());
    wanted.drivers = {&driver};
    CHECK(observe(*world, wanted).owners.at(0).primary == dns::TlsaSet());
    driver.answer = std::optional(providers::Rrset{name("_25._tcp.mx1.example.test"), dns::Type::tlsa, Ttl(300), {kRecords.records()[0].wire()}});
    const OwnerObservation read = observe(*world, wanted).owners.at(0);
    CHECK(read.primary == kRecords);
    CHECK(read.primary_ttl == Ttl(300));
    CHECK(read.primary_error.empty());
    driver.answer = Error(ErrorCode::auth_failed, "the key was refused");
    const OwnerObservation failed = observe(*world, wanted).owners.at(0);
    CHECK_FALSE(failed.primary);
    CHECK(failed.primary_error.find("the key was refused") != std::string::npos);
}

TEST_CASE("a zone with a trust anchor of its own needs no parent") {
    DnsWorld* world = DnsWorld::get();
    if (world == nullptr) return;
    ResolverOptions options = world->resolver_options();
    options.trust_anchors = {world->folder() / "example.key"};
    const auto resolver = ValidatingResolver::create(options);
    REQUIRE(resolver);
    const DnsObservation seen = AuthoritativeObserver(kClock, **resolver, world->options()).observe(target("mx1.example.test", "example.test"));
    CHECK(kinds(seen) == std::vector<Kind>(3, Kind::records));
    CHECK(seen.address_security == Security::secure);
}

TEST_CASE("without a resolver there is an error and no answer") {
    DnsWorld* world = DnsWorld::get();
    if (world == nullptr) return;
    ResolverOptions options = world->resolver_options();
    options.forward = {{"127.0.0.9", world->port()}};
    options.timeout = std::chrono::milliseconds(300);
    const auto resolver = ValidatingResolver::create(options);
    REQUIRE(resolver);
    AuthoritativeObserver observer(kClock, **resolver, world->options());
    const DnsObservation seen = observer.observe(target("mx1.example.test", "example.test"));
    CHECK_FALSE(seen.error.empty());
    CHECK(seen.address_security == Security::indeterminate);
    CHECK_FALSE(observer.addresses(name("mx1.example.test")));
    CHECK_FALSE(observer.observe_mx(name("example.test")).error.empty());
}

TEST_CASE("the MX RRset comes sorted and judged, and a name without one is no error") {
    DnsWorld* world = DnsWorld::get();
    if (world == nullptr) return;
    AuthoritativeObserver observer(kClock, world->resolver(), world->options());
    const MxObservation both = observer.observe_mx(name("example.test"));
    CHECK(both.security == Security::secure);
    CHECK(both.hosts == std::vector<MxHost>{{5, name("mx2.example.test")}, {10, name("mx1.example.test")}});
    const MxObservation none = observer.observe_mx(name("nsec3.test"));
    CHECK(none.hosts.empty());
    CHECK(none.error.empty());
    const MxObservation null = observer.observe_mx(name("null.example.test"));
    CHECK(null.hosts == std::vector<MxHost>{{0, dns::Name()}});
    const MxObservation broken = observer.observe_mx(name("expired.test"));
    CHECK(broken.security == Security::bogus);
    CHECK_FALSE(broken.error.empty());
}

TEST_CASE("the addresses of a host are all of its A and AAAA records") {
    DnsWorld* world = DnsWorld::get();
    if (world == nullptr) return;
    AuthoritativeObserver observer(kClock, world->resolver(), world->options());
    CHECK(observer.addresses(name("mx1.example.test")).value() == std::vector<std::string>{"192.0.2.25", "2001:db8::25"});
    CHECK(observer.addresses(name("nowhere.example.test")).value().empty());
    const auto bogus = observer.addresses(name("mx1.expired.test"));
    REQUIRE_FALSE(bogus);
    CHECK(bogus.error().code() == ErrorCode::bogus);
}

TEST_CASE("a TXT value is everywhere only when every server has it") {
    DnsWorld* world = DnsWorld::get();
    if (world == nullptr) return;
    AuthoritativeObserver observer(kClock, world->resolver(), world->options());
    const auto everywhere = [&](const ObservationTarget& where, const std::string& owner, const std::string& value) {
        return observer.txt_is_everywhere(where, name(owner), value).value();
    };
    const ObservationTarget example = target("mx1.example.test", "example.test");
    CHECK(everywhere(example, "_acme-challenge.example.test", "first"));
    CHECK(everywhere(example, "_acme-challenge.example.test", "second")); // its character-strings are joined
    CHECK_FALSE(everywhere(example, "_acme-challenge.example.test", "third"));
    ObservationTarget more = example;
    more.nameservers = {{dns::Endpoint{"127.0.0.9", world->port()}, {}}};
    CHECK_FALSE(everywhere(more, "_acme-challenge.example.test", "first"));
}

TEST_CASE("a round takes some milliseconds, not seconds") {
    DnsWorld* world = DnsWorld::get();
    if (world == nullptr) return;
    AuthoritativeObserver observer(kClock, world->resolver(), world->options());
    Duration best = std::chrono::hours(1);
    for (int i = 0; i < 5; ++i) {
        const DnsObservation seen = observer.observe(target("mx1.example.test", "example.test"));
        best = std::min(best, seen.finished - seen.started);
    }
    std::cout << "one DNS round over 3 servers: " << best.count() << " ms\n";
    CHECK(best < std::chrono::seconds(2));
}
