#include "agent/runtime/time_keeper.hpp"

namespace mxseal::agent {

namespace {
constexpr Duration kStepMin = std::chrono::seconds(60); // section 0.1
}

void TimeKeeper::anchor() {
    wall_ = clock_.wall();
    boot_ = clock_.boot_time();
    boot_id_ = clock_.boot_id();
}

void TimeKeeper::restore(const Json& fact) {
    auto wall = fact["wall"].as_integer();
    auto boot = fact["boot"].as_integer();
    auto id = fact["boot_id"].as_string();
    if (!wall || !boot || !id) return;
    wall_ = from_unix_ms(*wall);
    boot_ = {Duration{*boot}};
    boot_id_ = *id;
}

Json TimeKeeper::fact() const {
    return Json::object({{"wall", to_unix_ms(wall_)}, {"boot", static_cast<std::int64_t>(boot_.since_boot.count())}, {"boot_id", boot_id_}});
}

std::optional<Duration> TimeKeeper::step() {
    if (boot_id_.empty()) {
        anchor();
        return std::nullopt;
    }
    const Duration walked = clock_.wall() - wall_;
    // Another boot: the boot clock says nothing; a wall clock behind the last one known has been set back.
    const Duration lived = boot_id_ == clock_.boot_id() ? clock_.boot_time().since_boot - boot_.since_boot : std::max(walked, Duration{0});
    const Duration ahead = walked - lived;
    if (ahead <= kStepMin && ahead >= -kStepMin) {
        if (boot_id_ != clock_.boot_id()) anchor();
        return std::nullopt;
    }
    anchor();
    return ahead;
}

} // namespace mxseal::agent
