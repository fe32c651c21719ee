#include "agent/cli/commands.hpp"
#include "agent/cli/harden.hpp"
#include "agent/cli/render.hpp"
#include "agent/cli/signals.hpp"

namespace mxseal::cli {

namespace {

Json to_json(const agent::LogEntry& entry) {
    return Json::object({{"id", entry.id}, {"at", to_rfc3339(entry.at)}, {"host", entry.host}, {"event", entry.event}, {"fields", entry.fields}, {"sentence", entry.sentence}});
}

} // namespace

int run_apply_command(Environment& environment, const Arguments& arguments, const agent::Config& config) {
    if (auto hardened = harden_process(); !hardened) return fail(environment, hardened.error());
    agent::Signals signals;
    SignalWatcher watcher(signals);
    Console& console = environment.console;
    Json entries = Json::array();
    agent::AgentHooks hooks;
    hooks.started = [](agent::Desk&) -> Result<std::shared_ptr<void>> { return std::shared_ptr<void>(); };
    hooks.logged = [&](const agent::LogEntry& entry) {
        if (arguments.json)
            entries.push(to_json(entry));
        else
            console.print(render_log_entry(to_json(entry)));
    };
    auto summary = environment.run_apply(config, signals, std::move(hooks));
    if (!summary) return fail(environment, summary.error());
    if (arguments.json)
        console.json(Json::object({{"log", std::move(entries)}, {"failed", summary->failed}, {"plan", summary->plan}}));
    else
        console.print("\n" + render_plan(summary->plan, console.style()));
    return summary->failed == 0 ? kExitDone : kExitFailed;
}

} // namespace mxseal::cli
