// WorkerPool: a bounded number of threads that run jobs in order. One pool a shared resource (a provider account, a CA, the
// resolver), so that a stuck one holds up nobody else. Threads start when they are first needed.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace mxseal::agent {

class WorkerPool {
public:
    explicit WorkerPool(std::size_t threads_max) : threads_max_(threads_max) {}
    ~WorkerPool(); // waits for the jobs that run; those that wait are dropped
    WorkerPool(const WorkerPool&) = delete;
    WorkerPool& operator=(const WorkerPool&) = delete;

    // Any thread. Jobs must not throw and are bounded in time; the queue is bounded by its callers (one action of a kind a host).
    void submit(std::function<void()> job);

private:
    void work();

    const std::size_t threads_max_;
    std::mutex mutex_;
    std::condition_variable changed_;
    std::deque<std::function<void()>> jobs_;
    std::size_t idle_ = 0;
    bool stopping_ = false;
    std::vector<std::thread> threads_;
};

} // namespace mxseal::agent
