#include "agent/cli/commands.hpp"

namespace mxseal::cli {

namespace {

const char* change_of(Verb verb) {
    switch (verb) {
    case Verb::mx_remove: return "remove";
    case Verb::mx_replace: return "replace";
    default: return "add";
    }
}

} // namespace

int change_mx(Environment& environment, const Arguments& arguments, DeskFinder& desks) {
    Json hosts = Json::array();
    for (const auto& host : arguments.mx_hosts) hosts.push(host);
    const Json body = Json::object({{"command", "mx"},
                                    {"change", change_of(arguments.verb)},
                                    {"domain", arguments.mx_domain},
                                    {"hosts", std::move(hosts)},
                                    {"who", environment.operator_name}});
    auto answer = desks.request(body);
    if (!answer) return fail(environment, answer.error());
    return show_answer(environment, arguments, *answer);
}

} // namespace mxseal::cli
