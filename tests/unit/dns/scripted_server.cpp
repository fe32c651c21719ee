#include "tests/unit/dns/scripted_server.hpp"

#include <array>
#include <stdexcept>

#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace mxseal::dns {

namespace {

constexpr int kLookEveryMs = 20; // how soon the thread sees that it is to stop

// Binds and tells the port, or 0. Loopback of both families fits sockaddr_in6.
std::uint16_t bind_to(int descriptor, const Endpoint& endpoint) {
    addrinfo hints{}, *found = nullptr;
    hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV;
    hints.ai_socktype = SOCK_STREAM;
    if (getaddrinfo(endpoint.address.c_str(), std::to_string(endpoint.port).c_str(), &hints, &found) != 0) return 0;
    bool bound = bind(descriptor, found->ai_addr, found->ai_addrlen) == 0;
    freeaddrinfo(found);
    sockaddr_in6 address{};
    socklen_t size = sizeof address;
    if (!bound || getsockname(descriptor, reinterpret_cast<sockaddr*>(&address), &size) != 0) return 0;
    return ntohs(address.sin6_port); // at the same place in both families
}

bool readable(int descriptor) {
    pollfd entry{descriptor, POLLIN, 0};
    return poll(&entry, 1, kLookEveryMs) > 0;
}

} // namespace

ScriptedServer::ScriptedServer(Script script, const char* address) : script_(std::move(script)), endpoint_{address, 0} {
    open();
    thread_ = std::thread([this] { run(); });
}

ScriptedServer::~ScriptedServer() {
    stopping_ = true;
    thread_.join();
    close(udp_);
    close(tcp_);
}

void ScriptedServer::open() {
    int family = endpoint_.address.find(':') == std::string::npos ? AF_INET : AF_INET6;
    for (int i = 0; i < 50; ++i) {
        endpoint_.port = 0;
        tcp_ = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
        udp_ = socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        endpoint_.port = bind_to(tcp_, endpoint_);
        if (endpoint_.port != 0 && bind_to(udp_, endpoint_) == endpoint_.port && listen(tcp_, 8) == 0) return;
        close(udp_);
        close(tcp_);
    }
    throw std::runtime_error("no free port on " + endpoint_.address);
}

void ScriptedServer::run() {
    while (!stopping_) {
        std::array<pollfd, 2> entries{{{udp_, POLLIN, 0}, {tcp_, POLLIN, 0}}};
        if (poll(entries.data(), entries.size(), kLookEveryMs) <= 0) continue;
        if ((entries[0].revents & POLLIN) != 0) serve_datagram();
        if ((entries[1].revents & POLLIN) != 0) serve_connection();
    }
}

void ScriptedServer::serve_datagram() {
    Bytes request(65535);
    sockaddr_storage client{};
    socklen_t size = sizeof client;
    auto count = recvfrom(udp_, request.data(), request.size(), 0, reinterpret_cast<sockaddr*>(&client), &size);
    if (count < 0) return;
    request.resize(static_cast<std::size_t>(count));
    for (const Bytes& reply : script_(request, Transport::udp))
        if (sendto(udp_, reply.data(), reply.size(), 0, reinterpret_cast<sockaddr*>(&client), size) < 0) return;
}

void ScriptedServer::serve_connection() {
    int client = accept4(tcp_, nullptr, nullptr, SOCK_CLOEXEC);
    std::uint8_t length[2];
    while (!stopping_ && client >= 0) {
        if (!readable(client)) continue;
        if (recv(client, length, sizeof length, MSG_WAITALL) != sizeof length) break;
        Bytes request(static_cast<std::size_t>(length[0]) << 8 | length[1]);
        if (recv(client, request.data(), request.size(), MSG_WAITALL) != static_cast<ssize_t>(request.size())) break;
        auto replies = script_(request, Transport::tcp);
        if (replies.empty()) break;
        for (const Bytes& reply : replies) {
            Bytes framed{static_cast<std::uint8_t>(reply.size() >> 8), static_cast<std::uint8_t>(reply.size() & 0xff)};
            framed.insert(framed.end(), reply.begin(), reply.end());
            if (send(client, framed.data(), framed.size(), MSG_NOSIGNAL) < 0) break;
        }
    }
    close(client);
}

} // namespace mxseal::dns
