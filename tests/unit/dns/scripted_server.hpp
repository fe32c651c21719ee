// A DNS server on loopback that answers what a test tells it to, over UDP and TCP on one port.
#pragma once

#include "base/dns/query.hpp"

#include <atomic>
#include <functional>
#include <thread>
#include <vector>

namespace mxseal::dns {

enum class Transport { udp, tcp };

class ScriptedServer {
public:
    // The messages to send for one request, each on its own; none: silence (over TCP: the connection is closed). Called by one thread.
    using Script = std::function<std::vector<Bytes>(const Bytes& request, Transport transport)>;
    explicit ScriptedServer(Script script, const char* address = "127.0.0.1");
    ~ScriptedServer();
    ScriptedServer(const ScriptedServer&) = delete;
    ScriptedServer& operator=(const ScriptedServer&) = delete;
    Endpoint endpoint() const { return endpoint_; }

private:
    void open();
    void run();
    void serve_datagram();
    void serve_connection();

    Script script_;
    Endpoint endpoint_;
    int udp_ = -1, tcp_ = -1;
    std::atomic<bool> stopping_{false};
    std::thread thread_;
};

} // namespace mxseal::dns
