// RequestWorkers: a few threads that call the desk, and a bounded queue before them. Any thread may hand in jobs.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace mxseal::agent {

class RequestWorkers {
public:
    RequestWorkers(std::size_t threads, std::size_t queue_max);
    RequestWorkers(const RequestWorkers&) = delete;
    RequestWorkers& operator=(const RequestWorkers&) = delete;
    ~RequestWorkers(); // as stop()

    // False: the queue is full, or stop() was called. A job must not throw.
    bool hand_in(std::function<void()> job);
    // No new jobs; returns when those handed in are done.
    void stop();

private:
    void work();

    const std::size_t queue_max_;
    std::mutex mutex_;
    std::condition_variable changed_;
    std::deque<std::function<void()>> queue_;
    bool stopping_ = false;
    std::vector<std::thread> threads_;
};

} // namespace mxseal::agent
