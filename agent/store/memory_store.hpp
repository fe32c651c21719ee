// A Store in memory, with the semantics of the SQLite one, for tests and the simulation.
//
// MemoryDatabase is the disk: it outlives the stores that are opened on it, as a file outlives processes. Thread-safe.
#pragma once

#include "agent/store/store.hpp"

#include <functional>
#include <memory>

namespace mxseal::agent {

enum class WriteFate {
    carried_out,
    fails,               // Error `io`, nothing written
    written_but_fails,   // Error `io`, though it was written: the process died before it heard
};

// All of a MemoryDatabase at a moment.
using MemoryBackup = std::shared_ptr<const void>;

class MemoryDatabase {
public:
    MemoryDatabase();
    ~MemoryDatabase();

    // Asked before each write; `call` is the name of the method ("commit"). An empty function: all are carried out.
    void on_write(std::function<WriteFate(std::string_view call)> decide);
    // Every n-th write from now on fails; 0: none.
    void fail_every(unsigned n);

    // From now on writes are seen but not durable, as on a disk that lies about fsync, until sync().
    void hold_back_syncs();
    void sync();
    // The machine dies: what was not synced is gone, leases are free, stores that were open answer `io`.
    void crash();

    // A copy, and the way back to it: as after a crash, stores that were open answer `io`.
    MemoryBackup backup() const;
    void restore(const MemoryBackup& backup);

    std::size_t writes() const; // calls that wrote, or should have

    class Impl;
    Impl& impl() { return *impl_; }

private:
    std::unique_ptr<Impl> impl_;
};

// The lease of the returned store ends with it.
std::unique_ptr<Store> make_memory_store(std::shared_ptr<MemoryDatabase> database);

} // namespace mxseal::agent
