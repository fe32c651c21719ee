// An HTTPS server for tests: one canned answer a connection, on loopback, in a thread of its own.
#pragma once

#include "tests/temporary_folder.hpp"

#include <atomic>
#include <cstdint>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

struct ssl_ctx_st;

namespace mxseal::testing {

class TlsServer {
public:
    // An empty answer: the connection is closed as soon as the request is in. "silence": it stays open without a word.
    explicit TlsServer(std::string answer);
    ~TlsServer();
    TlsServer(const TlsServer&) = delete;
    TlsServer& operator=(const TlsServer&) = delete;

    std::string url(const std::string& path = "/", const std::string& host = "localhost") const;
    // From the next connection on: for an answer that names the server's own address.
    void answer_with(std::string answer);
    std::string ca_file() const { return (folder_ / "ca.pem").string(); }
    std::vector<std::string> requests() const;

private:
    void serve();
    void serve_one(int peer);

    std::string answer_;
    TemporaryFolder folder_;
    ssl_ctx_st* context_ = nullptr;
    int listener_ = -1;
    std::uint16_t port_ = 0;
    std::atomic<bool> stop_{false};
    mutable std::mutex mutex_;
    std::vector<std::string> requests_;
    std::thread thread_;
};

} // namespace mxseal::testing
