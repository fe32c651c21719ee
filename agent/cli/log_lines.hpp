// The agent's log on stderr: `2026-11-22T12:25:00Z level host event sentence`, coloured on a terminal. spdlog's only place.
#pragma once

#include "agent/store/store.hpp"

#include <memory>
#include <string_view>

namespace mxseal::cli {

enum class Level { info, warning, error };
// How loud an event is: what an operator should look at is a warning, what stops a host an error.
Level level_of(std::string_view event);

class LogLines {
public:
    LogLines();
    ~LogLines();
    LogLines(const LogLines&) = delete;
    LogLines& operator=(const LogLines&) = delete;

    void write(const agent::LogEntry& entry);

private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

} // namespace mxseal::cli
