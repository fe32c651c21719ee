#include "agent/acme/back_off.hpp"

#include <algorithm>

#include <fmt/format.h>

namespace mxseal::agent {

namespace {

constexpr std::string_view kKind = "acme_back_off";
// Let's Encrypt allows five failed validations an hour of a name and account (E-23); a quarter of an hour stays below.
constexpr Duration kFirst = std::chrono::minutes(15);
constexpr Duration kMax = std::chrono::hours(24); // E-07
constexpr std::int64_t kDoublingsMax = 7;         // 15 min * 2^7 is more than a day

} // namespace

Status BackOff::check(Instant now) const {
    auto document = journal_.get(kKind, id_);
    if (!document) return done();
    Instant until = from_unix_ms((*document)["until_unix_ms"].as_integer().value_or(0));
    Duration wait = Duration{(*document)["wait_ms"].as_integer().value_or(0)};
    if (until <= now) return done();
    // A clock that was set back lengthens the wait, but never beyond its whole length from now.
    Duration rest = std::min(until - now, wait);
    return Error(ErrorCode::rate_limited, fmt::format("the last order failed; the next one follows in {}: {}", to_string(rest), (*document)["why"].as_string().value_or("")),
                 Retry::after(rest));
}

Result<Duration> BackOff::failed(Instant now, std::optional<Duration> wait, const std::string& why) {
    auto before = journal_.get(kKind, id_);
    std::int64_t failures = before ? (*before)["failures"].as_integer().value_or(0) : 0;
    Duration doubled = std::min(kMax, kFirst * (std::int64_t{1} << std::clamp<std::int64_t>(failures, 0, kDoublingsMax)));
    Duration chosen = wait.value_or(doubled);
    Status kept = journal_.put(kKind, id_, Json::object({{"failures", failures + 1}, {"until_unix_ms", to_unix_ms(now + chosen)}, {"wait_ms", chosen.count()}, {"why", why}}));
    if (!kept) return std::move(kept).error();
    return chosen;
}

Status BackOff::succeeded() {
    if (!journal_.get(kKind, id_)) return done();
    return journal_.remove(kKind, id_);
}

} // namespace mxseal::agent
