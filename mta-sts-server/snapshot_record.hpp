// The octets of a packed snapshot. Integers are little endian; everything is read with bounds, for a snapshot may be copied by hand.
//
//   head      16   "mxsealPS", u32 format, u32 zero
//   records        one a site: u8 length + name, u32 length + policy, u32 length + certificate, scalar (32), point (65), u32 issuer set
//   sets           issuer sets, each once however many sites share it: u32 count, then u32 length + certificate each
//   index     40n  sorted by key: key (16), u64 offset, u32 size, u32 zero, check (8)
//   tail      80   u64 generation, i64 unix_ms, u64 offset of sets, u64 offset of index, u32 sets, u32 sites, "mxsealPE", SHA-256 of all before
//
// An index key is the first half of the name's SHA-256; a check is the beginning of the record's.
#pragma once

#include "base/bytes.hpp"
#include "base/time.hpp"
#include "mta-sts-server/site.hpp"

#include <array>
#include <compare>
#include <cstdint>
#include <vector>

namespace mxseal::server {

inline constexpr std::uint32_t kSnapshotFormat = 1;
inline constexpr std::size_t kHeadSize = 16, kIndexEntrySize = 40, kTailSize = 80, kSumSize = 32;
// Our choice, they bound our work: ten million sites; a set of ten certificates of 64 KiB; as many sets as there are CAs, and then some.
inline constexpr std::uint32_t kSitesMax = 10'000'000, kIssuersMax = 10, kIssuerSetsMax = 4096;
inline constexpr std::size_t kCertificateBytesMax = 64 * 1024;
inline constexpr std::size_t kRecordSizeMax = 256 + 2 * 64 * 1024 + 256;

using IndexKey = std::array<std::uint8_t, 16>;
using RecordCheck = std::array<std::uint8_t, 8>;

struct IndexEntry {
    IndexKey key{};
    std::uint64_t offset = 0;
    std::uint32_t size = 0;
    RecordCheck check{};
};

// A site as it stands in a record.
struct StoredSite {
    std::string name;
    std::string policy;
    Bytes certificate;
    KeyPair key;
    std::uint32_t issuer_set = 0;
};

struct SnapshotTail {
    std::uint64_t generation = 0;
    Instant written{};
    std::uint64_t sets_offset = 0, index_offset = 0;
    std::uint32_t sets = 0, sites = 0;
};

IndexKey index_key(std::string_view name);
RecordCheck record_check(ByteView record);

Bytes write_head();
bool is_head(ByteView octets);

Result<Bytes> write_record(const Site& site, std::uint32_t issuer_set); // `invalid`: something is missing or too long
Result<StoredSite> read_record(ByteView record);                        // `invalid`: cut, or octets left over

void append_issuers(Bytes& out, const std::vector<Bytes>& issuers);
Result<std::vector<std::vector<Bytes>>> read_issuer_sets(ByteView octets, std::uint32_t count);

void append_index_entry(Bytes& out, const IndexEntry& entry);
// Entries in ascending order whose records lie in [kHeadSize, records_end); `invalid` otherwise.
Result<std::vector<IndexEntry>> read_index(ByteView octets, std::uint64_t records_end);

Bytes write_tail(const SnapshotTail& tail);                             // without the sum
// `octets`: the last kTailSize of a file of `file_size`. `invalid`: its places do not follow each other.
Result<SnapshotTail> read_tail(ByteView octets, std::uint64_t file_size);

} // namespace mxseal::server
