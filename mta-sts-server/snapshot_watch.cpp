#include "mta-sts-server/snapshot_watch.hpp"

namespace mxseal::server {

std::optional<Result<std::shared_ptr<const Snapshot>>> SnapshotWatch::look() {
    const auto seen = mark_of(file_);
    if (seen_ == seen) return std::nullopt;
    seen_ = seen; // before it is read: what changes meanwhile is seen at the next look
    auto snapshot = Snapshot::open(file_);
    if (!snapshot) return snapshot;
    if ((*snapshot)->facts().digest == digest_) return std::nullopt;
    digest_ = (*snapshot)->facts().digest;
    return snapshot;
}

} // namespace mxseal::server
