#include "agent/cli/signals.hpp"

#include <catch2/catch.hpp>
#include <pthread.h>
#include <unistd.h>

using namespace mxseal;
using namespace mxseal::cli;

TEST_CASE("held signals are handed out and end nothing") {
    HeldSignals held({SIGINT, SIGTERM});
    CHECK_FALSE(held.next());
    pthread_kill(pthread_self(), SIGTERM);
    CHECK(held.wait(std::chrono::seconds(5)) == SIGTERM);
    CHECK_FALSE(held.next());
}

TEST_CASE("signals stop and reload the agent") {
    agent::Signals signals;
    {
        SignalWatcher watcher(signals);
        ::kill(::getpid(), SIGHUP);
        ::kill(::getpid(), SIGTERM);
        // The watcher takes what is pending before it leaves.
    }
    CHECK(signals.reload);
    CHECK(signals.stop);
}
