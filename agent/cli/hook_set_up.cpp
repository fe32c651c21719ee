// `mxseal hook install|remove CLIENT`.
#include "agent/cli/commands.hpp"
#include "agent/cli/text.hpp"
#include "agent/hooks/set_up.hpp"

#include <algorithm>

#include <fmt/format.h>

namespace mxseal::cli {

namespace {

using agent::Written;

std::string_view words_of(Written written) {
    switch (written) {
    case Written::made: return "written";
    case Written::renewed: return "written anew";
    case Written::there_already: return "is there already";
    case Written::removed: return "removed";
    case Written::not_there: return "is not there";
    }
    return "";
}

// The way in which hooks call this program: clients run them with a PATH of their own.
std::string program_of(const agent::Config& config) {
    std::error_code unknown;
    const auto self = std::filesystem::read_symlink("/proc/self/exe", unknown);
    const std::string program = unknown ? "mxseal" : self.string();
    const auto file = std::filesystem::absolute(config.file, unknown);
    return file == "/etc/mxseal/mxseal.yaml" ? program : fmt::format("{} --config {}", program, file.string());
}

void print_only(Console& console, const agent::SetUp& set_up) {
    for (const agent::HookFile& file : set_up.files) console.print(fmt::format("{} (mode {:04o}):\n{}\n", file.file.string(), file.mode, file.content));
    for (const std::string& line : set_up.lines) console.line(line);
}

void warn_where_nothing_is_external(Environment& environment, const agent::Config& config) {
    const bool some = std::any_of(config.hosts.begin(), config.hosts.end(), [](const auto& entry) { return entry.second.certificate == "external"; });
    if (!some) environment.console.warn(fmt::format("mxseal: no host of {} has `certificate: external` yet, so the hook will find nothing to do", config.file.string()));
}

} // namespace

int set_up_hook(Environment& environment, const HookArguments& hook, const agent::Config& config) {
    const auto client = agent::parse_client(hook.client);
    if (!client) {
        environment.console.warn(fmt::format("mxseal: '{}' is no client; allowed: certbot, lego, dehydrated, acme.sh, uacme", printable(hook.client)));
        return kExitUsage;
    }
    Console& console = environment.console;
    const bool install = hook.verb == HookVerb::install;
    const auto set_up = agent::set_up_of(*client, config, program_of(config), hook.root.empty() ? "/" : hook.root);
    if (install) warn_where_nothing_is_external(environment, config);
    if (install && hook.print) {
        print_only(console, set_up);
        return kExitDone;
    }
    for (const agent::HookFile& file : set_up.files) {
        auto written = install ? agent::write_hook(file) : agent::remove_hook(file);
        if (!written) return fail(environment, written.error());
        console.line(fmt::format("{} {}", file.file.string(), words_of(*written)));
    }
    for (const std::string& line : install ? set_up.lines : set_up.undo) console.line(line);
    return kExitDone;
}

} // namespace mxseal::cli
