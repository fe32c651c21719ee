// Answers of a real server, judged with the zone's keys at instants of our choice.
#include "base/dns/dnssec.hpp"
#include "tests/unit/observe/dns_world.hpp"

#include <catch2/catch.hpp>

#include <algorithm>

using namespace mxseal;
using namespace mxseal::observe_test;
using dns::DenialCheck;
using dns::SignatureCheck;
using dns::Type;
using Denial = DenialCheck::Verdict;
using Signature = SignatureCheck::Verdict;

namespace {

SignatureCheck signature(DnsWorld& world, const std::string& zone, const std::string& name, Type type, std::optional<Instant> at = {}) {
    const dns::Message message = world.ask("127.0.0.2", name, type);
    return dns::check_signature(message, {dns::Name::parse(name).value(), type}, world.keys_of(zone), at.value_or(world.now()));
}

DenialCheck denial(DnsWorld& world, const std::string& zone, const std::string& name, Type type, std::optional<Instant> at = {}) {
    const dns::Message message = world.ask("127.0.0.2", name, type);
    return dns::check_denial(message, {dns::Name::parse(name).value(), type}, world.keys_of(zone), at.value_or(world.now()));
}

const std::string kOwner = "_25._tcp.mx1.example.test";

} // namespace

TEST_CASE("a signature counts between its inception and its expiration only") {
    DnsWorld* world = DnsWorld::get();
    if (world == nullptr) return;
    const auto at = [&](Duration offset) { return signature(*world, "example.test", kOwner, Type::tlsa, world->now() + offset); };
    using namespace std::chrono_literals;
    const SignatureCheck good = at(0h);
    INFO(good.detail);
    CHECK(good.verdict == Signature::valid);
    CHECK(good.expiration == world->now() + 24 * 14h);
    CHECK(at(-2h).verdict == Signature::out_of_date);
    CHECK(at(24 * 14h + 1s).verdict == Signature::out_of_date);
    CHECK(at(24 * 14h - 1s).verdict == Signature::valid);
}

TEST_CASE("a signature by keys of another zone, or a changed record, is wrong") {
    DnsWorld* world = DnsWorld::get();
    if (world == nullptr) return;
    CHECK(signature(*world, "nsec3.test", kOwner, Type::tlsa).verdict == Signature::wrong);
    dns::ZoneKeys renamed = world->keys_of("nsec3.test");
    const dns::Message message = world->ask("127.0.0.2", kOwner, Type::tlsa);
    CHECK(dns::check_signature(message, {dns::Name::parse(kOwner).value(), Type::tlsa}, {renamed.zone, {}}, world->now()).verdict == Signature::wrong);
    dns::Message changed = message;
    const auto digest = std::search_n(changed.wire.begin(), changed.wire.end(), 16, 0xaa);
    REQUIRE(digest != changed.wire.end());
    *digest = 0xbb;
    CHECK(dns::check_signature(changed, {dns::Name::parse(kOwner).value(), Type::tlsa}, world->keys_of("example.test"), world->now()).verdict == Signature::wrong);
}

TEST_CASE("an RRset without RRSIG is unsigned") {
    DnsWorld* world = DnsWorld::get();
    if (world == nullptr) return;
    CHECK(signature(*world, "example.test", "_25._tcp.mx1.unsigned.test", Type::tlsa).verdict == Signature::missing);
}

TEST_CASE("more keys of one tag than are worth trying end the check") {
    DnsWorld* world = DnsWorld::get();
    if (world == nullptr) return;
    dns::ZoneKeys keys = world->keys_of("example.test");
    std::erase_if(keys.dnskeys, [](const dns::Record& record) { return record.type != Type::dnskey; });
    REQUIRE(keys.dnskeys.size() == 1);
    keys.dnskeys.resize(3, keys.dnskeys.front());
    const dns::Message message = world->ask("127.0.0.2", kOwner, Type::tlsa);
    CHECK(dns::check_signature(message, {dns::Name::parse(kOwner).value(), Type::tlsa}, keys, world->now()).verdict == Signature::over_limit);
}

TEST_CASE("an answer made from a wildcard needs the proof that the name itself is not there") {
    DnsWorld* world = DnsWorld::get();
    if (world == nullptr) return;
    const std::string name = "_25._tcp.any.wild.example.test";
    const SignatureCheck good = signature(*world, "example.test", name, Type::tlsa);
    INFO(good.detail);
    CHECK(good.verdict == Signature::valid);
    // The same answer for a question whose name the NSEC does not deny: its signature still covers the wildcard.
    dns::Message message = world->ask("127.0.0.2", name, Type::tlsa);
    for (std::size_t i = 0; i + 1 < message.wire.size(); ++i) // NSEC records become NSEC3PARAM, which prove nothing
        if (message.wire[i] == 0 && message.wire[i + 1] == 47 && message.wire[i + 2] == 0 && message.wire[i + 3] == 1) message.wire[i + 1] = 99;
    const SignatureCheck bare = dns::check_signature(message, {dns::Name::parse(name).value(), Type::tlsa}, world->keys_of("example.test"), world->now());
    CHECK(bare.verdict == Signature::wrong);
    CHECK(bare.detail.find("wildcard") != std::string::npos);
}

TEST_CASE("what is not there is denied by NSEC and by NSEC3") {
    DnsWorld* world = DnsWorld::get();
    if (world == nullptr) return;
    const std::string zone = GENERATE("example.test", "nsec3.test");
    const auto verdict = [&](const std::string& name, Type type) {
        const DenialCheck check = denial(*world, zone, name + zone, type);
        INFO(name << ": " << check.detail);
        CHECK(check.expiration.has_value());
        return check.verdict;
    };
    CHECK(verdict("mx1.", Type::tlsa) == Denial::nodata);
    CHECK(verdict("_tcp.mx1.", Type::tlsa) == Denial::nodata); // an empty non-terminal
    CHECK(verdict("_25._tcp.mx2.", Type::tlsa) == Denial::nxdomain);
    CHECK(verdict("zzz.", Type::tlsa) == Denial::nxdomain);
    CHECK(verdict("", Type::tlsa) == Denial::nodata);
    CHECK(verdict("a.b.c.d.", Type::a) == Denial::nxdomain);
}

TEST_CASE("a denial does not prove another name or type, nor another RCODE") {
    DnsWorld* world = DnsWorld::get();
    if (world == nullptr) return;
    const std::string zone = GENERATE("example.test", "nsec3.test");
    const dns::ZoneKeys keys = world->keys_of(zone);
    const auto check = [&](const dns::Message& message, const std::string& name, Type type) {
        return dns::check_denial(message, {dns::Name::parse(name).value(), type}, keys, world->now()).verdict;
    };
    const dns::Message nodata = world->ask("127.0.0.2", "mx1." + zone, Type::tlsa);
    CHECK(check(nodata, "mx1." + zone, Type::a) == Denial::no_proof);
    CHECK(check(nodata, "_25._tcp.mx1." + zone, Type::tlsa) == Denial::no_proof);
    CHECK(check(nodata, "mx2." + zone, Type::tlsa) == Denial::no_proof);
    dns::Message relabelled = nodata;
    relabelled.rcode = 3;
    CHECK(check(relabelled, "mx1." + zone, Type::tlsa) == Denial::no_proof);
    dns::Message nxdomain = world->ask("127.0.0.2", "zzz." + zone, Type::tlsa);
    CHECK(check(nxdomain, "zzz." + zone, Type::tlsa) == Denial::nxdomain);
    nxdomain.rcode = 0;
    CHECK(check(nxdomain, "zzz." + zone, Type::tlsa) == Denial::no_proof);
    nxdomain.rcode = 5;
    CHECK(check(nxdomain, "zzz." + zone, Type::tlsa) == Denial::no_proof);
}

TEST_CASE("a wildcard of another type denies the type, and below a delegation nothing is denied") {
    DnsWorld* world = DnsWorld::get();
    if (world == nullptr) return;
    CHECK(denial(*world, "example.test", "any.wild.example.test", Type::txt).verdict == Denial::nodata);
    const dns::Message at_cut = world->ask("127.0.0.2", "sub.example.test", Type::ds);
    const auto keys = world->keys_of("example.test");
    CHECK(dns::check_denial(at_cut, {dns::Name::parse("sub.example.test").value(), Type::ds}, keys, world->now()).verdict == Denial::nodata);
    CHECK(dns::check_denial(at_cut, {dns::Name::parse("sub.example.test").value(), Type::tlsa}, keys, world->now()).verdict == Denial::no_proof);
    CHECK(dns::check_denial(at_cut, {dns::Name::parse("mx.sub.example.test").value(), Type::tlsa}, keys, world->now()).verdict == Denial::no_proof);
}

TEST_CASE("a denial by an opt-out span is told apart, and costly NSEC3 is not computed") {
    DnsWorld* world = DnsWorld::get();
    if (world == nullptr) return;
    CHECK(denial(*world, "optout.test", "_25._tcp.mx2.optout.test", Type::tlsa).verdict == Denial::opt_out);
    CHECK(denial(*world, "optout.test", "mx2.optout.test", Type::tlsa).verdict == Denial::nodata);
    CHECK(denial(*world, "costly.test", "_25._tcp.mx2.costly.test", Type::tlsa).verdict == Denial::over_limit);
}

TEST_CASE("a denial is as good as its signatures") {
    DnsWorld* world = DnsWorld::get();
    if (world == nullptr) return;
    const std::string name = "_25._tcp.mx2.example.test";
    CHECK(denial(*world, "example.test", name, Type::tlsa, world->now() - std::chrono::hours(2)).verdict == Denial::out_of_date);
    CHECK(denial(*world, "nsec3.test", name, Type::tlsa).verdict == Denial::wrong);
    CHECK(denial(*world, "example.test", "_25._tcp.mx2.unsigned.test", Type::tlsa).verdict == Denial::missing);
    CHECK(denial(*world, "expired.test", "_25._tcp.mx2.expired.test", Type::tlsa).verdict == Denial::out_of_date);
}
