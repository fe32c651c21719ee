// Runs jobs 0..count-1 on at most `threads` threads and returns when all are done. A job must not throw and must be bounded in
// time by itself; jobs share nothing but what they guard.
#pragma once

#include <cstddef>
#include <functional>

namespace mxseal::agent {

void for_each_bounded(std::size_t count, std::size_t threads, const std::function<void(std::size_t)>& job);

} // namespace mxseal::agent
