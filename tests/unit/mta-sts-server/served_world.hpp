// The endpoint on loopback with two sites, asked as a sender would and as a sender never would.
#pragma once

#include "mta-sts-server/server.hpp"

#include "test_sites.hpp"
#include "tls_client.hpp"

#include <algorithm>
#include <functional>
#include <mutex>

#include <catch2/catch.hpp>
#include <openssl/ssl.h>
#include <unistd.h>

namespace mxseal::server::testing {

inline const std::string kName = "mta-sts.example.org", kOther = "mta-sts.example.net";

inline std::uint16_t port_of(const std::string& address) { return static_cast<std::uint16_t>(std::stoi(address.substr(address.rfind(':') + 1))); }

struct World {
    explicit World(Limits limits = {}, const std::string& address = "127.0.0.1:0") : mine(sites.make(kName, policy_of("example.org"))), other(sites.make(kOther, policy_of("example.net"))) {
        write_snapshot(folder / "snapshot", 7, {&mine, &other});
        std::vector<Listener> listeners;
        for (const auto& [text, door] : {std::pair(address, Door::https), std::pair(std::string("127.0.0.1:0"), Door::http), std::pair(std::string("127.0.0.1:0"), Door::status)}) {
            auto listener = listen_on(text, door);
            REQUIRE(listener.ok());
            listeners.push_back(std::move(listener).value());
        }
        auto started = Server::start({std::move(listeners), limits, 2, clock, [this](const Event& event) { note(event); }}, Snapshot::open(folder / "snapshot").value());
        REQUIRE(started.ok());
        server = std::move(started).value();
        https = port_of(server->addresses()[0]);
        http = port_of(server->addresses()[1]);
        status = port_of(server->addresses()[2]);
    }
    Fetched ask(const std::string& request, const std::string& sni = kName) const {
        Wish wish;
        wish.port = https;
        wish.sni = sni;
        wish.request = request;
        wish.ca_pem = sites.ca_pem();
        return fetch(wish);
    }
    Fetched ask_plain(std::uint16_t port, const std::string& request) const {
        Wish wish;
        wish.port = port;
        wish.tls = false;
        wish.request = request;
        return fetch(wish);
    }
    void note(const Event& event) {
        const std::lock_guard lock(mutex);
        events.push_back(event.event);
    }
    bool noted(const std::string& event) {
        const std::lock_guard lock(mutex);
        return std::find(events.begin(), events.end(), event) != events.end();
    }
    std::int64_t reported(const std::string& what) const { return server->report()[what].as_integer().value(); }
    // The loops take new things at their next round; bounded.
    template <class Holds>
    static bool soon(Holds holds) {
        for (int i = 0; i < 2000; ++i) {
            if (holds()) return true;
            ::usleep(1000);
        }
        return false;
    }

    TestSites sites;
    TemporaryFolder folder;
    Site mine, other;
    SystemClock clock;
    std::mutex mutex;
    std::vector<std::string> events;
    std::uint16_t https = 0, http = 0, status = 0;
    std::unique_ptr<Server> server; // last: it goes first
};

// A client whose handshake is over and who has said nothing yet; it hangs up at the end.
struct OpenClient {
    explicit OpenClient(std::uint16_t port, const std::function<void(SSL_CTX*)>& choose = [](SSL_CTX*) {}) : context(SSL_CTX_new(TLS_client_method())) {
        choose(context);
        ssl = SSL_new(context);
        SSL_set_tlsext_host_name(ssl, kName.c_str());
        Wish wish;
        wish.port = port;
        socket = connect_to(wish);
        SSL_set_fd(ssl, socket);
        REQUIRE(SSL_connect(ssl) == 1);
    }
    ~OpenClient() {
        SSL_free(ssl);
        SSL_CTX_free(context);
        ::close(socket);
    }
    OpenClient(const OpenClient&) = delete;
    OpenClient& operator=(const OpenClient&) = delete;
    bool send(const std::string& octets) const { return SSL_write(ssl, octets.data(), static_cast<int>(octets.size())) > 0; }
    std::string receive() const {
        char block[4096];
        const int count = SSL_read(ssl, block, sizeof block);
        return count > 0 ? std::string(block, static_cast<std::size_t>(count)) : std::string();
    }

    SSL_CTX* context;
    SSL* ssl = nullptr;
    int socket = -1;
};

} // namespace mxseal::server::testing
