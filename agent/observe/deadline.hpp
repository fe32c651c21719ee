// Deadline: until when a wait on a socket may last. Counts in time since boot, so a stepped wall clock changes nothing.
#pragma once

#include "base/time.hpp"

#include <algorithm>

namespace mxseal::agent {

class Deadline {
public:
    Deadline(const Clock& clock, Duration from_now) : clock_(&clock), at_{clock.boot_time().since_boot + from_now} {}

    Duration left() const { return std::max(at_.since_boot - clock_->boot_time().since_boot, Duration{0}); }
    bool over() const { return left() == Duration{0}; }
    // The earlier of this one and `from_now`.
    Deadline at_most(Duration from_now) const { return {*clock_, std::min(left(), from_now)}; }

private:
    const Clock* clock_;
    BootTime at_;
};

} // namespace mxseal::agent
