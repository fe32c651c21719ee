// A name server that passes questions on to a real one, but for TLSA and TXT, where it fails in the way that the first label of the
// host says: notimp, refused, servfail, silent, forged (an answer with another digest).
#pragma once

#include "base/dns/query.hpp"

#include <string>
#include <thread>

namespace mxseal::observe_test {

class FaultyServer {
public:
    FaultyServer(const std::string& address, std::uint16_t port, dns::Endpoint upstream);
    ~FaultyServer();
    FaultyServer(const FaultyServer&) = delete;
    FaultyServer& operator=(const FaultyServer&) = delete;

private:
    void serve();
    std::string answer(const std::string& query) const;

    dns::Endpoint upstream_;
    int socket_ = -1, stop_ = -1;
    std::thread thread_;
};

} // namespace mxseal::observe_test
