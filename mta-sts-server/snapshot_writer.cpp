#include "mta-sts-server/snapshot_writer.hpp"

#include "mta-sts-server/private_file.hpp"

#include <algorithm>

#include <fmt/format.h>

namespace mxseal::server {

namespace {

constexpr std::size_t kBlock = 256 * 1024;

} // namespace

SnapshotWriter::SnapshotWriter(std::filesystem::path file, FileDescriptor descriptor) : file_(std::move(file)), descriptor_(std::move(descriptor)) { buffer_.reserve(kBlock + kRecordSizeMax); }

Result<SnapshotWriter> SnapshotWriter::begin(std::filesystem::path file, std::uint64_t generation, Instant written) {
    auto descriptor = make_beside(file);
    if (!descriptor) return std::move(descriptor).error().in_context("snapshot");
    SnapshotWriter writer(std::move(file), std::move(descriptor).value());
    writer.tail_.generation = generation;
    writer.tail_.written = written;
    if (auto head = writer.append(write_head()); !head) return std::move(head).error();
    return writer;
}

SnapshotWriter::~SnapshotWriter() {
    if (descriptor_) ::unlink(beside(file_).c_str());
    Secret wiped(std::move(buffer_));
}

Status SnapshotWriter::append(ByteView octets) {
    buffer_.insert(buffer_.end(), octets.begin(), octets.end());
    size_ += octets.size();
    return buffer_.size() < kBlock ? done() : flush();
}

Status SnapshotWriter::flush() {
    sum_.add(buffer_);
    if (auto written = write_whole(descriptor_.get(), buffer_); !written) return std::move(written).error().in_context(fmt::format("snapshot {}", beside(file_).string()));
    buffer_.clear();
    return done();
}

Result<std::uint32_t> SnapshotWriter::issuer_set(const std::vector<Bytes>& issuers) {
    const bool too_long = std::any_of(issuers.begin(), issuers.end(), [](const Bytes& issuer) { return issuer.size() > kCertificateBytesMax; });
    if (issuers.size() > kIssuersMax || too_long) return Error(ErrorCode::invalid, "the chain has more than ten issuers, or one longer than 64 KiB");
    Bytes octets;
    append_issuers(octets, issuers);
    const auto known = known_sets_.find(octets);
    if (known != known_sets_.end()) return known->second;
    if (tail_.sets >= kIssuerSetsMax) return Error(ErrorCode::invalid, fmt::format("more than {} different chains of issuers", kIssuerSetsMax));
    sets_.insert(sets_.end(), octets.begin(), octets.end());
    known_sets_.emplace(std::move(octets), tail_.sets);
    return tail_.sets++;
}

Status SnapshotWriter::add(const Site& site) {
    if (index_.size() >= kSitesMax) return Error(ErrorCode::invalid, fmt::format("more than {} sites", kSitesMax));
    auto set = issuer_set(site.issuers);
    if (!set) return std::move(set).error().in_context(escape_untrusted(site.name));
    auto octets = write_record(site, *set);
    if (!octets) return std::move(octets).error();
    const Secret record(std::move(octets).value());
    index_.push_back({index_key(site.name), size_, static_cast<std::uint32_t>(record.reveal().size()), record_check(record.reveal())});
    return append(record.reveal());
}

Status SnapshotWriter::write_index() {
    tail_.sets_offset = size_;
    if (auto sets = append(sets_); !sets) return sets;
    std::sort(index_.begin(), index_.end(), [](const IndexEntry& a, const IndexEntry& b) { return a.key < b.key; });
    const auto twice = std::adjacent_find(index_.begin(), index_.end(), [](const IndexEntry& a, const IndexEntry& b) { return a.key == b.key; });
    if (twice != index_.end()) return Error(ErrorCode::invalid, "a name stands twice among the sites of the snapshot");
    tail_.index_offset = size_;
    tail_.sites = static_cast<std::uint32_t>(index_.size());
    Bytes octets;
    octets.reserve(index_.size() * kIndexEntrySize);
    for (const IndexEntry& entry : index_) append_index_entry(octets, entry);
    if (auto index = append(octets); !index) return index;
    return append(write_tail(tail_));
}

Status SnapshotWriter::finish() {
    if (auto index = write_index(); !index) return index;
    if (auto flushed = flush(); !flushed) return flushed;
    const auto sum = sum_.finish();
    auto written = write_whole(descriptor_.get(), sum);
    if (written) written = put_in_place(descriptor_.get(), file_);
    if (!written) return std::move(written).error().in_context(fmt::format("snapshot {}", file_.string()));
    descriptor_.close(); // nothing is left beside it
    return done();
}

} // namespace mxseal::server
