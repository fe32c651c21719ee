// SiteRate: how many orders a CA is given at once and in a row, so that a hundred thousand new names do not run into its limits. No clock.
#pragma once

#include "base/time.hpp"

#include <algorithm>
#include <cstddef>
#include <optional>

namespace mxseal::rotation::mta_sts {

class SiteRate {
public:
    struct Limits {
        std::size_t in_flight = 4;
        std::size_t burst = 300;       // orders that may come in a row
        Duration refill{36'000};       // then one each; 0: no rate
    };

    explicit SiteRate(Limits limits) : limits_(limits), left_(limits.burst) {}

    // Takes a place if there is one now.
    bool begin(Instant now) {
        refill(now);
        if (in_flight_ >= limits_.in_flight || (limited() && left_ == 0) || (paused_until_ && now < *paused_until_)) return false;
        ++in_flight_;
        if (limited()) --left_;
        return true;
    }
    void end() { in_flight_ -= in_flight_ > 0 ? 1 : 0; }
    // The CA said so: nothing is ordered before.
    void pause(Instant until) { paused_until_ = std::max(paused_until_.value_or(until), until); }
    // When begin() may succeed again, apart from orders that end.
    std::optional<Instant> next(Instant now) const {
        if (in_flight_ >= limits_.in_flight) return std::nullopt;
        Instant at = paused_until_ && *paused_until_ > now ? *paused_until_ : now;
        if (limited() && left_ == 0) at = std::max(at, refilled_.value_or(now) + limits_.refill);
        return at;
    }

private:
    bool limited() const { return limits_.refill > Duration{0}; }
    void refill(Instant now) {
        if (!limited()) return;
        if (!refilled_ || now < *refilled_) refilled_ = now; // a clock that stepped back gives nothing
        const auto more = (now - *refilled_) / limits_.refill;
        left_ = std::min(limits_.burst, left_ + static_cast<std::size_t>(std::min<std::int64_t>(more, static_cast<std::int64_t>(limits_.burst))));
        *refilled_ += limits_.refill * more;
    }

    Limits limits_;
    std::size_t in_flight_ = 0, left_;
    std::optional<Instant> refilled_, paused_until_;
};

} // namespace mxseal::rotation::mta_sts
