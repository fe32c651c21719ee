// A DNS server for tests: TXT values of its own, an empty NOERROR for every other question, over UDP and TCP on loopback.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <vector>

namespace mxseal::agent::testing {

class TxtServer {
public:
    TxtServer();
    ~TxtServer();
    TxtServer(const TxtServer&) = delete;
    TxtServer& operator=(const TxtServer&) = delete;

    std::uint16_t port() const { return port_; }
    void add(const std::string& owner, const std::string& value);
    void remove(const std::string& owner, const std::string& value);
    std::size_t size() const;
    // From now on every name has the address 127.0.0.1.
    void give_addresses() { addresses_ = true; }

private:
    void serve();
    void answer_udp();
    void answer_tcp();
    std::vector<std::uint8_t> answer(const std::uint8_t* query, std::size_t size) const;

    int udp_ = -1, tcp_ = -1;
    std::uint16_t port_ = 0;
    std::atomic<bool> stop_{false}, addresses_{false};
    mutable std::mutex mutex_;
    std::map<std::string, std::set<std::string>> values_;
    std::thread thread_;
};

} // namespace mxseal::agent::testing
