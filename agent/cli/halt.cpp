#include "agent/cli/commands.hpp"

namespace mxseal::cli {

// G-12: --all sends an empty list, which means all hosts.
int halt_or_resume(Environment& environment, const Arguments& arguments, DeskFinder& desks) {
    Json hosts = Json::array();
    for (const auto& host : arguments.hosts) hosts.push(host);
    const Json body = Json::object({{"command", arguments.verb == Verb::halt ? "halt" : "resume"},
                                    {"hosts", std::move(hosts)},
                                    {"emergency", false},
                                    {"key", nullptr},
                                    {"accept_risk", nullptr},
                                    {"why", arguments.why},
                                    {"who", environment.operator_name}});
    auto answer = desks.request(body);
    if (!answer) return fail(environment, answer.error());
    return show_answer(environment, arguments, *answer);
}

} // namespace mxseal::cli
