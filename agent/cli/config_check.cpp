#include "agent/cli/commands.hpp"
#include "agent/cli/text.hpp"

#include <fmt/format.h>

namespace mxseal::cli {

int check_config(Environment& environment, const Arguments& arguments, const agent::Config& config) {
    Console& console = environment.console;
    if (arguments.json) {
        Json warnings = Json::array();
        for (const auto& warning : config.warnings) warnings.push(warning);
        console.json(Json::object({{"file", config.file.string()},
                                   {"hosts", config.hosts.size()},
                                   {"zones", config.zones.size()},
                                   {"providers", config.providers.size()},
                                   {"acme", config.acme.size()},
                                   {"domains", config.domains.size()},
                                   {"mistakes", Json::array()},
                                   {"warnings", std::move(warnings)}}));
        return kExitDone;
    }
    console.line(fmt::format("{}: {}, {}, {}, {}, {}: no mistakes{}", config.file.filename().string(), plural(config.hosts.size(), "host"),
                             plural(config.zones.size(), "zone"), plural(config.providers.size(), "provider"), plural(config.acme.size(), "certificate authority"),
                             plural(config.domains.size(), "domain"), config.warnings.empty() ? "" : ", " + plural(config.warnings.size(), "warning")));
    return kExitDone;
}

} // namespace mxseal::cli
