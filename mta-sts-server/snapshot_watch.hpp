// SnapshotWatch: notices that a snapshot file was replaced. Not thread-safe.
#pragma once

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
    struct Seen {
        std::uint64_t device = 0, node = 0, size = 0;
        std::int64_t changed_ns = 0;
        bool operator==(const Seen&) const = default;
    };
    std::filesystem::path file_;
    std::optional<Seen> seen_;
    std::string digest_; // of the last one given out
};

} // namespace mxseal::server
