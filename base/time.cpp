#include "base/time.hpp"

#include <array>
#include <charconv>
#include <cstdio>
#include <ctime>
#include <fstream>

#include <fmt/format.h>

namespace mxseal {

namespace {

Duration read_clock(clockid_t id) {
    timespec now{};
    clock_gettime(id, &now);
    return Duration{now.tv_sec * 1000LL + now.tv_nsec / 1'000'000};
}

struct Unit {
    char letter;
    Duration length;
};

constexpr std::array<Unit, 5> kUnits{{{'w', std::chrono::hours{168}},
                                      {'d', std::chrono::hours{24}},
                                      {'h', std::chrono::hours{1}},
                                      {'m', std::chrono::minutes{1}},
                                      {'s', std::chrono::seconds{1}}}};

} // namespace

Instant SystemClock::wall() const { return Instant{read_clock(CLOCK_REALTIME)}; }
BootTime SystemClock::boot_time() const { return {read_clock(CLOCK_BOOTTIME)}; }

std::string SystemClock::boot_id() const {
    // It cannot change while this process lives.
    static const std::string id = [] {
        std::ifstream file("/proc/sys/kernel/random/boot_id");
        std::string line;
        std::getline(file, line);
        return line;
    }();
    return id;
}

Result<Duration> parse_duration(std::string_view text) {
    auto refuse = [&] {
        return Error(ErrorCode::invalid,
                     fmt::format("'{}' is not a duration; allowed is a whole number and one of s m h d w, as in 30s 15m 1h 7d 2w",
                                 escape_untrusted(text, 40)));
    };
    if (text.size() < 2) return refuse();
    std::int64_t count = 0;
    const char* end = text.data() + text.size() - 1;
    auto [parsed, failure] = std::from_chars(text.data(), end, count);
    if (failure != std::errc{} || parsed != end || count < 0) return refuse();
    for (const Unit& unit : kUnits) {
        if (unit.letter != text.back()) continue;
        // A hundred years is more than any wait; beyond it the arithmetic of instants could overflow.
        if (count > Duration{std::chrono::hours{876'000}} / unit.length) return refuse();
        return unit.length * count;
    }
    return refuse();
}

std::string to_string(Duration duration) {
    if (duration < Duration{0}) return "-" + to_string(-duration);
    std::string out;
    Duration rest = duration;
    for (const Unit& unit : kUnits) {
        if (unit.letter == 'w') continue; // "3w" reads well in a file, "21d" in a sum
        auto count = rest / unit.length;
        if (unit.letter == 's' && rest.count() % 1000 != 0) {
            auto text = fmt::format("{:.3f}", static_cast<double>(rest.count()) / 1000.0);
            while (text.back() == '0') text.pop_back();
            return out + (out.empty() ? "" : " ") + text + "s";
        }
        if (count == 0) continue;
        out += fmt::format("{}{}{}", out.empty() ? "" : " ", count, unit.letter);
        rest -= unit.length * count;
    }
    return out.empty() ? "0s" : out;
}

std::string to_rfc3339(Instant instant) {
    auto day = std::chrono::floor<std::chrono::days>(instant);
    std::chrono::year_month_day date{day};
    std::chrono::hh_mm_ss time{instant - day};
    auto out = fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}", static_cast<int>(date.year()),
                           static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()), time.hours().count(),
                           time.minutes().count(), time.seconds().count());
    if (time.subseconds().count() != 0) out += fmt::format(".{:03}", time.subseconds().count());
    return out + "Z";
}

Result<Instant> parse_rfc3339(std::string_view text) {
    int year = 0;
    unsigned month = 0, day = 0, hour = 0, minute = 0, second = 0, milli = 0;
    int used = 0;
    std::string copy(text);
    auto refuse = [&] { return Error(ErrorCode::invalid, fmt::format("'{}' is not an RFC 3339 time in UTC", escape_untrusted(text, 40))); };
    if (std::sscanf(copy.c_str(), "%4d-%2u-%2uT%2u:%2u:%2u%n", &year, &month, &day, &hour, &minute, &second, &used) != 6) return refuse();
    std::string_view rest = std::string_view(copy).substr(static_cast<std::size_t>(used));
    if (!rest.empty() && rest.front() == '.') {
        rest.remove_prefix(1);
        unsigned scale = 100;
        while (!rest.empty() && rest.front() >= '0' && rest.front() <= '9') {
            milli += static_cast<unsigned>(rest.front() - '0') * scale;
            scale /= 10;
            rest.remove_prefix(1);
        }
    }
    std::chrono::year_month_day date{std::chrono::year{year}, std::chrono::month{month}, std::chrono::day{day}};
    if (rest != "Z" || !date.ok() || hour > 23 || minute > 59 || second > 60) return refuse();
    return Instant{std::chrono::sys_days{date}} + std::chrono::hours{hour} + std::chrono::minutes{minute} + std::chrono::seconds{second} +
           Duration{milli};
}

Result<Instant> parse_http_date(std::string_view text) {
    std::string copy(text);
    for (const char* form : {"%a, %d %b %Y %H:%M:%S GMT", "%A, %d-%b-%y %H:%M:%S GMT", "%a %b %d %H:%M:%S %Y"}) {
        std::tm parts{};
        const char* end = strptime(copy.c_str(), form, &parts);
        if (end != nullptr && *end == '\0') return Instant{std::chrono::seconds{timegm(&parts)}};
    }
    return Error(ErrorCode::invalid, fmt::format("'{}' is not an HTTP date", escape_untrusted(text, 60)));
}

std::int64_t to_unix_ms(Instant instant) { return instant.time_since_epoch().count(); }
Instant from_unix_ms(std::int64_t unix_ms) { return Instant{Duration{unix_ms}}; }

} // namespace mxseal
