// Sleeper: the port through which the ACME driver waits between polls, so that tests do not and a stop is not waited out.
#pragma once

#include "base/time.hpp"

#include <condition_variable>
#include <mutex>

namespace mxseal::agent {

class Sleeper {
public:
    virtual ~Sleeper() = default;
    // False: the program ends, the caller returns at once.
    virtual bool sleep(Duration duration) = 0;
};

// Any number of threads sleep; stop() wakes them all, now and for ever.
class StoppableSleeper final : public Sleeper {
public:
    bool sleep(Duration duration) override;
    void stop();

private:
    std::mutex mutex_;
    std::condition_variable changed_;
    bool stopped_ = false;
};

} // namespace mxseal::agent
