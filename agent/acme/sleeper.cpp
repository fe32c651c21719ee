#include "agent/acme/sleeper.hpp"

namespace mxseal::agent {

bool StoppableSleeper::sleep(Duration duration) {
    std::unique_lock lock(mutex_);
    return !changed_.wait_for(lock, duration, [this] { return stopped_; });
}

void StoppableSleeper::stop() {
    std::lock_guard lock(mutex_);
    stopped_ = true;
    changed_.notify_all();
}

} // namespace mxseal::agent
