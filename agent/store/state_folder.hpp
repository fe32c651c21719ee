// The folder that holds the database: made 0700, its files 0600, whatever the umask is (G-01).
#pragma once

#include "base/result.hpp"

#include <filesystem>

namespace mxseal::agent {

// Makes `folder` when it is missing (its parent must exist). `io` when it can't be made or is no folder, `refused` when
// group or others may write there, for they could put another database in its place.
Status prepare_state_folder(const std::filesystem::path& folder);

// Makes an empty `file` (0600, owner of its folder) when it is missing. `refused` when it stands there as a link or can be
// read by group or others. An existing file is never opened: closing it would drop the locks that SQLite holds on it in
// this process (POSIX fcntl locks belong to the process, not to the descriptor).
Status prepare_private_file(const std::filesystem::path& file);

} // namespace mxseal::agent
