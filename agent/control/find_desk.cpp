#include "agent/control/find_desk.hpp"

#include "agent/control/control_client.hpp"
#include "agent/runtime/main_entry.hpp"

namespace mxseal::agent {

Result<std::unique_ptr<Desk>> find_agent(const std::filesystem::path& state) {
    auto file = read_control_file(state);
    if (!file) return std::move(file).error();
    if (!*file) return std::unique_ptr<Desk>();
    auto client = std::make_unique<ControlClient>(**std::move(file));
    auto greeted = client->greet();
    if (greeted) return std::unique_ptr<Desk>(std::move(client));
    if (greeted.error().code() == ErrorCode::not_found) return std::unique_ptr<Desk>();
    return std::move(greeted).error();
}

Result<std::unique_ptr<Desk>> find_desk(const Config& config) {
    auto agent = find_agent(config.state);
    if (!agent || *agent) return agent;
    return open_desk(config);
}

} // namespace mxseal::agent
