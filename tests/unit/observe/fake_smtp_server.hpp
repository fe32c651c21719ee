// An SMTP server with STARTTLS on a loopback port of its own, with the faults that a probe must survive.
#pragma once

#include "agent/keys/private_key.hpp"

#include <atomic>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace mxseal::observe_test {

enum class Behaviour {
    normal,
    no_starttls,       // EHLO does not offer it
    refuses_starttls,  // offers it, answers 454
    injects,           // plain text in one segment with the 220 to STARTTLS
    greets_with_554,
    silent,            // accepts and says nothing
    garbage,           // an HTTP answer for a greeting
    endless_line,      // a greeting without an end
    endless_reply,     // EHLO lines for ever
    closes,            // hangs up after accepting
    tls_garbage,       // 220 to STARTTLS, then no TLS once the client speaks
    implicit_tls,      // TLS at once, greeting inside
};

struct Pair {
    agent::PrivateKey key;
    std::string certificate; // PEM
};
Pair make_pair_of(rotation::Algorithm algorithm, const std::string& name);

class FakeSmtpServer {
public:
    FakeSmtpServer(Behaviour behaviour, std::vector<const Pair*> pairs, std::string address = "127.0.0.1", std::uint16_t port = 0);
    ~FakeSmtpServer();
    FakeSmtpServer(const FakeSmtpServer&) = delete;
    FakeSmtpServer& operator=(const FakeSmtpServer&) = delete;

    std::uint16_t port() const { return port_; }
    std::vector<std::string> commands() const;   // all lines of all clients, plain and inside TLS
    std::vector<std::string> server_names() const; // SNI of each handshake, "" without
    int resumed() const { return resumed_; }

private:
    struct Connection;
    void serve();
    void talk(Connection& connection);
    bool talk_until_starttls(Connection& connection);
    void talk_tls(Connection& connection);
    void note(const std::string& command);

    struct FreeContext { void operator()(void* context) const; };
    Behaviour behaviour_;
    std::unique_ptr<void, FreeContext> context_;
    int listener_ = -1;
    int stop_ = -1;
    std::uint16_t port_ = 0;
    mutable std::mutex mutex_;
    std::vector<std::string> commands_, server_names_;
    std::atomic<int> resumed_{0};
    std::thread thread_;
};

} // namespace mxseal::observe_test
