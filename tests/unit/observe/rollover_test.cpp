#include "agent/observe/rollover.hpp"

#include "base/dns/dnssec.hpp"

#include <catch2/catch.hpp>

using namespace mxseal;
using namespace mxseal::agent;

namespace {

const dns::Name kZone = dns::Name::parse("example.test").value();

dns::Record dnskey(std::uint8_t octet) {
    Bytes rdata{1, 1, 3, 13};
    rdata.resize(68, octet);
    return {kZone, dns::Type::dnskey, Ttl(3600), rdata};
}

dns::Record ds(const dns::Record& key, dns::Type type = dns::Type::ds) {
    const std::uint16_t tag = dns::key_tag(key.rdata).value();
    Bytes rdata{static_cast<std::uint8_t>(tag >> 8), static_cast<std::uint8_t>(tag), 13, 2};
    rdata.resize(36, 1);
    return {kZone, type, Ttl(3600), rdata};
}

dns::Record cdnskey(dns::Record key) {
    key.type = dns::Type::cdnskey;
    return key;
}

} // namespace

TEST_CASE("without CDS, or with one that names the keys of DS, no roll is under way") {
    const auto old_key = dnskey(1);
    CHECK_FALSE(names_differ({{ds(old_key)}, {}, {}}));
    CHECK_FALSE(names_differ({{ds(old_key)}, {ds(old_key, dns::Type::cds)}, {}}));
    CHECK_FALSE(names_differ({{ds(old_key)}, {ds(old_key, dns::Type::cds)}, {cdnskey(old_key)}}));
    CHECK_FALSE(names_differ({{}, {ds(old_key, dns::Type::cds)}, {}})); // nothing at the parent to differ from
}

TEST_CASE("a CDS or CDNSKEY that names another key, or none at all, is a roll under way") {
    const auto old_key = dnskey(1), new_key = dnskey(2);
    CHECK(names_differ({{ds(old_key)}, {ds(new_key, dns::Type::cds)}, {}}));
    CHECK(names_differ({{ds(old_key)}, {}, {cdnskey(new_key)}}));
    CHECK(names_differ({{ds(old_key)}, {ds(old_key, dns::Type::cds), ds(new_key, dns::Type::cds)}, {}}));
    const dns::Record remove{kZone, dns::Type::cds, Ttl(3600), Bytes{0, 0, 0, 0, 0}}; // RFC 8078 section 4
    CHECK(names_differ({{ds(old_key)}, {remove}, {}}));
}

TEST_CASE("a DNSKEY RRset that changed counts as a roll for its TTL") {
    DnskeyMemory memory;
    const Instant start = from_unix_ms(1'800'000'000'000);
    using namespace std::chrono_literals;
    CHECK_FALSE(memory.changed_lately(kZone, {dnskey(1)}, start));
    CHECK_FALSE(memory.changed_lately(kZone, {dnskey(1)}, start + 1h));
    CHECK(memory.changed_lately(kZone, {dnskey(1), dnskey(2)}, start + 2h));
    CHECK(memory.changed_lately(kZone, {dnskey(2), dnskey(1)}, start + 2h + 59min));
    CHECK_FALSE(memory.changed_lately(kZone, {dnskey(1), dnskey(2)}, start + 3h));
}
