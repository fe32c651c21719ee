#include "agent/cli/commands.hpp"
#include "agent/cli/render.hpp"

namespace mxseal::cli {

int show_plan(Environment& environment, const Arguments& arguments, DeskFinder& desks) {
    auto plan = desks.read([&](agent::Desk& desk) { return desk.plan(arguments.hosts); });
    if (!plan) return fail(environment, plan.error());
    Console& console = environment.console;
    if (arguments.json)
        console.json(*plan);
    else
        console.print(render_plan(*plan, console.style()));
    return kExitDone;
}

} // namespace mxseal::cli
