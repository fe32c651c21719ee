#include "agent/control/find_desk.hpp"

#include "agent/control/control_client.hpp"
#include "agent/runtime/main_entry.hpp"

namespace mxseal::agent {

Result<std::unique_ptr<Desk>> find_desk(const Config& config) {
    auto agent = find_agent(config.state);
    if (!agent || *agent) return agent;
    return open_desk(config);
}

} // namespace mxseal::agent
