#include "agent/cli/commands.hpp"
#include "agent/cli/picture.hpp"

namespace mxseal::cli {

namespace {

using timeline::Timeline;

Result<Timeline> ask(const std::string& host, const std::optional<Instant>& from, Instant clock_now, DeskFinder& desks) {
    auto status = desks.read([](agent::Desk& desk) { return desk.status(); });
    if (!status) return std::move(status).error();
    auto plan = desks.read([&](agent::Desk& desk) { return desk.plan({host}); });
    if (!plan) return std::move(plan).error();
    agent::LogFilter filter;
    filter.host = host;
    filter.limit = timeline::kEntriesMax;
    auto log = desks.read([&](agent::Desk& desk) { return desk.log(filter); });
    if (!log) return std::move(log).error();
    // Logged instants are the agent's: its now stands beside them.
    auto now = parse_rfc3339((*status)["at"].as_string().value_or(""));
    return timeline::timeline_of(*status, *plan, *log, {host, now ? *now : clock_now, from});
}

} // namespace

int show_timeline(Environment& environment, const Arguments& arguments, DeskFinder& desks) {
    Console& console = environment.console;
    std::optional<Instant> from;
    if (arguments.from) {
        auto parsed = timeline::parse_from(*arguments.from, environment.clock.wall());
        if (!parsed) {
            console.warn("mxseal: --from " + parsed.error().message());
            return kExitUsage;
        }
        from = *parsed;
    }
    auto timeline = ask(arguments.hosts.front(), from, environment.clock.wall(), desks);
    if (!timeline) return fail(environment, timeline.error());
    if (arguments.json) {
        console.json(timeline::to_json(*timeline));
    } else if (arguments.svg) {
        if (auto written = write_picture(*arguments.svg, *timeline); !written) return fail(environment, written.error());
        console.line("wrote " + *arguments.svg);
    } else {
        console.print(render_picture(*timeline, console.style()));
    }
    return kExitDone;
}

} // namespace mxseal::cli
