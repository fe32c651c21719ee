// Counters: what a loop has seen since its start. Written by its thread, read by any.
#pragma once

#include <atomic>
#include <cstdint>

namespace mxseal::server {

struct Counters {
    using Count = std::atomic<std::uint64_t>;
    Count accepted{0};
    Count handshakes{0};       // complete ones
    Count answered{0};         // policies and challenges
    Count refused{0};          // requests with any other answer
    Count unknown_names{0};    // alerts for a name that is not served, or none
    Count no_tls{0};           // broken handshakes, and octets that are none
    Count timed_out{0};
    Count gave_way{0};         // closed as the oldest, when all places were taken
    Count over_address{0};     // closed at once: their address holds as many as it may
    Count cut{0};              // open when the grace of drain() was over
    Count open{0};             // now
    Count generation{0};       // of the snapshot from which new handshakes are served
};

inline void count(Counters::Count& counter) { counter.store(counter.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed); }

} // namespace mxseal::server
