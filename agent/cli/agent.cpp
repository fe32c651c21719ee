#include "agent/cli/commands.hpp"
#include "agent/cli/harden.hpp"
#include "agent/cli/log_lines.hpp"
#include "agent/cli/notify.hpp"
#include "agent/cli/signals.hpp"
#include "agent/control/control_server.hpp"

namespace mxseal::cli {

int run_agent_command(Environment& environment, const agent::Config& config) {
    if (auto hardened = harden_process(); !hardened) return fail(environment, hardened.error());
    agent::Signals signals;
    SignalWatcher watcher(signals);
    LogLines log;
    agent::AgentHooks hooks;
    hooks.inherited_sockets = environment.inherited_sockets;
    hooks.inherited_names = environment.inherited_names;
    hooks.logged = [&](const agent::LogEntry& entry) { log.write(entry); };
    hooks.started = [&](agent::Desk& desk) -> Result<std::shared_ptr<void>> {
        auto server = agent::ControlServer::start(desk, config.state);
        if (!server) return std::move(server).error();
        notify(environment.notify_socket, "READY=1");
        return std::shared_ptr<void>(std::move(server).value());
    };
    hooks.leave = [&] {
        notify(environment.notify_socket, "STOPPING=1");
        environment.leave(kExitDone);
    };
    auto ended = environment.run_agent(config, signals, std::move(hooks));
    notify(environment.notify_socket, "STOPPING=1");
    return ended ? kExitDone : fail(environment, ended.error());
}

} // namespace mxseal::cli
