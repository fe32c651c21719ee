#include "agent/control/local_sockets.hpp"

#include <fstream>
#include <functional>
#include <sstream>

#include <fmt/format.h>

namespace mxseal::agent {

namespace {

// proc(5): "sl local_address rem_address st tx_queue:rx_queue tr:tm->when retrnsmt uid ..", addresses in host byte order.
struct Row {
    std::string local, remote, state;
    uid_t uid = 0;
};

std::optional<uid_t> find_row(const std::string& table, const std::function<bool(const Row&)>& wanted) {
    std::istringstream lines(table);
    std::string line;
    while (std::getline(lines, line)) {
        std::istringstream fields(line);
        std::string slot, queues, timer, retransmits;
        Row row;
        if (fields >> slot >> row.local >> row.remote >> row.state >> queues >> timer >> retransmits >> row.uid && wanted(row)) return row.uid;
    }
    return std::nullopt;
}

std::string loopback(std::uint16_t port) { return fmt::format("0100007F:{:04X}", port); }

} // namespace

std::optional<std::string> read_tcp_table() {
    std::ifstream file("/proc/net/tcp");
    if (!file) return std::nullopt;
    std::stringstream table;
    table << file.rdbuf();
    return table.str();
}

std::optional<uid_t> owner_of_listener(const std::string& table, std::uint16_t port) {
    constexpr const char* kListen = "0A"; // TCP_LISTEN of the kernel
    return find_row(table, [&](const Row& row) { return row.state == kListen && (row.local == loopback(port) || row.local == fmt::format("00000000:{:04X}", port)); });
}

std::optional<uid_t> owner_of_client(const std::string& table, std::uint16_t client_port, std::uint16_t server_port) {
    return find_row(table, [&](const Row& row) { return row.local == loopback(client_port) && row.remote == loopback(server_port); });
}

} // namespace mxseal::agent
