// control.json in the state folder: where the agent listens and the token that it asks for (G-06). 0600, the owner of the folder's.
#pragma once

#include "base/result.hpp"
#include "base/secret.hpp"

#include <cstdint>
#include <filesystem>
#include <optional>

#include <sys/types.h>

namespace mxseal::agent {

struct ControlFile {
    std::uint16_t port = 0;
    Secret token;          // 64 hexadecimal digits
    pid_t pid = 0;
    uid_t owner = 0;       // of the file; not written
};

std::filesystem::path control_file_path(const std::filesystem::path& state);

// Written beside and renamed into place.
Status write_control_file(const std::filesystem::path& state, const ControlFile& content);
// Nothing: there is none. `refused`: others could have read or written it. `io`, `invalid`: what the words say.
Result<std::optional<ControlFile>> read_control_file(const std::filesystem::path& state);
// Removes the file if it is still the one of `content`; another agent's stays.
void remove_control_file(const std::filesystem::path& state, const ControlFile& content);

} // namespace mxseal::agent
