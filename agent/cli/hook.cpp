// `mxseal hook CLIENT`: the pair that a client has just brought is read, checked and handed over; the rest is the agent's.
#include "agent/cli/commands.hpp"
#include "agent/cli/harden.hpp"
#include "agent/cli/text.hpp"
#include "agent/hooks/client_call.hpp"
#include "agent/hooks/inbox.hpp"

#include <algorithm>

#include <fmt/format.h>

namespace mxseal::cli {

namespace {

using agent::ClientPair;

Result<std::optional<agent::PairFiles>> files_of(const Environment& environment, const HookArguments& hook) {
    if (hook.verb == HookVerb::files) return std::optional(agent::PairFiles{hook.key, hook.chain});
    const auto client = agent::parse_client(hook.client);
    if (!client) return Error(ErrorCode::internal, "unknown client " + hook.client);
    return agent::pair_of_call(*client, hook.words, environment.variable);
}

std::vector<const agent::HostConfig*> external_hosts(const agent::Config& config, const ClientPair& pair, Instant now) {
    std::vector<const agent::HostConfig*> hosts;
    for (const auto& [name, host] : config.hosts)
        if (host.certificate == "external" && agent::names_host(pair, name, now)) hosts.push_back(&host);
    return hosts;
}

std::string joined(const std::vector<std::string>& names) {
    std::string out;
    for (const std::string& name : names) {
        if (out.size() > 200) return out + ", ...";
        out += (out.empty() ? "" : ", ") + name;
    }
    return out.empty() ? "no name" : out;
}

int show_replies(Environment& environment, const ClientPair& pair, const agent::Inbox& inbox, const Json& replies) {
    bool told = false, refused = false;
    for (const Json& reply : replies.items()) {
        if (reply["pair"].as_string() != pair.leaf_sha256) continue;
        const auto line = fmt::format("mxseal: {}: {}", text_of(reply["host"], "hook"), text_of(reply["text"]));
        if (reply["refused"].as_bool() == true) {
            refused = true;
            environment.console.warn(line);
        } else {
            environment.console.line(line);
        }
        told = true;
    }
    if (!told && inbox.holds(pair.leaf_sha256))
        environment.console.line(fmt::format("mxseal: the certificate for {} waits for the mxseal at work", joined(pair.names)));
    else if (!told)
        environment.console.line(fmt::format("mxseal: the certificate for {} was taken; see `mxseal status`", joined(pair.names)));
    return refused ? kExitFailed : kExitDone;
}

int hand_over(Environment& environment, const ClientPair& pair, const agent::Config& config, DeskFinder& desks) {
    const agent::Inbox inbox(config.state);
    // Durable before anybody is told: whatever dies from here on, the pair is taken at the next start.
    if (auto left = inbox.leave(pair); !left) return fail(environment, left.error());
    auto answer = desks.request(Json::object({{"command", "pairs"}, {"hosts", Json::array()}, {"who", environment.operator_name}}));
    if (!answer) {
        environment.console.line(fmt::format("mxseal: the certificate for {} is kept and taken by the next `mxseal agent` or `mxseal apply` ({})", joined(pair.names), answer.error().to_string()));
        return kExitDone;
    }
    return show_replies(environment, pair, inbox, (*answer)["replies"]);
}

int refuse(Environment& environment, const Error& why) {
    environment.console.warn(fmt::format("mxseal: refused, what is served stays as it is: {}", why.to_string()));
    return kExitFailed;
}

} // namespace

bool answers_without_config(const HookArguments& hook) {
    return hook.verb == HookVerb::client && hook.client == "dehydrated" && (hook.words.empty() || hook.words.front() != "deploy_cert");
}

int run_hook(Environment& environment, const Arguments& arguments, const agent::Config& config, DeskFinder& desks) {
    if (auto hardened = harden_process(); !hardened) return fail(environment, hardened.error());
    if (arguments.hook.verb == HookVerb::prepare) return prepare_hook(environment, arguments.hook, config, desks);
    if (arguments.hook.verb == HookVerb::install || arguments.hook.verb == HookVerb::remove) return set_up_hook(environment, arguments.hook, config);
    auto files = files_of(environment, arguments.hook);
    if (!files) return fail(environment, files.error());
    if (!*files) return kExitDone;
    const Instant now = environment.clock.wall();
    auto chain = agent::read_chain_of(**files, now);
    if (!chain) return refuse(environment, chain.error());
    const auto hosts = external_hosts(config, *chain, now);
    if (hosts.empty()) {
        environment.console.line(fmt::format("mxseal: the certificate is for {}, and no host of {} with `certificate: external` is among them: nothing to do", joined(chain->names), config.file.string()));
        return kExitDone;
    }
    const bool ours = std::any_of(hosts.begin(), hosts.end(), [](const agent::HostConfig* host) { return host->external.keys == agent::KeyMaker::mxseal; });
    auto pair = agent::with_key(std::move(*chain), **files, ours ? agent::KeyOrigin::mxseals : agent::KeyOrigin::clients, now);
    if (!pair) return refuse(environment, pair.error());
    return hand_over(environment, *pair, config, desks);
}

} // namespace mxseal::cli
