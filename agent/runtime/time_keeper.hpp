// TimeKeeper: holds the wall clock against the boot clock (requirements 0.1). It finds steps; what they mean the core decides.
#pragma once

#include "base/json.hpp"
#include "base/time.hpp"

#include <optional>
#include <string>

namespace mxseal::agent {

class TimeKeeper {
public:
    explicit TimeKeeper(Clock& clock) : clock_(clock) {}

    // The anchor of the last run: under the same boot, a step while no agent ran is found too.
    void restore(const Json& fact);
    Json fact() const;

    // How far the wall clock ran ahead of the boot clock (behind: negative) since the anchor, when it is more than a minute.
    // The anchor moves to now.
    std::optional<Duration> step();
    // The same, and the anchor stays; 0: not more than a minute.
    Duration ahead() const;

    Instant now() const { return clock_.wall(); }

private:
    void anchor();
    Clock& clock_;
    Instant wall_{};
    BootTime boot_{};
    std::string boot_id_;
};

} // namespace mxseal::agent
