#include "agent/cli/commands.hpp"
#include "agent/cli/render.hpp"
#include "agent/cli/serve.hpp"

#include <algorithm>

#include <fmt/format.h>

namespace mxseal::cli {

namespace {

Json lines_of(const std::vector<std::string>& lines) {
    Json out = Json::array();
    for (const auto& line : lines) out.push(line);
    return out;
}

int print_mistakes(Environment& environment, const Arguments& arguments, const agent::ConfigMistakes& mistakes) {
    for (const auto& line : mistakes.lines) environment.console.warn(line);
    if (arguments.verb == Verb::config_check && arguments.json) environment.console.json(Json::object({{"mistakes", lines_of(mistakes.lines)}, {"warnings", Json::array()}}));
    return kExitUsage;
}

// The names in the form of the configuration; an empty answer means that one is unknown, which has been said.
std::optional<std::vector<std::string>> known_hosts(Environment& environment, const std::vector<std::string>& asked, const agent::Config& config) {
    std::vector<std::string> out;
    for (const auto& text : asked) {
        auto name = dns::Name::parse(text);
        if (!name || !config.hosts.contains(*name)) {
            std::string known;
            for (const auto& [host, entry] : config.hosts) known += (known.empty() ? "" : ", ") + host.text();
            environment.console.warn(fmt::format("mxseal: {} is not one of the hosts of {}; known: {}", text, config.file.string(), known.empty() ? "none" : known));
            return std::nullopt;
        }
        if (std::find(out.begin(), out.end(), name->text()) == out.end()) out.push_back(name->text());
    }
    return out;
}

int dispatch(Environment& environment, const Arguments& arguments, const agent::Config& config) {
    DeskFinder desks([&] { return environment.find_desk(config); });
    switch (arguments.verb) {
    case Verb::config_check: return check_config(environment, arguments, config);
    case Verb::agent: return run_agent_command(environment, config);
    case Verb::apply: return run_apply_command(environment, arguments, config);
    case Verb::plan: return show_plan(environment, arguments, desks);
    case Verb::status: return show_status(environment, arguments, desks);
    case Verb::log: return show_log(environment, arguments, desks);
    case Verb::timeline: return show_timeline(environment, arguments, desks);
    case Verb::simulate: return simulate(environment, arguments, config);
    case Verb::roll: return roll(environment, arguments, desks);
    case Verb::halt:
    case Verb::resume: return halt_or_resume(environment, arguments, desks);
    case Verb::mx_add:
    case Verb::mx_remove:
    case Verb::mx_replace: return change_mx(environment, arguments, desks);
    case Verb::domain_add:
    case Verb::domain_remove:
    case Verb::domain_import:
    case Verb::domain_list: return change_or_list_domains(environment, arguments, config);
    case Verb::hook: return run_hook(environment, arguments, config, desks);
    case Verb::init:
    case Verb::serve: break; // needs no configuration: run() has served it
    }
    return kExitUsage;
}

std::string render_answer(const Json& answer, const Style& style) {
    auto out = render_replies(answer["replies"], style);
    if (out.empty()) out = "stored\n";
    const bool planned = !answer["plan"]["hosts"].items().empty() || !answer["plan"]["domains"].items().empty(); // none while another process is at work
    return planned ? out + "\n" + render_plan(answer["plan"], style) : out;
}

} // namespace

int run(Environment& environment, const Arguments& arguments) {
    if (arguments.verb == Verb::serve) return run_serve_command(environment, arguments);
    if (arguments.verb == Verb::init) return run_init(environment, arguments);
    if (arguments.verb == Verb::hook && answers_without_config(arguments.hook)) return kExitDone;
    // A configuration may be tried on a machine that has neither its secrets nor its accounts.
    const auto machine = arguments.verb == Verb::simulate ? agent::Machine::left_alone : agent::Machine::asked;
    auto loaded = agent::load_config(agent::config_path(arguments.config), machine);
    if (auto* mistakes = std::get_if<agent::ConfigMistakes>(&loaded)) return print_mistakes(environment, arguments, *mistakes);
    const auto& config = std::get<agent::Config>(loaded);
    // A client takes what its hook says there for an error, at each renewal.
    if (arguments.verb != Verb::hook)
        for (const auto& warning : config.warnings) environment.console.warn(warning);
    auto hosts = known_hosts(environment, arguments.hosts, config);
    if (!hosts) return kExitUsage;
    Arguments checked = arguments;
    checked.hosts = *std::move(hosts);
    return dispatch(environment, checked, config);
}

int fail(Environment& environment, const Error& error) {
    environment.console.warn("mxseal: " + error.to_string());
    return kExitFailed;
}

int show_answer(Environment& environment, const Arguments& arguments, const Json& answer) {
    Console& console = environment.console;
    if (arguments.json && arguments.wait)
        console.json_line(answer); // the log follows, one entry a line
    else if (arguments.json)
        console.json(answer);
    else
        console.print(render_answer(answer, console.style()));
    const auto& replies = answer["replies"].items();
    const bool refused = std::any_of(replies.begin(), replies.end(), [](const Json& reply) { return reply["refused"].as_bool() == true; });
    return refused ? kExitFailed : kExitDone;
}

} // namespace mxseal::cli
