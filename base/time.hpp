// Instants and durations, their text forms, and the Clock port.
//
// Nothing but an implementation of Clock reads a clock; rotation/ gets `Instant now` as an argument.
#pragma once

#include "base/result.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace mxseal {

using Duration = std::chrono::milliseconds;
using Instant = std::chrono::sys_time<Duration>; // UTC, milliseconds
using Ttl = std::chrono::seconds;                // 0..2147483647 (RFC 2181 section 8)

// Time since boot, suspended time included; its zero means nothing. Comparable only under one boot id.
struct BootTime {
    Duration since_boot{0};
    auto operator<=>(const BootTime&) const = default;
};

class Clock {
public:
    virtual ~Clock() = default;
    virtual Instant wall() const = 0;
    virtual BootTime boot_time() const = 0;
    virtual std::string boot_id() const = 0; // changes with every boot
};

// CLOCK_REALTIME, CLOCK_BOOTTIME and /proc/sys/kernel/random/boot_id. Any thread.
class SystemClock final : public Clock {
public:
    Instant wall() const override;
    BootTime boot_time() const override;
    std::string boot_id() const override;
};

// "30s" "15m" "1h" "7d" "2w": a whole number and one unit; anything else is `invalid`.
Result<Duration> parse_duration(std::string_view text);
// The shortest exact form, largest units first: "3d 1h 16m", "5s", "1.5s", "0s".
std::string to_string(Duration duration);

// RFC 3339 in UTC, milliseconds only when they are not zero: "2026-11-22T12:25:00Z".
std::string to_rfc3339(Instant instant);
Result<Instant> parse_rfc3339(std::string_view text);
// The date forms of HTTP (RFC 9110 section 5.6.7), for the Date and Retry-After fields.
Result<Instant> parse_http_date(std::string_view text);

std::int64_t to_unix_ms(Instant instant);
Instant from_unix_ms(std::int64_t unix_ms);

} // namespace mxseal
