// Stands on loopback between a driver and a primary, and mistreats updates; queries pass untouched.
#pragma once

#include "base/dns/query.hpp"

#include <atomic>
#include <thread>
#include <vector>

namespace mxseal::conformance {

enum class Mistreatment {
    none,
    drop_request,  // the server never sees it, the client never gets an answer
    drop_reply,    // the server does it, the client gets no answer
    duplicate,     // the server gets it twice, the client gets the first answer
    change_reply,  // the RCODE of the answer is changed on the way
    strip_reply,   // the client gets an unsigned NOERROR
    fake_success,  // the server never sees it, the client gets an unsigned NOERROR
};

class UpdateProxy {
public:
    UpdateProxy(dns::Endpoint upstream, Mistreatment mistreatment);
    ~UpdateProxy();
    UpdateProxy(const UpdateProxy&) = delete;
    UpdateProxy& operator=(const UpdateProxy&) = delete;
    dns::Endpoint endpoint() const { return {"127.0.0.1", port_}; }
    int updates_seen() const { return updates_seen_; }

private:
    void accept_clients();
    void serve(int client);
    Bytes answer_update(const Bytes& request); // empty: none

    dns::Endpoint upstream_;
    Mistreatment mistreatment_;
    std::uint16_t port_ = 0;
    int listener_ = -1;
    std::atomic<bool> stopping_{false};
    std::atomic<int> updates_seen_{0};
    std::vector<std::thread> clients_; // only the accepting thread and, after it, the destructor touch these
    std::thread accepting_;
};

} // namespace mxseal::conformance
