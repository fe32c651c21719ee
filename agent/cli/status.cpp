#include "agent/cli/commands.hpp"
#include "agent/cli/live_screen.hpp"
#include "agent/cli/render.hpp"

#include <algorithm>
#include <map>

#include <fmt/format.h>

namespace mxseal::cli {

namespace {

constexpr auto kEvery = std::chrono::seconds(1);

Result<Json> read_status(DeskFinder& desks) {
    return desks.read([](agent::Desk& desk) { return desk.status(); });
}

// 1 while a host halts, so that a script that only asks knows, too.
int exit_code_of(const Json& status) {
    const auto& hosts = status["hosts"].items();
    return std::any_of(hosts.begin(), hosts.end(), is_halted) ? kExitFailed : kExitDone;
}

int watch_on_terminal(Environment& environment, DeskFinder& desks) {
    LiveScreen screen(environment.console, environment.screen_size);
    do {
        auto status = read_status(desks);
        const auto now = to_rfc3339(std::chrono::floor<std::chrono::seconds>(environment.clock.wall()));
        screen.draw(fmt::format("{}   Ctrl-C leaves\n", now) + (status ? render_status(*status, environment.console.style()) : printable(status.error().to_string()) + "\n"));
    } while (screen.wait(kEvery));
    return kExitDone;
}

// The lines of `status` that are not as they were.
std::string changes(const Json& status, std::map<std::string, std::string>& before, Instant now) {
    std::string out;
    const auto time = to_rfc3339(std::chrono::floor<std::chrono::seconds>(now));
    for (const auto& [key, line] : status_lines(status)) {
        auto& old = before[key];
        if (old != line) out += fmt::format("{} {}\n", time, line);
        old = line;
    }
    return out;
}

int watch_on_pipe(Environment& environment, const Arguments& arguments, DeskFinder& desks) {
    std::map<std::string, std::string> before;
    std::string last;
    for (;;) {
        auto status = read_status(desks);
        const auto text = status ? status->dump() : status.error().to_string();
        const bool changed = std::exchange(last, text) != text;
        if (!status && changed) fail(environment, status.error());
        if (status && changed && arguments.json) environment.console.json_line(*status);
        if (status && !arguments.json) environment.console.print(changes(*status, before, environment.clock.wall()));
        environment.pause(kEvery);
    }
}

} // namespace

int show_status(Environment& environment, const Arguments& arguments, DeskFinder& desks) {
    if (arguments.watch && environment.out_is_terminal && !arguments.json) return watch_on_terminal(environment, desks);
    if (arguments.watch) return watch_on_pipe(environment, arguments, desks);
    auto status = read_status(desks);
    if (!status) return fail(environment, status.error());
    Console& console = environment.console;
    if (arguments.json)
        console.json(*status);
    else
        console.print(render_status(*status, console.style()));
    return exit_code_of(*status);
}

} // namespace mxseal::cli
