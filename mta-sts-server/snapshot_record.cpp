#include "mta-sts-server/snapshot_record.hpp"

#include "mta-sts-server/limits.hpp"
#include "mta-sts-server/octets.hpp"

#include <algorithm>

#include <fmt/format.h>

namespace mxseal::server {

namespace {

constexpr std::string_view kHeadWord = "mxsealPS", kTailWord = "mxsealPE";

Error damaged(std::string_view what) { return Error(ErrorCode::invalid, fmt::format("{} of the snapshot is damaged", what)); }

} // namespace

IndexKey index_key(std::string_view name) {
    const auto digest = sha256(view_of(name));
    IndexKey key;
    std::copy_n(digest.begin(), key.size(), key.begin());
    return key;
}

RecordCheck record_check(ByteView record) {
    const auto digest = sha256(record);
    RecordCheck check;
    std::copy_n(digest.begin(), check.size(), check.begin());
    return check;
}

Bytes write_head() {
    Bytes out;
    append(out, view_of(kHeadWord));
    append_number(out, kSnapshotFormat);
    append_number(out, std::uint32_t{0});
    return out;
}

bool is_head(ByteView octets) {
    const auto expected = write_head();
    return std::equal(octets.begin(), octets.end(), expected.begin(), expected.end());
}

Result<Bytes> write_record(const Site& site, std::uint32_t issuer_set) {
    const auto wrong = [&](std::string_view why) { return Error(ErrorCode::invalid, fmt::format("{} cannot be served: {}", escape_untrusted(site.name), why)); };
    if (site.name.empty() || site.name.size() > 253) return wrong("its name is empty or longer than 253 octets");
    if (site.policy.size() > kPolicyBytesMax) return wrong(fmt::format("its policy has {} octets, more than {}", site.policy.size(), kPolicyBytesMax));
    if (site.certificate.empty() || site.certificate.size() > kCertificateBytesMax) return wrong("its certificate is empty or longer than 64 KiB");
    const auto scalar = site.key.scalar.reveal();
    if (scalar.size() != 32 || site.key.point[0] != 0x04) return wrong("its key is no P-256 key pair");
    Bytes out;
    out.reserve(site.name.size() + site.policy.size() + site.certificate.size() + 128);
    append_number(out, static_cast<std::uint8_t>(site.name.size()));
    append(out, view_of(site.name));
    append_counted(out, view_of(site.policy));
    append_counted(out, site.certificate);
    append(out, scalar);
    append(out, site.key.point);
    append_number(out, issuer_set);
    return out;
}

Result<StoredSite> read_record(ByteView record) {
    Cursor cursor(record);
    StoredSite site;
    site.name = to_text(cursor.take(cursor.number<std::uint8_t>()));
    site.policy = to_text(cursor.counted(kPolicyBytesMax));
    const auto certificate = cursor.counted(kCertificateBytesMax);
    site.certificate.assign(certificate.begin(), certificate.end());
    const auto scalar = cursor.take(32);
    site.key.scalar = Secret(Bytes(scalar.begin(), scalar.end()));
    cursor.fill(site.key.point);
    site.issuer_set = cursor.number<std::uint32_t>();
    if (!cursor.complete() || site.name.empty()) return damaged("a record");
    return site;
}

void append_issuers(Bytes& out, const std::vector<Bytes>& issuers) {
    append_number(out, static_cast<std::uint32_t>(issuers.size()));
    for (const Bytes& issuer : issuers) append_counted(out, issuer);
}

Result<std::vector<std::vector<Bytes>>> read_issuer_sets(ByteView octets, std::uint32_t count) {
    if (count > kIssuerSetsMax) return damaged("the list of issuers");
    Cursor cursor(octets);
    std::vector<std::vector<Bytes>> sets;
    for (std::uint32_t i = 0; i < count; ++i) {
        const auto certificates = cursor.number<std::uint32_t>();
        if (cursor.failed() || certificates > kIssuersMax) return damaged("the list of issuers");
        auto& set = sets.emplace_back();
        for (std::uint32_t j = 0; j < certificates; ++j) {
            const auto issuer = cursor.counted(kCertificateBytesMax);
            set.emplace_back(issuer.begin(), issuer.end());
        }
    }
    if (!cursor.complete()) return damaged("the list of issuers");
    return sets;
}

void append_index_entry(Bytes& out, const IndexEntry& entry) {
    append(out, entry.key);
    append_number(out, entry.offset);
    append_number(out, entry.size);
    append_number(out, std::uint32_t{0});
    append(out, entry.check);
}

Result<std::vector<IndexEntry>> read_index(ByteView octets, std::uint64_t records_end) {
    if (octets.size() % kIndexEntrySize != 0) return damaged("the index");
    Cursor cursor(octets);
    std::vector<IndexEntry> entries(octets.size() / kIndexEntrySize);
    const IndexEntry* before = nullptr;
    for (IndexEntry& entry : entries) {
        cursor.fill(entry.key);
        entry.offset = cursor.number<std::uint64_t>();
        entry.size = cursor.number<std::uint32_t>();
        const auto zero = cursor.number<std::uint32_t>();
        cursor.fill(entry.check);
        const bool inside = entry.offset >= kHeadSize && entry.size <= kRecordSizeMax && entry.offset <= records_end && entry.size <= records_end - entry.offset;
        if (!inside || zero != 0 || (before != nullptr && before->key >= entry.key)) return damaged("the index");
        before = &entry;
    }
    return entries;
}

Bytes write_tail(const SnapshotTail& tail) {
    Bytes out;
    append_number(out, tail.generation);
    append_number(out, to_unix_ms(tail.written));
    append_number(out, tail.sets_offset);
    append_number(out, tail.index_offset);
    append_number(out, tail.sets);
    append_number(out, tail.sites);
    append(out, view_of(kTailWord));
    return out;
}

Result<SnapshotTail> read_tail(ByteView octets, std::uint64_t file_size) {
    if (octets.size() != kTailSize || file_size < kHeadSize + kTailSize) return damaged("the end");
    Cursor cursor(octets);
    SnapshotTail tail;
    tail.generation = cursor.number<std::uint64_t>();
    tail.written = from_unix_ms(cursor.number<std::int64_t>());
    tail.sets_offset = cursor.number<std::uint64_t>();
    tail.index_offset = cursor.number<std::uint64_t>();
    tail.sets = cursor.number<std::uint32_t>();
    tail.sites = cursor.number<std::uint32_t>();
    const auto word = to_text(cursor.take(kTailWord.size()));
    const auto index_end = file_size - kTailSize;
    const bool in_order = tail.sets_offset >= kHeadSize && tail.sets_offset <= tail.index_offset && tail.index_offset <= index_end;
    if (word != kTailWord || !in_order || tail.sites > kSitesMax || index_end - tail.index_offset != tail.sites * kIndexEntrySize) return damaged("the end");
    return tail;
}

} // namespace mxseal::server
