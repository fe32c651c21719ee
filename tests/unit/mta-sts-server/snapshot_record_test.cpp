#include "mta-sts-server/limits.hpp"
#include "mta-sts-server/snapshot_record.hpp"

#include <catch2/catch.hpp>

using namespace mxseal;
using namespace mxseal::server;

namespace {

Site example() {
    Site site{"mta-sts.example.org", "version: STSv1\r\n", Bytes{0x30, 0x03, 1, 2, 3}, {Secret(Bytes(32, 7)), {}}, {}};
    site.key.point[0] = 4;
    return site;
}

} // namespace

TEST_CASE("a record comes back as it was, and cut at any octet it is refused") {
    const auto octets = write_record(example(), 5);
    REQUIRE(octets.ok());
    auto site = read_record(*octets);
    REQUIRE(site.ok());
    CHECK(site->name == "mta-sts.example.org");
    CHECK(site->policy == "version: STSv1\r\n");
    CHECK(site->certificate == example().certificate);
    CHECK(site->key.scalar.equals(Bytes(32, 7)));
    CHECK(site->issuer_set == 5);
    for (std::size_t size = 0; size < octets->size(); ++size) CHECK_FALSE(read_record(ByteView(*octets).first(size)).ok());
    auto longer = *octets;
    longer.push_back(0);
    CHECK_FALSE(read_record(longer).ok());
}

TEST_CASE("a site that cannot be served is refused with its name") {
    auto site = example();
    site.policy.assign(kPolicyBytesMax + 1, 'a');
    auto refused = write_record(site, 0);
    REQUIRE_FALSE(refused.ok());
    CHECK(refused.error().message().find("mta-sts.example.org") != std::string::npos);
    site = example();
    site.certificate.clear();
    CHECK_FALSE(write_record(site, 0).ok());
    site = example();
    site.key.scalar = Secret(Bytes(31, 1));
    CHECK_FALSE(write_record(site, 0).ok());
    site = example();
    site.name.clear();
    CHECK_FALSE(write_record(site, 0).ok());
}

TEST_CASE("issuer sets come back, and their counts are believed only within bounds") {
    Bytes octets;
    append_issuers(octets, {{1, 2}, {3}});
    append_issuers(octets, {});
    auto sets = read_issuer_sets(octets, 2);
    REQUIRE(sets.ok());
    CHECK(*sets == std::vector<std::vector<Bytes>>{{{1, 2}, {3}}, {}});
    CHECK_FALSE(read_issuer_sets(octets, 1).ok());
    CHECK_FALSE(read_issuer_sets(octets, 3).ok());
    CHECK_FALSE(read_issuer_sets(octets, 0xffffffff).ok());
    CHECK_FALSE(read_issuer_sets(Bytes{0xff, 0xff, 0xff, 0xff}, 1).ok());
}

TEST_CASE("an index is in order and points into the records") {
    const auto entry = [](std::uint8_t key, std::uint64_t offset, std::uint32_t size) {
        IndexEntry out{{}, offset, size, {}};
        out.key[0] = key;
        return out;
    };
    const auto reads = [](const std::vector<IndexEntry>& entries) {
        Bytes octets;
        for (const auto& each : entries) append_index_entry(octets, each);
        return read_index(octets, 100).ok();
    };
    CHECK(reads({entry(1, 16, 10), entry(2, 26, 74)}));
    CHECK_FALSE(reads({entry(2, 16, 10), entry(1, 26, 10)}));
    CHECK_FALSE(reads({entry(1, 16, 10), entry(1, 26, 10)}));
    CHECK_FALSE(reads({entry(1, 15, 10)}));
    CHECK_FALSE(reads({entry(1, 26, 75)}));
    CHECK_FALSE(reads({entry(1, ~std::uint64_t{0}, 10)}));
    CHECK_FALSE(read_index(Bytes(39), 100).ok());
}
