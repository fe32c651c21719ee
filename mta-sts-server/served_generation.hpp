// ServedGeneration: the highest generation that this replica has served, kept in a small file over restarts (C-28): a snapshot from a
// backup would bring back policies whose ids are gone (RFC 8461 section 8.1). One process writes it; not thread-safe.
#pragma once

#include "base/result.hpp"

#include <cstdint>
#include <filesystem>

namespace mxseal::server {

class ServedGeneration {
public:
    // Without the file nothing was served yet. `invalid`: it holds something else; `io`.
    static Result<ServedGeneration> open(std::filesystem::path file);

    std::uint64_t highest() const { return highest_; } // 0: nothing was served yet
    // To be called before a snapshot of `generation` is served; synced when it returns. `refused`: a higher one was served.
    Status raise(std::uint64_t generation);

private:
    explicit ServedGeneration(std::filesystem::path file) : file_(std::move(file)) {}
    std::filesystem::path file_;
    std::uint64_t highest_ = 0;
    bool stored_ = false;
};

// "/var/lib/mxseal-serve/snapshot" -> "/var/lib/mxseal-serve/snapshot.served".
std::filesystem::path served_file_of(const std::filesystem::path& snapshot);

} // namespace mxseal::server
