// VirtualClock: time that moves only when the event queue says so; a wall clock that can drift and step beside a true one.
#pragma once

#include "base/time.hpp"

namespace mxseal::simulation {

class VirtualClock final : public Clock {
public:
    Instant wall() const override { return at_true(now_); }
    BootTime boot_time() const override { return {now_ - start_}; }
    std::string boot_id() const override { return "simulated"; }

    Instant true_now() const { return now_; }
    void advance_to(Instant at) { now_ = std::max(now_, at); }
    // What the wall clock shows when it is truly `at`.
    Instant at_true(Instant at) const { return at + offset_ + drift_of(at - anchor_); }
    // When the wall clock shows `wall`, unless it steps before; never before now.
    Instant true_at(Instant wall) const {
        const Duration ahead = wall - this->wall();
        return ahead <= Duration{0} ? now_ : now_ + ahead - drift_of(ahead) + Duration{ahead.count() != 0 && drift_ppm_ != 0 ? 1 : 0};
    }
    Duration skew() const { return wall() - now_; } // ours minus the true time

    void step_wall(Duration by) { offset_ += by; }
    void set_drift(int ppm) {
        offset_ += drift_of(now_ - anchor_);
        anchor_ = now_;
        drift_ppm_ = ppm;
    }

private:
    Duration drift_of(Duration lived) const { return Duration{lived.count() / 1'000'000 * drift_ppm_ + lived.count() % 1'000'000 * drift_ppm_ / 1'000'000}; }
    const Instant start_{std::chrono::sys_days{std::chrono::year{2026} / 11 / 22}};
    Instant now_ = start_, anchor_ = start_;
    Duration offset_{0};
    int drift_ppm_ = 0;
};

} // namespace mxseal::simulation
