#include "agent/store/lease_file.hpp"

#include "agent/store/state_folder.hpp"

#include <cerrno>
#include <cstring>
#include <utility>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

namespace mxseal::agent {

Result<LeaseFile> LeaseFile::acquire(const std::filesystem::path& file) {
    if (auto ready = prepare_private_file(file); !ready) return std::move(ready).error();
    LeaseFile lease(::open(file.c_str(), O_RDWR | O_NOFOLLOW | O_CLOEXEC));
    if (lease.descriptor_ < 0)
        return Error(ErrorCode::io, fmt::format("opening {}: {}; it must belong to the user of mxseal", file.string(), std::strerror(errno)));
    if (::flock(lease.descriptor_, LOCK_EX | LOCK_NB) == 0) return lease;
    if (errno == EWOULDBLOCK) return Error(ErrorCode::busy, "another mxseal holds the lease", Retry::transient());
    return Error(ErrorCode::io, fmt::format("locking {}: {}; the state folder must be on a local file system", file.string(), std::strerror(errno)));
}

LeaseFile& LeaseFile::operator=(LeaseFile&& other) noexcept {
    std::swap(descriptor_, other.descriptor_);
    return *this;
}

LeaseFile::~LeaseFile() {
    if (descriptor_ >= 0) ::close(descriptor_);
}

} // namespace mxseal::agent
