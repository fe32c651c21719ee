#include "agent/cli/commands.hpp"
#include "agent/cli/render.hpp"
#include "agent/cli/roll_watch.hpp"

#include <algorithm>

namespace mxseal::cli {

namespace {

constexpr auto kEvery = std::chrono::seconds(1);
// The agent may be restarted meanwhile; a minute without any desk is more than that.
constexpr int kFailuresMax = 60;

Json body_of(const Environment& environment, const Arguments& arguments) {
    Json hosts = Json::array();
    for (const auto& host : arguments.hosts) hosts.push(host);
    return Json::object({{"command", arguments.back ? "roll_back" : "roll"},
                         {"hosts", std::move(hosts)},
                         {"emergency", arguments.emergency},
                         {"key", arguments.key},
                         {"accept_risk", arguments.accept_risk},
                         {"why", arguments.why},
                         {"who", environment.operator_name}});
}

std::vector<std::string> taken_hosts(const Json& replies, std::vector<std::string> hosts) {
    for (const Json& reply : replies.items())
        if (reply["refused"].as_bool() == true) std::erase(hosts, reply["host"].as_string().value_or(""));
    return hosts;
}

class Follower {
public:
    Follower(Environment& environment, const Arguments& arguments, DeskFinder& desks, RollWatch watch, std::int64_t after)
        : environment_(environment), arguments_(arguments), desks_(desks), watch_(std::move(watch)), after_(after) {}

    int run() {
        for (int failures = 0;;) {
            auto looked = look();
            failures = looked ? 0 : failures + 1;
            if (failures > kFailuresMax) return fail(environment_, looked.error());
            if (watch_.is_over()) break;
            environment_.pause(kEvery);
        }
        for (const auto& sentence : watch_.failures()) environment_.console.warn("mxseal: " + sentence);
        return watch_.failures().empty() ? kExitDone : kExitFailed;
    }

private:
    Status look() {
        agent::LogFilter filter;
        filter.after_id = after_;
        auto entries = desks_.read([&](agent::Desk& desk) { return desk.log(filter); });
        if (!entries) return std::move(entries).error();
        for (const Json& entry : entries->items()) take(entry);
        auto status = desks_.read([](agent::Desk& desk) { return desk.status(); });
        if (!status) return std::move(status).error();
        watch_.take_status(*status);
        tell_when_nobody_works(*status);
        return done();
    }

    void take(const Json& entry) {
        after_ = entry["id"].as_integer().value_or(after_);
        if (!watch_.take_entry(entry)) return;
        if (arguments_.json)
            environment_.console.json_line(entry);
        else
            environment_.console.print(render_log_entry(entry));
    }

    void tell_when_nobody_works(const Json& status) {
        const bool running = status["agent"]["running"].as_bool() == true;
        if (!running && !told_) environment_.console.warn("mxseal: no agent is running; the roll goes on when one is started, or by `mxseal apply`");
        told_ = !running;
    }

    Environment& environment_;
    const Arguments& arguments_;
    DeskFinder& desks_;
    RollWatch watch_;
    std::int64_t after_;
    bool told_ = false;
};

struct Before {
    Json status;
    std::int64_t last_entry = 0;
};

// What was there before the request, so that its end is not taken for that of an older one.
Result<Before> look_before(DeskFinder& desks) {
    auto status = desks.read([](agent::Desk& desk) { return desk.status(); });
    if (!status) return std::move(status).error();
    agent::LogFilter newest;
    newest.limit = 1;
    auto entries = desks.read([&](agent::Desk& desk) { return desk.log(newest); });
    if (!entries) return std::move(entries).error();
    Before before{std::move(status).value(), 0};
    if (!entries->items().empty()) before.last_entry = entries->items().back()["id"].as_integer().value_or(0);
    return before;
}

} // namespace

int roll(Environment& environment, const Arguments& arguments, DeskFinder& desks) {
    Before before;
    if (arguments.wait) {
        auto looked = look_before(desks);
        if (!looked) return fail(environment, looked.error());
        before = std::move(looked).value();
    }
    auto answer = desks.request(body_of(environment, arguments));
    if (!answer) return fail(environment, answer.error());
    const int code = show_answer(environment, arguments, *answer);
    const auto hosts = taken_hosts((*answer)["replies"], arguments.hosts);
    if (!arguments.wait || hosts.empty()) return code;
    environment.console.warn("mxseal: following until the roll is finished; Ctrl-C leaves it running");
    RollWatch watch(before.status, hosts, arguments.key, arguments.back ? RollWatch::Wanted::back : RollWatch::Wanted::roll);
    return std::max(code, Follower(environment, arguments, desks, std::move(watch), before.last_entry).run());
}

} // namespace mxseal::cli
