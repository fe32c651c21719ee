// Snapshot: a packed snapshot file, open for reading. Immutable; any thread.
//
// The index is in memory, 40 octets a site; a record is read when its name is asked for and checked against the index. The file is
// not mapped: an operator who copies a new one over it would end the process by SIGBUS, and all keys would stand in its memory.
#pragma once

#include "base/file_descriptor.hpp"
#include "base/result.hpp"
#include "mta-sts-server/snapshot_record.hpp"

#include <filesystem>
#include <memory>
#include <optional>

namespace mxseal::server {

struct SnapshotFacts {
    std::uint64_t generation = 0;
    Instant written{};
    std::uint32_t sites = 0;
    std::string digest; // SHA-256 of its content, hexadecimal: two replicas with the same one serve the same
};

class Snapshot {
public:
    // `not_found`; `refused`: others than its owner may read it (there are keys in it), or it is no regular file;
    // `invalid`: no snapshot, of another format, cut or damaged; `io`.
    static Result<std::shared_ptr<const Snapshot>> open(const std::filesystem::path& file);
    // The same of an open file, whose rights are not looked at.
    static Result<std::shared_ptr<const Snapshot>> read(FileDescriptor file);

    const SnapshotFacts& facts() const { return facts_; }
    // Nothing: unknown name. `io`: the file is no longer what was opened.
    Result<std::optional<StoredSite>> find(std::string_view name) const;
    const std::vector<std::vector<Bytes>>& issuer_sets() const { return issuer_sets_; }

private:
    explicit Snapshot(FileDescriptor file) : file_(std::move(file)) {}
    Status load();

    FileDescriptor file_;
    SnapshotFacts facts_;
    std::vector<IndexEntry> index_;
    std::vector<std::vector<Bytes>> issuer_sets_;
};

} // namespace mxseal::server
