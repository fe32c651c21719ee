#include "agent/cli/log_lines.hpp"

#include <cstdio>
#include <string>

#include <catch2/catch.hpp>
#include <unistd.h>

using namespace mxseal;
using namespace mxseal::cli;

namespace {

// What is written to descriptor 2 while `act` runs; a pipe holds far more than these lines.
template <class Act>
std::string captured_stderr(Act act) {
    int ends[2];
    REQUIRE(::pipe(ends) == 0);
    std::fflush(stderr);
    const int before = ::dup(STDERR_FILENO);
    ::dup2(ends[1], STDERR_FILENO);
    act();
    std::fflush(stderr);
    ::dup2(before, STDERR_FILENO);
    ::close(before);
    ::close(ends[1]);
    char buffer[4096];
    const auto count = ::read(ends[0], buffer, sizeof buffer);
    ::close(ends[0]);
    return {buffer, static_cast<std::size_t>(count > 0 ? count : 0)};
}

} // namespace

TEST_CASE("a log line has the entry's time in UTC, its level, host, event and sentence") {
    agent::LogEntry entry{1, *parse_rfc3339("2026-11-22T12:25:00Z"), "mx1.example.org", "tlsa.complete", Json::object(), "complete\nat all"};
    agent::LogEntry own{2, *parse_rfc3339("2026-11-22T12:25:01Z"), "", "action.failed", Json::object(), "retry"};
    const auto text = captured_stderr([&] {
        LogLines lines;
        lines.write(entry);
        lines.write(own);
    });
    CHECK(text == "2026-11-22T12:25:00Z info mx1.example.org tlsa.complete complete?at all\n"
                  "2026-11-22T12:25:01Z warning - action.failed retry\n");
}

TEST_CASE("what stops a host is an error, what somebody should look at a warning") {
    CHECK(level_of("host.halted") == Level::error);
    CHECK(level_of("switch.failed") == Level::error);
    CHECK(level_of("wire.trouble") == Level::warning);
    CHECK(level_of("config.refused") == Level::warning);
    CHECK(level_of("tlsa.complete") == Level::info);
}
