// LeaseFile: an flock that lives as long as this object (F-15). The kernel drops it when the process ends, however it ends,
// so a killed agent never keeps the lease. The descriptor is closed in programs that mxseal starts (O_CLOEXEC).
#pragma once

#include "base/result.hpp"

#include <filesystem>

namespace mxseal::agent {

class LeaseFile {
public:
    // `busy` when another process, or another store of this one, holds it.
    static Result<LeaseFile> acquire(const std::filesystem::path& file);

    LeaseFile(LeaseFile&& other) noexcept : descriptor_(other.descriptor_) { other.descriptor_ = -1; }
    LeaseFile& operator=(LeaseFile&& other) noexcept;
    LeaseFile(const LeaseFile&) = delete;
    LeaseFile& operator=(const LeaseFile&) = delete;
    ~LeaseFile();

private:
    explicit LeaseFile(int descriptor) : descriptor_(descriptor) {}
    int descriptor_;
};

} // namespace mxseal::agent
