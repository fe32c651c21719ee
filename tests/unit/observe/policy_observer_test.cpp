#include "agent/observe/policy_observer.hpp"

#include "base/dns/txt.hpp"
#include "providers/memory/memory_driver.hpp"
#include "tests/unit/observe/dns_world.hpp"

#include <catch2/catch.hpp>

using namespace mxseal;
using namespace mxseal::agent;
using namespace mxseal::observe_test;
using rotation::mta_sts::DnsObservation;
using rotation::mta_sts::RrsetAnswer;
using rotation::mta_sts::RrsetObservation;
using rotation::mta_sts::RrsetRound;
using rotation::mta_sts::Values;

namespace {

const SystemClock kClock;

dns::Name name(const std::string& text) { return dns::Name::parse(text).value(); }

std::optional<ZoneAccess> access(const std::string& zone) { return ZoneAccess{name(zone), {}, {}}; }

AuthoritativePolicyObserver observer(DnsWorld& world) { return {kClock, world.resolver(), world.options()}; }

// "127.0.0.2: v=STSv1; id=1;" for each server, "127.0.0.9: no answer" and "127.0.0.2: nothing".
std::vector<std::string> said(const RrsetObservation& rrset, const DnsWorld& world) {
    std::vector<std::string> out;
    for (const RrsetAnswer& answer : rrset.servers) {
        UNSCOPED_INFO(answer.server << " " << answer.address << ": " << answer.detail);
        std::string text = answer.address;
        if (const auto port = text.find("@" + std::to_string(world.port())); port != std::string::npos) text.erase(port, 1 + std::to_string(world.port()).size());
        text += answer.answered ? answer.values.empty() ? ": nothing" : ":" : ": no answer";
        for (const std::string& value : answer.values) text += " " + value;
        out.push_back(text);
        CHECK(answer.answered == answer.detail.empty());
    }
    return out;
}

using Said = std::vector<std::string>;

} // namespace

TEST_CASE("both RRsets of a policy are read at every server, as texts, with their TTLs") {
    DnsWorld* world = DnsWorld::get();
    if (world == nullptr) return;
    const DnsObservation seen = observer(*world).observe(name("policy.test"), access("policy.test"));
    CHECK(seen.error.empty());
    CHECK(seen.started <= seen.finished);
    CHECK(said(seen.txt, *world) == Said{"127.0.0.2: another one\\\\\\255 v=STSv1; id=1;", "127.0.0.3: another one\\\\\\255 v=STSv1; id=1;"});
    CHECK(said(seen.mx, *world) == Said{"127.0.0.2: 10 mx1.policy.test 5 mx2.policy.test", "127.0.0.3: 10 mx1.policy.test 5 mx2.policy.test"});
    CHECK(seen.txt.servers.at(0).server == "ns2.policy.test");
    CHECK(seen.txt.servers.at(0).ttl == Ttl(300));
    CHECK(seen.mx.servers.at(1).ttl == Ttl(600));
    CHECK_FALSE(seen.txt_alias);
    CHECK_FALSE(seen.txt.primary);
    CHECK(seen.txt.primary_error.find("no provider is configured for policy.test") != std::string::npos);
}

TEST_CASE("the servers that the zone alone names are asked too") {
    DnsWorld* world = DnsWorld::get();
    if (world == nullptr) return;
    const DnsObservation seen = observer(*world).observe(name("null.example.test"), access("example.test"));
    CHECK(said(seen.mx, *world) == Said{"127.0.0.2: 0 .", "127.0.0.3: 0 .", "127.0.0.4: 0 ."});
    CHECK(said(seen.txt, *world) == Said{"127.0.0.2: nothing", "127.0.0.3: nothing", "127.0.0.4: nothing"});
}

TEST_CASE("two servers that differ are two answers") {
    DnsWorld* world = DnsWorld::get();
    if (world == nullptr) return;
    const DnsObservation seen = observer(*world).observe(name("differs.test"), access("differs.test"));
    CHECK(said(seen.txt, *world) == Said{"127.0.0.2: v=STSv1; id=1;", "127.0.0.6: v=STSv1; id=2;"});
    CHECK(said(seen.mx, *world) == Said{"127.0.0.2: 10 mx1.differs.test", "127.0.0.6: 10 mx2.differs.test"});
}

TEST_CASE("a server that is silent, lame or fails has not answered, and says why") {
    DnsWorld* world = DnsWorld::get();
    if (world == nullptr) return;
    const DnsObservation seen = observer(*world).observe(name("troubled.test"), access("troubled.test"));
    CHECK(said(seen.txt, *world) == Said{"127.0.0.1: no answer", "127.0.0.2: v=STSv1; id=1;", "127.0.0.9: no answer"});
    CHECK(said(seen.mx, *world) == Said{"127.0.0.1: no answer", "127.0.0.2: nothing", "127.0.0.9: no answer"});
    CHECK(seen.txt.servers.at(0).detail.find("not authoritative for the zone (lame") != std::string::npos);
    CHECK(seen.txt.servers.at(2).detail.find("SOA troubled.test") != std::string::npos);
    for (const auto& [how, why] : {std::pair("servfail", "SERVFAIL"), std::pair("refused", "REFUSED"), std::pair("notimp", "NOTIMP"), std::pair("silent", "127.0.0.5")}) {
        const RrsetRound round = observer(*world).observe_rrset(name("_mta-sts." + std::string(how) + ".faulty.test"), dns::Type::txt, access("faulty.test"));
        CHECK(said(round.rrset, *world) == Said{"127.0.0.2: nothing", "127.0.0.5: no answer"});
        CHECK(round.rrset.servers.at(1).detail.find(why) != std::string::npos);
    }
}

TEST_CASE("a text that is too long for UDP comes over TCP") {
    DnsWorld* world = DnsWorld::get();
    if (world == nullptr) return;
    std::string text;
    for (char letter = 'a'; letter <= 'j'; ++letter) text += std::string(200, letter);
    const RrsetRound round = observer(*world).observe_rrset(name("_smtp._tls.policy.test"), dns::Type::txt, access("policy.test"));
    CHECK(said(round.rrset, *world) == Said{"127.0.0.2: " + text, "127.0.0.3: " + text});
}

TEST_CASE("the zone of a domain that is not in the configuration is found by its SOA record") {
    DnsWorld* world = DnsWorld::get();
    if (world == nullptr) return;
    const DnsObservation apex = observer(*world).observe(name("differs.test"), std::nullopt);
    CHECK(said(apex.txt, *world) == Said{"127.0.0.2: v=STSv1; id=1;", "127.0.0.6: v=STSv1; id=2;"});
    const DnsObservation below = observer(*world).observe(name("null.policy.test"), std::nullopt);
    CHECK(said(below.mx, *world) == Said{"127.0.0.2: 0 .", "127.0.0.3: 0 ."});
    CHECK(said(below.txt, *world) == Said{"127.0.0.2: nothing", "127.0.0.3: nothing"});
    const DnsObservation nowhere = observer(*world).observe(name("nowhere.test"), std::nullopt);
    CHECK(said(nowhere.mx, *world) == Said{"127.0.0.1: nothing"});
    const DnsObservation bogus = observer(*world).observe(name("stripped.test"), std::nullopt);
    CHECK(bogus.error.find("bogus") != std::string::npos);
    CHECK(bogus.txt.servers.empty());
}

TEST_CASE("an alias into another zone is followed to the servers of that zone, with the largest TTL of the chain") {
    DnsWorld* world = DnsWorld::get();
    if (world == nullptr) return;
    for (const auto& zone : {access("policy.test"), std::optional<ZoneAccess>()}) {
        const DnsObservation seen = observer(*world).observe(name("alias.policy.test"), zone);
        CHECK(seen.error.empty());
        CHECK(seen.txt_alias == "_mta-sts.provider.test");
        CHECK(said(seen.txt, *world) == Said{"127.0.0.2: v=STSv1; id=7;", "127.0.0.6: v=STSv1; id=7;"});
        CHECK(seen.txt.servers.at(0).server == "ns2.provider.test");
        CHECK(seen.txt.servers.at(0).ttl == Ttl(1200));
        CHECK_FALSE(seen.txt.primary);
        CHECK(seen.txt.primary_error.find("_mta-sts.alias.policy.test is an alias of _mta-sts.provider.test") != std::string::npos);
    }
}

TEST_CASE("a server without the alias of the others keeps the round from agreeing") {
    DnsWorld* world = DnsWorld::get();
    if (world == nullptr) return;
    const auto round_at = [&](const std::string& owner) {
        RrsetRound round = observer(*world).observe_rrset(name(owner), dns::Type::txt, access("differs.test"));
        CHECK(round.alias == "_mta-sts.provider.test");
        return round;
    };
    // Nothing there, something else, the same (which is no agreement), another alias.
    const Said target{"127.0.0.2: v=STSv1; id=7;", "127.0.0.6: v=STSv1; id=7;"};
    const auto expect = [&](const std::string& owner, const std::string& last, const std::string& why) {
        const RrsetRound round = round_at(owner);
        REQUIRE(round.rrset.servers.size() == 3);
        std::vector<std::string> found;
        for (const RrsetAnswer& answer : round.rrset.servers) found.push_back(answer.values.empty() ? answer.answered ? "nothing" : "no answer" : answer.values.front());
        CHECK(found == std::vector<std::string>{"v=STSv1; id=7;", "v=STSv1; id=7;", last});
        const RrsetAnswer& dissenter = round.rrset.servers.back();
        CHECK(dissenter.server == "ns6.differs.test");
        // The same address serves the alias's zone as well: it must not be taken for that server.
        CHECK(dissenter.address == "127.0.0.6@" + std::to_string(world->port()) + " for differs.test");
        CHECK(dissenter.detail.find(why) != std::string::npos);
    };
    expect("_mta-sts.none.differs.test", "nothing", "is no alias here, and one of _mta-sts.provider.test at other servers");
    expect("_mta-sts.other.differs.test", "v=STSv1; id=8;", "is no alias here");
    expect("_mta-sts.direct.differs.test", "no answer", "is no alias here");
}

TEST_CASE("a server without the alias keeps its address where it is no server of the alias's zone") {
    DnsWorld* world = DnsWorld::get();
    if (world == nullptr) return;
    const RrsetRound round = observer(*world).observe_rrset(name("_mta-sts.far.differs.test"), dns::Type::txt, access("differs.test"));
    REQUIRE(round.rrset.servers.size() == 3);
    CHECK(round.rrset.servers.back().address == "127.0.0.6@" + std::to_string(world->port()));
    CHECK(round.rrset.servers.back().answered);
    CHECK(round.rrset.servers.back().values.empty());
}

TEST_CASE("eight aliases in a row are followed, nine are an error") {
    DnsWorld* world = DnsWorld::get();
    if (world == nullptr) return;
    const RrsetRound eight = observer(*world).observe_rrset(name("_mta-sts.c1.policy.test"), dns::Type::txt, access("policy.test"));
    CHECK(said(eight.rrset, *world) == Said{"127.0.0.2: v=STSv1; id=9;", "127.0.0.3: v=STSv1; id=9;"});
    CHECK(eight.rrset.servers.front().ttl == Ttl(99)); // of the first alias; the record's own is 60
    CHECK(eight.alias == "_mta-sts.c2.policy.test");
    const RrsetRound nine = observer(*world).observe_rrset(name("_mta-sts.c0.policy.test"), dns::Type::txt, access("policy.test"));
    CHECK(nine.error.find("more than 8 aliases in a row") != std::string::npos);
}

TEST_CASE("of two aliases one is followed, and the server with the other has not answered") {
    DnsWorld* world = DnsWorld::get();
    if (world == nullptr) return;
    const RrsetRound round = observer(*world).observe_rrset(name("_mta-sts.two.differs.test"), dns::Type::txt, access("differs.test"));
    CHECK(round.alias == "_mta-sts.policy.test"); // as many servers show either: the first by name
    REQUIRE(round.rrset.servers.size() == 3);
    CHECK_FALSE(round.rrset.servers.back().answered);
    CHECK(round.rrset.servers.back().detail.find("is an alias of _mta-sts.provider.test here, and of _mta-sts.policy.test at other servers") != std::string::npos);
}

TEST_CASE("a loop of aliases, and one that ends in a broken zone, are errors in words") {
    DnsWorld* world = DnsWorld::get();
    if (world == nullptr) return;
    const RrsetRound loop = observer(*world).observe_rrset(name("_mta-sts.loop.policy.test"), dns::Type::txt, std::nullopt);
    CHECK(loop.error.find("_mta-sts.loop.policy.test is an alias of _mta-sts.loop.provider.test, and that of _mta-sts.loop.policy.test: a loop") != std::string::npos);
    CHECK(loop.rrset.servers.empty());
    const RrsetRound broken = observer(*world).observe_rrset(name("_mta-sts.broken.policy.test"), dns::Type::txt, access("policy.test"));
    CHECK(broken.error.find("_mta-sts.broken.policy.test is an alias of _mta-sts.stripped.test") != std::string::npos);
    CHECK(broken.error.find("bogus") != std::string::npos);
}

TEST_CASE("the primary is read through its driver, at the alias's target where that is in the zone") {
    DnsWorld* world = DnsWorld::get();
    if (world == nullptr) return;
    providers::MemoryDriver driver(kClock);
    driver.add_zone(name("policy.test"));
    driver.put({name("_mta-sts.policy.test"), dns::Type::txt, Ttl(300), {dns::txt_rdata("v=STSv1; id=5;")}});
    driver.put({name("policy.test"), dns::Type::mx, Ttl(300), {Bytes{0, 0, 0}}});
    const std::optional<ZoneAccess> managed = ZoneAccess{name("policy.test"), {}, {&driver}};
    const DnsObservation seen = observer(*world).observe(name("policy.test"), managed);
    CHECK(seen.txt.primary == Values{"v=STSv1; id=5;"});
    CHECK(seen.mx.primary == Values{"0 ."});
    CHECK(seen.txt.primary_error.empty());
    const DnsObservation inside = observer(*world).observe(name("inside.policy.test"), managed);
    CHECK(inside.txt_alias == "_mta-sts.policy.test");
    CHECK(inside.txt.primary == Values{"v=STSv1; id=5;"});
    CHECK(inside.mx.primary == Values{});
    const DnsObservation twice = observer(*world).observe(name("twice.policy.test"), managed);
    CHECK(twice.txt_alias == "_mta-sts.inside.policy.test");
    CHECK_FALSE(twice.txt.primary);
    CHECK(twice.txt.primary_error.find("point _mta-sts.twice.policy.test at _mta-sts.policy.test itself") != std::string::npos);
    const DnsObservation outside = observer(*world).observe(name("alias.policy.test"), managed);
    CHECK_FALSE(outside.txt.primary);
    CHECK(outside.txt.primary_error.find("in another zone (provider.test)") != std::string::npos);
}

TEST_CASE("without a resolver a round is an error, and servers of the configuration are asked besides the zone's own") {
    DnsWorld* world = DnsWorld::get();
    if (world == nullptr) return;
    std::optional<ZoneAccess> more = access("policy.test");
    more->nameservers = {{dns::Endpoint{"127.0.0.6", world->port()}, {}}};
    const DnsObservation seen = observer(*world).observe(name("policy.test"), more);
    CHECK(seen.txt.servers.size() == 3);
    CHECK(seen.txt.servers.back().detail.find("lame") == std::string::npos);
    ResolverOptions options = world->resolver_options();
    options.forward = {{"127.0.0.9", world->port()}};
    options.timeout = std::chrono::milliseconds(300);
    const auto resolver = ValidatingResolver::create(options);
    REQUIRE(resolver);
    AuthoritativePolicyObserver deaf(kClock, **resolver, world->options());
    CHECK_FALSE(deaf.observe(name("policy.test"), access("policy.test")).error.empty());
    CHECK_FALSE(deaf.observe_rrset(name("policy.test"), dns::Type::mx, std::nullopt).error.empty());
}
