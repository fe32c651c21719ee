// SnapshotWatch: notices that a snapshot file was replaced. Not thread-safe.
#pragma once

#include "mta-sts-server/private_file.hpp"
#include "mta-sts-server/snapshot.hpp"

#include <filesystem>
#include <optional>

namespace mxseal::server {

class SnapshotWatch {
public:
    explicit SnapshotWatch(std::filesystem::path file) : file_(std::move(file)) {}

    // The snapshot when the file is another one than at the last look, or cannot be used; nothing: all as it was, or it has the
    // content that was given out before. What is refused is told once, until the file changes again.
    std::optional<Result<std::shared_ptr<const Snapshot>>> look();
    void look_again() { seen_.reset(); } // the next look() reads, whatever the file's dates say

private:
    std::filesystem::path file_;
    std::optional<FileMark> seen_;
    std::string digest_; // of the last one given out
};

} // namespace mxseal::server
