// ControlClient: the desk of a running agent, through its control API. Blocks up to 30 seconds a call; one thread at a time.
#pragma once

#include "agent/control/control_file.hpp"
#include "agent/runtime/desk.hpp"

#include <memory>
#include <string>

namespace mxseal::agent {

class ControlClient final : public Desk {
public:
    explicit ControlClient(ControlFile file) : file_(std::move(file)) {}

    // `not_found`: nobody listens there, the file is stale. `transient`: somebody does and does not answer in time.
    Status greet();

    Result<Json> status() override;
    Result<Json> plan(const std::vector<std::string>& hosts) override;
    Result<Json> request(const Json& body) override;
    Result<Json> log(const LogFilter& filter) override;

private:
    Result<Json> ask(const std::string& target, const std::string* body);
    ControlFile file_;
};

// The desk of the agent that runs on this state folder; nothing when none runs. A stale control.json of a killed agent counts as none;
// an agent that listens and does not answer is an error.
Result<std::unique_ptr<Desk>> find_agent(const std::filesystem::path& state);

} // namespace mxseal::agent
