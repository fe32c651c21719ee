#include "mta-sts-server/snapshot.hpp"

#include "mta-sts-server/private_file.hpp"
#include "mta-sts-server/sum.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>

#include <fmt/format.h>
#include <sys/stat.h>

namespace mxseal::server {

namespace {

// At most so much of issuers: kIssuerSetsMax sets of a few KiB (our choice).
constexpr std::uint64_t kIssuerBytesMax = 64 * 1024 * 1024;

Error failed(const char* doing) { return Error(ErrorCode::io, fmt::format("{}: {}", doing, std::strerror(errno))); }

// All of `out`, or an error; a file that has become shorter is one.
Status read_at(int file, std::uint64_t offset, std::span<std::uint8_t> out) {
    while (!out.empty()) {
        const auto count = ::pread(file, out.data(), out.size(), static_cast<off_t>(offset));
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) return failed("the snapshot cannot be read");
        if (count == 0) return Error(ErrorCode::io, "the snapshot ends too early");
        out = out.subspan(static_cast<std::size_t>(count));
        offset += static_cast<std::uint64_t>(count);
    }
    return done();
}

Result<std::array<std::uint8_t, kSumSize>> sum_of(int file, std::uint64_t size) {
    Sum sum;
    Bytes block(256 * 1024);
    for (std::uint64_t at = 0; at < size;) {
        const auto part = std::span(block).first(static_cast<std::size_t>(std::min<std::uint64_t>(block.size(), size - at)));
        if (auto read = read_at(file, at, part); !read) return std::move(read).error();
        sum.add(part);
        at += part.size();
    }
    return sum.finish();
}

Result<Bytes> read_range(int file, std::uint64_t begin, std::uint64_t end) {
    Bytes out(static_cast<std::size_t>(end - begin));
    if (auto read = read_at(file, begin, out); !read) return std::move(read).error();
    return out;
}

} // namespace

Status Snapshot::load() {
    struct stat facts{};
    if (::fstat(file_.get(), &facts) != 0) return failed("the snapshot cannot be looked at");
    const auto size = static_cast<std::uint64_t>(facts.st_size);
    if (size < kHeadSize + kTailSize) return Error(ErrorCode::invalid, "this is no snapshot: it is too short");
    auto head = read_range(file_.get(), 0, kHeadSize);
    if (!head) return std::move(head).error();
    if (!is_head(*head)) return Error(ErrorCode::invalid, fmt::format("this is no snapshot of format {}; write it with the same version of mxseal", kSnapshotFormat));
    auto octets = read_range(file_.get(), size - kTailSize, size);
    if (!octets) return std::move(octets).error();
    auto sum = sum_of(file_.get(), size - kSumSize);
    if (!sum) return std::move(sum).error();
    if (!std::equal(sum->begin(), sum->end(), octets->end() - kSumSize)) return Error(ErrorCode::invalid, "the snapshot is cut or damaged: its checksum does not match; copy it again");
    auto tail = read_tail(*octets, size);
    if (!tail) return std::move(tail).error();
    if (tail->index_offset - tail->sets_offset > kIssuerBytesMax) return Error(ErrorCode::invalid, "the list of issuers of the snapshot is too long");
    auto sets = read_range(file_.get(), tail->sets_offset, tail->index_offset);
    if (!sets) return std::move(sets).error();
    auto issuer_sets = read_issuer_sets(*sets, tail->sets);
    if (!issuer_sets) return std::move(issuer_sets).error();
    auto index_octets = read_range(file_.get(), tail->index_offset, size - kTailSize);
    if (!index_octets) return std::move(index_octets).error();
    auto index = read_index(*index_octets, tail->sets_offset);
    if (!index) return std::move(index).error();
    facts_ = {tail->generation, tail->written, tail->sites, to_hex(*sum)};
    index_ = std::move(index).value();
    issuer_sets_ = std::move(issuer_sets).value();
    return done();
}

Result<std::shared_ptr<const Snapshot>> Snapshot::read(FileDescriptor file) {
    std::shared_ptr<Snapshot> snapshot(new Snapshot(std::move(file)));
    if (auto loaded = snapshot->load(); !loaded) return std::move(loaded).error();
    return std::shared_ptr<const Snapshot>(std::move(snapshot));
}

Result<std::shared_ptr<const Snapshot>> Snapshot::open(const std::filesystem::path& file) {
    const auto in_context = [&](Error error) { return std::move(error).in_context(fmt::format("snapshot {}", file.string())); };
    auto descriptor = open_private(file);
    if (!descriptor && descriptor.error().code() == ErrorCode::not_found) return in_context(Error(ErrorCode::not_found, "there is no such file; `mxseal agent` writes it"));
    if (!descriptor) return in_context(std::move(descriptor).error());
    auto snapshot = read(std::move(descriptor).value());
    if (!snapshot) return in_context(std::move(snapshot).error());
    return snapshot;
}

Result<std::optional<StoredSite>> Snapshot::find(std::string_view name) const {
    const auto key = index_key(name);
    const auto at = std::lower_bound(index_.begin(), index_.end(), key, [](const IndexEntry& entry, const IndexKey& wanted) { return entry.key < wanted; });
    if (at == index_.end() || at->key != key) return std::optional<StoredSite>();
    Bytes record(at->size);
    auto read = read_at(file_.get(), at->offset, record);
    Secret octets(std::move(record)); // a key stands in it: wiped at the end
    if (!read) return std::move(read).error();
    if (record_check(octets.reveal()) != at->check) return Error(ErrorCode::io, "a record of the snapshot was changed after it was opened; replace the file by rename, never in place");
    auto site = read_record(octets.reveal());
    if (!site) return std::move(site).error();
    if (site->name != name || site->issuer_set >= issuer_sets_.size()) return Error(ErrorCode::io, "a record of the snapshot is not the one that its index names");
    return std::optional<StoredSite>(std::move(site).value());
}

} // namespace mxseal::server
