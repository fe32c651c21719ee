#include "agent/cli/commands.hpp"
#include "agent/cli/render.hpp"

#include <fmt/format.h>

namespace mxseal::cli {

namespace {

void print_entries(Console& console, const Json& entries, bool json) {
    for (const Json& entry : entries.items()) {
        if (json)
            console.json_line(entry);
        else
            console.print(render_log_entry(entry));
    }
}

// Asked for one more than wanted: whether older ones are left off.
bool cut_to_newest(Json& entries, std::size_t limit) {
    if (entries.items().size() <= limit) return false;
    Json newest = Json::array();
    for (std::size_t i = entries.items().size() - limit; i < entries.items().size(); ++i) newest.push(entries.items()[i]);
    entries = std::move(newest);
    return true;
}

std::int64_t last_id(const Json& entries, std::int64_t before) {
    return entries.items().empty() ? before : entries.items().back()["id"].as_integer().value_or(before);
}

} // namespace

int show_log(Environment& environment, const Arguments& arguments, DeskFinder& desks) {
    agent::LogFilter filter;
    if (!arguments.hosts.empty()) filter.host = arguments.hosts.front();
    filter.limit = arguments.limit + 1;
    std::string told;
    for (;;) {
        auto entries = desks.read([&](agent::Desk& desk) { return desk.log(filter); });
        // Following outlives a restart of the agent; the first look tells at once that something is wrong.
        if (!entries && (!arguments.follow || filter.after_id == 0)) return fail(environment, entries.error());
        if (!entries && told != entries.error().message()) {
            told = entries.error().message();
            fail(environment, entries.error());
        }
        if (entries) {
            told.clear();
            if (filter.after_id == 0 && cut_to_newest(*entries, arguments.limit) && !arguments.json)
                environment.console.warn(fmt::format("mxseal: older entries are left off, these are the newest {}; --limit N gives more", arguments.limit));
            print_entries(environment.console, *entries, arguments.json);
            filter.after_id = last_id(*entries, filter.after_id);
        }
        if (!arguments.follow) return kExitDone;
        filter.limit = 1000; // a second's worth, far from reached
        environment.pause(std::chrono::seconds(1));
    }
}

} // namespace mxseal::cli
