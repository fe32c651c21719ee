#include "agent/observe/bounded_parallel.hpp"

#include <algorithm>
#include <atomic>
#include <thread>
#include <vector>

namespace mxseal::agent {

void for_each_bounded(std::size_t count, std::size_t threads, const std::function<void(std::size_t)>& job) {
    std::atomic<std::size_t> next{0};
    const auto work = [&] {
        for (std::size_t index = next++; index < count; index = next++) job(index);
    };
    const std::size_t wanted = std::min(count, std::max<std::size_t>(threads, 1));
    std::vector<std::thread> helpers;
    // The calling thread is one of them.
    for (std::size_t started = 1; started < wanted; ++started) helpers.emplace_back(work);
    work();
    for (std::thread& helper : helpers) helper.join();
}

} // namespace mxseal::agent
