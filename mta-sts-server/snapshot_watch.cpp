#include "mta-sts-server/snapshot_watch.hpp"

#include <sys/stat.h>

namespace mxseal::server {

std::optional<Result<std::shared_ptr<const Snapshot>>> SnapshotWatch::look() {
    struct stat facts{};
    Seen seen; // all zero: there is none
    if (::stat(file_.c_str(), &facts) == 0)
        seen = {facts.st_dev, facts.st_ino, static_cast<std::uint64_t>(facts.st_size), std::int64_t{facts.st_ctim.tv_sec} * 1'000'000'000 + facts.st_ctim.tv_nsec};
    if (seen_ == seen) return std::nullopt;
    seen_ = seen; // before it is read: what changes meanwhile is seen at the next look
    auto snapshot = Snapshot::open(file_);
    if (!snapshot) return snapshot;
    if ((*snapshot)->facts().digest == digest_) return std::nullopt;
    digest_ = (*snapshot)->facts().digest;
    return snapshot;
}

} // namespace mxseal::server
