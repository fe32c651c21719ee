#include "agent/control/listening_socket.hpp"

#include <fstream>
#include <sstream>

#include <fmt/format.h>

namespace mxseal::agent {

ListenerOwner owner_of_loopback_listener(const std::string& table, std::uint16_t port, uid_t expected) {
    // proc(5): "sl local_address rem_address st tx_queue:rx_queue tr:tm->when retrnsmt uid ..", the address in host byte order.
    constexpr const char* kListen = "0A";
    const auto port_text = fmt::format(":{:04X}", port);
    std::istringstream lines(table);
    std::string line;
    while (std::getline(lines, line)) {
        std::istringstream fields(line);
        std::string slot, local, remote, state, queues, timer, retransmits;
        uid_t uid = 0;
        if (!(fields >> slot >> local >> remote >> state >> queues >> timer >> retransmits >> uid)) continue;
        const bool reaches_loopback = local == "0100007F" + port_text || local == "00000000" + port_text;
        if (state == kListen && reaches_loopback) return uid == expected || uid == 0 ? ListenerOwner::expected : ListenerOwner::other;
    }
    return ListenerOwner::nobody;
}

ListenerOwner owner_of_loopback_listener(std::uint16_t port, uid_t expected) {
    std::ifstream file("/proc/net/tcp");
    if (!file) return ListenerOwner::unknown;
    std::stringstream table;
    table << file.rdbuf();
    return owner_of_loopback_listener(table.str(), port, expected);
}

} // namespace mxseal::agent
