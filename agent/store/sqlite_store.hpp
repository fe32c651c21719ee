// The SQLite store: one file `mxseal.sqlite` in the state folder (WAL, synchronous=FULL) and `mxseal.lease` beside it.
//
// Any thread. Several processes may open it at once: readers never block the writer, writers wait for each other up to
// `busy_timeout`. Only one of them holds the lease.
#pragma once

#include "agent/store/store.hpp"

#include <filesystem>
#include <memory>

namespace mxseal::agent {

struct SqliteOptions {
    Duration busy_timeout = std::chrono::seconds(10); // our choice: longer than any transaction of ours on a slow disk
};

// Makes folder (0700) and database (0600) when they are missing. `refused`: written by a newer mxseal or another program,
// or open to others; `io`: disk, rights, damage. The lease of the returned store ends with it.
Result<std::unique_ptr<Store>> make_sqlite_store(const std::filesystem::path& state_folder, const SqliteOptions& options = {});

} // namespace mxseal::agent
