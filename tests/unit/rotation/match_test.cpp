#include "rotation/tlsa/match.hpp"

#include <catch2/catch.hpp>

using namespace mxseal;
using namespace mxseal::rotation;
using namespace mxseal::rotation::tlsa;
using dns::TlsaRecord;
using dns::TlsaSet;

namespace {

Bytes digest(std::uint8_t fill, std::size_t size = 32) { return Bytes(size, fill); }

// Leaf 1 under issuer 2; the full data of the leaf's key are the three octets "key".
Chain chain() {
    Chain chain;
    const auto spki = sha256(view_of("key"));
    chain.certificates = {{Bytes(spki.begin(), spki.end()), digest(0x12, 64), digest(0x13), digest(0x14, 64)}, {digest(0x21), digest(0x22, 64), digest(0x23), digest(0x24, 64)}};
    chain.names_host = chain.links = true;
    return chain;
}

Bytes leaf_spki() { return chain().certificates.front().spki_sha256; }

} // namespace

TEST_CASE("a TLSA RRset matches a chain when each of its parameter combinations has a matching record") {
    struct Case {
        const char* what;
        std::vector<TlsaRecord> records;
        bool matches;
    };
    const Case cases[] = {
        {"the empty set matches every chain", {}, true},
        {"3 1 1 of the leaf", {{3, 1, 1, leaf_spki()}}, true},
        {"3 1 1 of another key", {{3, 1, 1, digest(0x99)}}, false},
        {"a stale 3 1 1 beside the right one", {{3, 1, 1, digest(0x99)}, {3, 1, 1, leaf_spki()}}, true},
        {"3 1 1 right, 3 1 2 stale: the second combination has no match", {{3, 1, 1, leaf_spki()}, {3, 1, 2, digest(0x99, 64)}}, false},
        {"3 1 2 of the leaf", {{3, 1, 2, digest(0x12, 64)}}, true},
        {"3 0 1 of the leaf's certificate", {{3, 0, 1, digest(0x13)}}, true},
        {"3 0 1 of an earlier certificate", {{3, 1, 1, leaf_spki()}, {3, 0, 1, digest(0x55)}}, false},
        {"3 1 0: the full key", {{3, 1, 0, {'k', 'e', 'y'}}}, true},
        {"3 1 1 of the issuer does not match the leaf", {{3, 1, 1, digest(0x21)}}, false},
        {"2 1 1 of the issuer", {{2, 1, 1, digest(0x21)}}, true},
        {"2 1 1 of an issuer that is not in the chain", {{3, 1, 1, leaf_spki()}, {2, 1, 1, digest(0x77)}}, false},
        {"1 1 1 is judged like 3 1 1", {{1, 1, 1, digest(0x99)}}, false},
        {"an unknown usage never matches", {{9, 1, 1, leaf_spki()}}, false},
        {"a selector of the future never matches", {{3, 7, 1, leaf_spki()}}, false},
    };
    for (const Case& each : cases) {
        INFO(each.what);
        CHECK(matches(TlsaSet(each.records), chain()) == each.matches);
    }
}

TEST_CASE("a trust anchor record needs a chain that links and names the host") {
    const TlsaSet records({TlsaRecord{2, 1, 1, digest(0x21)}});
    Chain broken = chain();
    broken.links = false;
    CHECK_FALSE(matches(records, broken));
    Chain elsewhere = chain();
    elsewhere.names_host = false;
    CHECK_FALSE(matches(records, elsewhere));
}

TEST_CASE("records that bind more than the key are named") {
    const TlsaSet records({TlsaRecord{3, 1, 1, leaf_spki()}, TlsaRecord{3, 0, 1, digest(1)}, TlsaRecord{2, 1, 1, digest(2)}});
    CHECK(binding_more_than_key(records).size() == 2);
}
