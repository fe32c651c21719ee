#include "agent/cli/commands.hpp"
#include "agent/cli/picture.hpp"
#include "agent/cli/render.hpp"

#include <fmt/format.h>

namespace mxseal::cli {

namespace {

constexpr double kYearMs = 365.0 * 24 * 3600 * 1000;

SimulationOrder order_of(const Arguments& arguments) {
    SimulationOrder order;
    order.length = Duration{static_cast<std::int64_t>(arguments.years * kYearMs)};
    order.seed = arguments.seed;
    order.host = arguments.hosts.empty() ? "" : arguments.hosts.front();
    order.faults = arguments.faults;
    order.fault_names = arguments.fault_names;
    return order;
}

timeline::Timeline picture_of(const Json& picture) {
    timeline::Question question;
    question.host = picture["host"].as_string().value_or("");
    auto at = parse_rfc3339(picture["at"].as_string().value_or(""));
    question.now = at ? *at : Instant{};
    return timeline::timeline_of(picture["status"], picture["plan"], picture["log"], question);
}

// For programs: the picture as its facts, not as what it is made from.
Json without_log(const Json& forecast, const timeline::Timeline& picture) {
    Json out = Json::object();
    for (const auto& [name, value] : forecast.members()) out.set(name, name == "picture" ? timeline::to_json(picture) : value);
    return out;
}

} // namespace

int simulate(Environment& environment, const Arguments& arguments, const agent::Config& config) {
    Console& console = environment.console;
    SimulationOrder order = order_of(arguments);
    const bool live = environment.out_is_terminal && !arguments.json;
    if (live) order.on_progress = [&](std::string_view what, std::size_t done, std::size_t all) { console.print(fmt::format("\r\033[Ksimulating {}: {} of {}", what, done, all)); };
    auto forecast = environment.simulate(config, order);
    if (live) console.print("\r\033[K");
    if (!forecast) {
        console.warn("mxseal: " + forecast.error().message());
        return forecast.error().code() == ErrorCode::invalid ? kExitUsage : kExitFailed;
    }
    const auto picture = picture_of((*forecast)["picture"]);
    if (arguments.json) {
        console.json(without_log(*forecast, picture));
    } else {
        console.print(render_simulation(*forecast, console.style()));
        if (!arguments.svg) console.print("\n" + render_picture(picture, console.style()));
    }
    if (arguments.svg) {
        if (auto written = write_picture(*arguments.svg, picture); !written) return fail(environment, written.error());
        if (!arguments.json) console.print("\n");
        console.line("wrote " + *arguments.svg);
    }
    return (*forecast)["kept"].as_bool() == true ? kExitDone : kExitFailed;
}

} // namespace mxseal::cli
