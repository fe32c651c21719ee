#include "mta-sts-server/snapshot_writer.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <fmt/format.h>

namespace mxseal::server {

namespace {

constexpr std::size_t kBlock = 256 * 1024;

Error failed(const std::filesystem::path& file, const char* doing) {
    return Error(ErrorCode::io, fmt::format("snapshot {}: {}: {}", file.string(), doing, std::strerror(errno)));
}

} // namespace

SnapshotWriter::SnapshotWriter(std::filesystem::path file, std::filesystem::path beside, FileDescriptor descriptor)
    : file_(std::move(file)), beside_(std::move(beside)), descriptor_(std::move(descriptor)) {
    buffer_.reserve(kBlock + kRecordSizeMax);
}

Result<SnapshotWriter> SnapshotWriter::begin(std::filesystem::path file, std::uint64_t generation, Instant written) {
    auto beside = file;
    beside += ".new"; // one agent writes: what stands there is left from a crash
    if (::unlink(beside.c_str()) != 0 && errno != ENOENT) return failed(beside, "what an earlier run left cannot be removed");
    FileDescriptor descriptor(::open(beside.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600));
    if (!descriptor) return failed(beside, "cannot be made");
    SnapshotWriter writer(std::move(file), std::move(beside), std::move(descriptor));
    writer.tail_.generation = generation;
    writer.tail_.written = written;
    if (auto head = writer.append(write_head()); !head) return std::move(head).error();
    return writer;
}

SnapshotWriter::~SnapshotWriter() {
    if (descriptor_ && !beside_.empty()) ::unlink(beside_.c_str());
    Secret wiped(std::move(buffer_));
}

Status SnapshotWriter::append(ByteView octets) {
    buffer_.insert(buffer_.end(), octets.begin(), octets.end());
    size_ += octets.size();
    return buffer_.size() < kBlock ? done() : flush();
}

Status SnapshotWriter::flush() {
    sum_.add(buffer_);
    for (ByteView rest = buffer_; !rest.empty();) {
        const auto count = ::write(descriptor_.get(), rest.data(), rest.size());
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) return failed(beside_, "cannot be written");
        rest = rest.subspan(static_cast<std::size_t>(count));
    }
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
    if (::write(descriptor_.get(), sum.data(), sum.size()) != static_cast<ssize_t>(sum.size())) return failed(beside_, "cannot be written");
    if (::fsync(descriptor_.get()) != 0) return failed(beside_, "cannot be synced");
    if (::rename(beside_.c_str(), file_.c_str()) != 0) return failed(file_, "cannot be replaced");
    beside_.clear();
    const auto parent = file_.parent_path();
    const FileDescriptor folder(::open(parent.empty() ? "." : parent.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!folder || ::fsync(folder.get()) != 0) return failed(file_, "its folder cannot be synced");
    return done();
}

} // namespace mxseal::server
