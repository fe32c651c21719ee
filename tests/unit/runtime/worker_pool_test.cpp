#include "agent/runtime/worker_pool.hpp"

#include <catch2/catch.hpp>

#include <atomic>
#include <future>

using namespace mxseal::agent;

TEST_CASE("a pool runs every job, never more at once than it has threads") {
    std::atomic<int> running{0}, most{0}, ran{0};
    {
        std::promise<void> all;
        WorkerPool pool(3);
        for (int i = 0; i < 200; ++i)
            pool.submit([&] {
                const int now = ++running;
                for (int seen = most; seen < now && !most.compare_exchange_weak(seen, now);) {}
                --running;
                if (++ran == 200) all.set_value();
            });
        all.get_future().wait();
    }
    CHECK(ran == 200);
    CHECK(most <= 3);
}

TEST_CASE("a pool that ends waits for the job that runs") {
    std::promise<void> begun, go_on;
    std::atomic<bool> ended{false};
    auto pool = std::make_unique<WorkerPool>(1);
    pool->submit([&] {
        begun.set_value();
        go_on.get_future().wait();
        ended = true;
    });
    begun.get_future().wait();
    std::thread ending([&] { pool.reset(); });
    go_on.set_value();
    ending.join();
    CHECK(ended);
}
