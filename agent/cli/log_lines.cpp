#include "agent/cli/log_lines.hpp"

#include "agent/cli/text.hpp"

#include <algorithm>
#include <array>

#include <fmt/format.h>
#include <spdlog/logger.h>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/ansicolor_sink.h>

namespace mxseal::cli {

namespace {

spdlog::level::level_enum spdlog_level(Level level) {
    switch (level) {
    case Level::info: return spdlog::level::info;
    case Level::warning: return spdlog::level::warn;
    case Level::error: return spdlog::level::err;
    }
    return spdlog::level::err;
}

} // namespace

Level level_of(std::string_view event) {
    constexpr std::array<std::string_view, 4> errors{"host.halted", "switch.failed", "tlsa.withdrawn", "certificate.expired"};
    constexpr std::array<std::string_view, 12> warnings{"action.failed", "standby.lost",     "switch.risk",   "tlsa.incomplete", "tlsa.repair",
                                                       "wire.trouble",  "wire.foreign_key", "host.own_pair", "endpoint.crowded", "site.alarm",
                                                       "site.order_failed", "certificate.overdue"};
    if (std::find(errors.begin(), errors.end(), event) != errors.end()) return Level::error;
    // Names of later events: what failed, was refused or is lost is said by the last part of the name.
    const bool loud = event.ends_with(".failed") || event.ends_with(".refused") || event.ends_with(".lost");
    return loud || std::find(warnings.begin(), warnings.end(), event) != warnings.end() ? Level::warning : Level::info;
}

struct LogLines::Impl {
    Impl() : logger("mxseal", std::make_shared<spdlog::sinks::ansicolor_stderr_sink_mt>()) {
        logger.set_formatter(std::make_unique<spdlog::pattern_formatter>("%Y-%m-%dT%H:%M:%SZ %^%l%$ %v", spdlog::pattern_time_type::utc));
        logger.set_level(spdlog::level::info);
        logger.flush_on(spdlog::level::info);
    }
    spdlog::logger logger;
};

LogLines::LogLines() : impl_(std::make_unique<Impl>()) {}
LogLines::~LogLines() = default;

void LogLines::write(const agent::LogEntry& entry) {
    const auto host = entry.host.empty() ? std::string("-") : printable(entry.host);
    const auto line = fmt::format("{} {} {}", host, printable(entry.event), printable(entry.sentence));
    impl_->logger.log(spdlog::log_clock::time_point(entry.at), spdlog::source_loc{}, spdlog_level(level_of(entry.event)), spdlog::string_view_t(line));
}

} // namespace mxseal::cli
