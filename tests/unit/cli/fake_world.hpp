// A world for commands: a desk that follows a script, streams that are strings, a pause that costs nothing.
#pragma once

#include "agent/cli/commands.hpp"
#include "tests/temporary_folder.hpp"

#include <deque>
#include <sstream>
#include <stdexcept>

#include <catch2/catch.hpp>

namespace mxseal::cli {

// Answers in turn; the last one stays.
struct Script {
    std::deque<Result<Json>> status, log;
    Result<Json> plan = Json::object({{"hosts", Json::array()}});
    Result<Json> request = Json::object({{"replies", Json::array()}, {"plan", Json::object()}});
    std::vector<std::string> asked;
    int desks_open = 0;

    static Result<Json> take(std::deque<Result<Json>>& answers) {
        if (answers.empty()) return Json();
        auto answer = answers.front();
        if (answers.size() > 1) answers.pop_front();
        return answer;
    }
};

class ScriptedDesk final : public agent::Desk {
public:
    explicit ScriptedDesk(Script& script) : script_(script) { ++script_.desks_open; }
    ScriptedDesk(const ScriptedDesk&) = delete;
    ScriptedDesk& operator=(const ScriptedDesk&) = delete;
    ~ScriptedDesk() override { --script_.desks_open; }

    Result<Json> status() override { return Script::take(script_.status); }
    Result<Json> plan(const std::vector<std::string>& hosts) override {
        std::string text = "plan";
        for (const auto& host : hosts) text += " " + host;
        script_.asked.push_back(text);
        return script_.plan;
    }
    Result<Json> request(const Json& body) override {
        script_.asked.push_back(body.dump());
        return script_.request;
    }
    Result<Json> log(const agent::LogFilter& filter) override {
        script_.asked.push_back("log after " + std::to_string(filter.after_id));
        return Script::take(script_.log);
    }

private:
    Script& script_;
};

struct Interrupted : std::runtime_error {
    using std::runtime_error::runtime_error;
};

class FixedClock final : public Clock {
public:
    Instant wall() const override { return *parse_rfc3339("2026-11-22T12:25:00Z"); }
    BootTime boot_time() const override { return {}; }
    std::string boot_id() const override { return "boot"; }
};

struct FakeWorld {
    explicit FakeWorld(int pauses_max = 10) : environment{console, clock} {
        folder.write("tsig", "c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0LTEyMzQ=\n");
        write_config("");
        environment.operator_name = "operator";
        environment.find_desk = [this](const agent::Config&) -> Result<std::unique_ptr<agent::Desk>> { return std::unique_ptr<agent::Desk>(std::make_unique<ScriptedDesk>(script)); };
        environment.pause = [this, pauses_max](Duration) {
            if (script.desks_open > 0) paused_with_desk = true;
            if (++pauses > pauses_max) throw Interrupted("Ctrl-C");
        };
    }
    FakeWorld(const FakeWorld&) = delete;
    FakeWorld& operator=(const FakeWorld&) = delete;

    void write_config(const std::string& more) {
        std::ofstream(folder / "mxseal.yaml") << "state: " << (folder / "state").string() << "\n"
                                              << "providers:\n  knot: {type: rfc2136, server: 127.0.0.1, tsig: {name: mxseal, algorithm: hmac-sha256, secret_file: "
                                              << (folder / "tsig").string() << "}}\n"
                                              << "zones:\n  example.org: {provider: knot}\n"
                                              << "hosts:\n"
                                              << "  mx1.example.org: {certificate: self-signed, deploy: [{combined: " << (folder / "mx1.pem").string() << "}]}\n"
                                              << "  mx2.example.org: {certificate: self-signed, deploy: [{combined: " << (folder / "mx2.pem").string() << "}]}\n"
                                              << more;
    }

    int call(std::vector<std::string> words) {
        words.insert(words.begin(), {"--config", (folder / "mxseal.yaml").string()});
        auto parsed = parse_arguments(words, "0.1.0");
        INFO(parsed.text);
        REQUIRE(parsed.arguments);
        return run(environment, *parsed.arguments);
    }

    TemporaryFolder folder;
    std::ostringstream out, err;
    Console console{out, err};
    FixedClock clock;
    Script script;
    Environment environment;
    int pauses = 0;
    bool paused_with_desk = false;
};

} // namespace mxseal::cli
