// `mxseal hook prepare [CLIENT] HOST`: the key that the next certificate should be for, where the client finds it.
#include "agent/cli/commands.hpp"
#include "agent/cli/text.hpp"
#include "agent/hooks/client_files.hpp"

#include <fmt/format.h>

namespace mxseal::cli {

int prepare_hook(Environment& environment, const HookArguments& hook, const agent::Config& config, DeskFinder& desks) {
    const auto host = dns::Name::parse(hook.host);
    if (!host || !config.hosts.contains(*host)) {
        environment.console.warn(fmt::format("mxseal: {} is not one of the hosts of {}", printable(hook.host), config.file.string()));
        return kExitUsage;
    }
    const auto client = agent::parse_client(hook.client);
    if (!client && !hook.client.empty()) {
        environment.console.warn(fmt::format("mxseal: '{}' is no client; allowed: certbot, lego, dehydrated, acme.sh, uacme", printable(hook.client)));
        return kExitUsage;
    }
    auto answer = desks.request(Json::object({{"command", "handover"}, {"hosts", Json(Json::Array{Json(host->text())})}, {"who", environment.operator_name}}));
    if (!answer) return fail(environment, answer.error());
    const Json& replies = (*answer)["replies"];
    // Another process at work keeps requests in order, but this one wants its answer now.
    if (replies.items().empty() || !replies.items().front()["folder"].as_string())
        return fail(environment, Error(ErrorCode::busy, fmt::format("another mxseal is at work: {}; ask again when it is done", text_of(replies.items().empty() ? Json() : replies.items().front()["text"]))));
    const Json& reply = replies.items().front();
    environment.console.line(fmt::format("mxseal: {}: {}", host->text(), text_of(reply["text"])));
    if (!client) return kExitDone;
    const auto folder = hook.folder.empty() ? agent::usual_folder(*client, environment.home) : std::filesystem::path(hook.folder);
    auto laid = agent::lay_key(*client, folder, host->text(), std::filesystem::path(*reply["folder"].as_string()) / "key.pem");
    if (!laid) return fail(environment, laid.error());
    const auto file = agent::key_file_of(*client, folder, host->text());
    environment.console.line(fmt::format("mxseal: {}: {} {}", host->text(), file.string(), *laid ? "holds that key now" : "holds that key already"));
    return kExitDone;
}

} // namespace mxseal::cli
