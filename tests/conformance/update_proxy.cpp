#include "tests/conformance/update_proxy.hpp"

#include "base/dns/socket.hpp"

#include <stdexcept>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace mxseal::conformance {

namespace {

constexpr int kLookEveryMs = 20; // how soon a thread sees that it is to stop

bool is_update(const Bytes& message) { return message.size() > 2 && (message[2] >> 3 & 0x0f) == 5; }

bool readable(int descriptor) {
    pollfd entry{descriptor, POLLIN, 0};
    return poll(&entry, 1, kLookEveryMs) > 0;
}

bool read_all(int descriptor, std::uint8_t* to, std::size_t count) { return recv(descriptor, to, count, MSG_WAITALL) == static_cast<ssize_t>(count); }

Bytes read_message(int descriptor) {
    std::uint8_t length[2];
    if (!read_all(descriptor, length, sizeof length)) return {};
    Bytes message(static_cast<std::size_t>(length[0]) << 8 | length[1]);
    return read_all(descriptor, message.data(), message.size()) ? message : Bytes{};
}

void write_message(int descriptor, const Bytes& message) {
    Bytes framed{static_cast<std::uint8_t>(message.size() >> 8), static_cast<std::uint8_t>(message.size() & 0xff)};
    framed.insert(framed.end(), message.begin(), message.end());
    if (send(descriptor, framed.data(), framed.size(), MSG_NOSIGNAL) < 0) return; // the client is gone
}

Bytes forward(const dns::Endpoint& upstream, const Bytes& request) {
    auto deadline = dns::Deadline::in(std::chrono::seconds(10));
    auto connection = dns::TcpConnection::open(upstream, deadline);
    if (!connection.ok() || !connection->send(request, deadline).ok()) return {};
    auto reply = connection->receive(deadline);
    return reply.ok() ? *reply : Bytes{};
}

// RFC 2136 section 3.8: a header alone is an answer.
Bytes bare_success(const Bytes& request) { return {request[0], request[1], 0xa8, 0, 0, 0, 0, 0, 0, 0, 0, 0}; }

} // namespace

UpdateProxy::UpdateProxy(dns::Endpoint upstream, Mistreatment mistreatment) : upstream_(std::move(upstream)), mistreatment_(mistreatment) {
    listener_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    if (bind(listener_, reinterpret_cast<sockaddr*>(&address), size) != 0 || listen(listener_, 16) != 0 ||
        getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size) != 0)
        throw std::runtime_error("the proxy cannot listen");
    port_ = ntohs(address.sin_port);
    accepting_ = std::thread([this] { accept_clients(); });
}

UpdateProxy::~UpdateProxy() {
    stopping_ = true;
    accepting_.join();
    for (std::thread& client : clients_) client.join();
    close(listener_);
}

void UpdateProxy::accept_clients() {
    while (!stopping_) {
        if (!readable(listener_)) continue;
        int client = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
        if (client >= 0) clients_.emplace_back([this, client] { serve(client); });
    }
}

void UpdateProxy::serve(int client) {
    while (!stopping_) {
        if (!readable(client)) continue;
        auto request = read_message(client);
        if (request.empty()) break;
        auto reply = is_update(request) ? answer_update(request) : forward(upstream_, request);
        if (reply.empty()) break;
        write_message(client, reply);
    }
    close(client);
}

Bytes UpdateProxy::answer_update(const Bytes& request) {
    ++updates_seen_;
    if (mistreatment_ == Mistreatment::drop_request) return {};
    if (mistreatment_ == Mistreatment::fake_success) return bare_success(request);
    auto reply = forward(upstream_, request);
    if (mistreatment_ == Mistreatment::duplicate) forward(upstream_, request);
    if (mistreatment_ == Mistreatment::drop_reply) return {};
    if (mistreatment_ == Mistreatment::strip_reply) return bare_success(request);
    if (mistreatment_ == Mistreatment::change_reply && reply.size() > 3) reply[3] ^= 0x05;
    return reply;
}

} // namespace mxseal::conformance
