// SnapshotWriter: writes a packed snapshot beside the file and renames it into place, so that a reader sees the old one or
// the new one, whole. One thread. The same sites in the same order give the same octets.
#pragma once

#include "base/file_descriptor.hpp"
#include "base/result.hpp"
#include "base/time.hpp"
#include "mta-sts-server/snapshot_record.hpp"
#include "mta-sts-server/sum.hpp"

#include <filesystem>
#include <map>

namespace mxseal::server {

class SnapshotWriter {
public:
    // `io`: no file can be made beside `file`.
    static Result<SnapshotWriter> begin(std::filesystem::path file, std::uint64_t generation, Instant written);
    SnapshotWriter(SnapshotWriter&&) = default;
    SnapshotWriter& operator=(SnapshotWriter&&) = delete;
    ~SnapshotWriter(); // without finish(): the old file stays

    Status add(const Site& site); // in any order; `invalid`: the site cannot be written, and the writer goes on without it
    Status finish();              // `invalid`: a name stands twice; synced and in place when it returns

private:
    SnapshotWriter(std::filesystem::path file, FileDescriptor descriptor);
    Result<std::uint32_t> issuer_set(const std::vector<Bytes>& issuers);
    Status append(ByteView octets);
    Status flush();
    Status write_index();

    std::filesystem::path file_;
    FileDescriptor descriptor_; // of the file beside it; closed once that is in place
    SnapshotTail tail_;
    Sum sum_;
    Bytes buffer_;
    std::uint64_t size_ = 0;
    std::vector<IndexEntry> index_;
    Bytes sets_;
    std::map<Bytes, std::uint32_t> known_sets_; // by their octets
};

} // namespace mxseal::server
