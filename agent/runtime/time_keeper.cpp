#include "agent/runtime/time_keeper.hpp"

#include <algorithm>

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

Duration TimeKeeper::ahead() const {
    // Another boot: the boot clock says nothing; a wall clock behind the last one known has been set back.
    const Duration walked = clock_.wall() - wall_;
    const Duration lived = boot_id_ == clock_.boot_id() ? clock_.boot_time().since_boot - boot_.since_boot : std::max(walked, Duration{0});
    const Duration ahead = boot_id_.empty() ? Duration{0} : walked - lived;
    return ahead <= kStepMin && ahead >= -kStepMin ? Duration{0} : ahead;
}

std::optional<Duration> TimeKeeper::step() {
    const Duration stepped = ahead();
    if (stepped != Duration{0} || boot_id_ != clock_.boot_id()) anchor();
    return stepped == Duration{0} ? std::nullopt : std::optional(stepped);
}

} // namespace mxseal::agent
