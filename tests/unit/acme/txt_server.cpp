#include "tests/unit/acme/txt_server.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cctype>
#include <optional>
#include <stdexcept>
#include <utility>

namespace mxseal::agent::testing {

namespace {

constexpr std::uint16_t kTxt = 16;
constexpr std::uint8_t kA = 1;

sockaddr_in loopback(std::uint16_t port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return address;
}

// Negative: the port is somebody else's.
int bound(int type, std::uint16_t port) {
    int descriptor = socket(AF_INET, type | SOCK_CLOEXEC, 0);
    int on = 1;
    setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    sockaddr_in address = loopback(port);
    if (bind(descriptor, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0) return descriptor;
    close(descriptor);
    return -1;
}

std::uint16_t port_of(int descriptor) {
    sockaddr_in address{};
    socklen_t size = sizeof address;
    getsockname(descriptor, reinterpret_cast<sockaddr*>(&address), &size);
    return ntohs(address.sin_port);
}

struct AskedFor {
    std::string name;
    std::uint16_t type = 0;
    std::size_t end = 0; // behind the question
};

std::optional<AskedFor> question_of(const std::uint8_t* query, std::size_t size) {
    AskedFor asked;
    std::size_t at = 12;
    while (at < size && query[at] != 0) {
        std::size_t length = query[at++];
        if (length > 63 || at + length > size) return std::nullopt;
        if (!asked.name.empty()) asked.name += '.';
        for (std::size_t i = 0; i < length; ++i) asked.name += static_cast<char>(std::tolower(query[at + i]));
        at += length;
    }
    if (at + 5 > size) return std::nullopt;
    asked.type = static_cast<std::uint16_t>(query[at + 1] << 8 | query[at + 2]);
    asked.end = at + 5;
    return asked;
}

void append_txt(std::vector<std::uint8_t>& out, const std::string& value) {
    auto length = static_cast<std::uint8_t>(value.size());
    for (int octet : {0xc0, 12, 0, int{kTxt}, 0, 1, 0, 0, 0, 0, 0, length + 1, int{length}}) out.push_back(static_cast<std::uint8_t>(octet));
    out.insert(out.end(), value.begin(), value.end());
}

} // namespace

TxtServer::TxtServer() {
    // The port that UDP gets may be taken under TCP, by a connection of another test.
    for (int tries = 0; tries < 100; ++tries) {
        udp_ = bound(SOCK_DGRAM, 0);
        if (udp_ < 0) break;
        port_ = port_of(udp_);
        tcp_ = bound(SOCK_STREAM, port_);
        if (tcp_ >= 0) break;
        close(std::exchange(udp_, -1));
    }
    if (udp_ < 0) throw std::runtime_error("no loopback port for the DNS server");
    listen(tcp_, 8);
    thread_ = std::thread([this] { serve(); });
}

TxtServer::~TxtServer() {
    stop_ = true;
    thread_.join();
    close(udp_);
    close(tcp_);
}

void TxtServer::add(const std::string& owner, const std::string& value) {
    std::lock_guard lock(mutex_);
    values_[owner].insert(value);
}

void TxtServer::remove(const std::string& owner, const std::string& value) {
    std::lock_guard lock(mutex_);
    values_[owner].erase(value);
}

std::size_t TxtServer::size() const {
    std::lock_guard lock(mutex_);
    std::size_t total = 0;
    for (const auto& [owner, values] : values_) total += values.size();
    return total;
}

void TxtServer::serve() {
    while (!stop_) {
        std::array<pollfd, 2> ready{{{udp_, POLLIN, 0}, {tcp_, POLLIN, 0}}};
        if (poll(ready.data(), ready.size(), 50) <= 0) continue;
        if ((ready[0].revents & POLLIN) != 0) answer_udp();
        if ((ready[1].revents & POLLIN) != 0) answer_tcp();
    }
}

void TxtServer::answer_udp() {
    std::array<std::uint8_t, 1500> query{};
    sockaddr_in peer{};
    socklen_t peer_size = sizeof peer;
    ssize_t size = recvfrom(udp_, query.data(), query.size(), 0, reinterpret_cast<sockaddr*>(&peer), &peer_size);
    if (size <= 0) return;
    auto reply = answer(query.data(), static_cast<std::size_t>(size));
    sendto(udp_, reply.data(), reply.size(), 0, reinterpret_cast<sockaddr*>(&peer), peer_size);
}

void TxtServer::answer_tcp() {
    int peer = accept4(tcp_, nullptr, nullptr, SOCK_CLOEXEC);
    std::array<std::uint8_t, 1500> query{};
    ssize_t size = recv(peer, query.data(), query.size(), 0);
    if (size > 2) {
        auto reply = answer(query.data() + 2, static_cast<std::size_t>(size) - 2);
        reply.insert(reply.begin(), {static_cast<std::uint8_t>(reply.size() >> 8), static_cast<std::uint8_t>(reply.size())});
        send(peer, reply.data(), reply.size(), MSG_NOSIGNAL);
    }
    close(peer);
}

std::vector<std::uint8_t> TxtServer::answer(const std::uint8_t* query, std::size_t size) const {
    auto asked = size > 12 ? question_of(query, size) : std::nullopt;
    if (!asked) return {};
    std::vector<std::uint8_t> out(query, query + asked->end);
    out[2] = 0x84 | (query[2] & 1); // QR, AA, RD as asked
    out[3] = 0x80;                  // RA, NOERROR
    std::fill(out.begin() + 6, out.begin() + 12, std::uint8_t{0});
    if (asked->type == kA && addresses_) {
        out[7] = 1;
        out.insert(out.end(), {0xc0, 12, 0, kA, 0, 1, 0, 0, 0, 0, 0, 4, 127, 0, 0, 1});
        return out;
    }
    std::lock_guard lock(mutex_);
    auto found = values_.find(asked->name);
    if (asked->type != kTxt || found == values_.end()) return out;
    out[7] = static_cast<std::uint8_t>(found->second.size());
    for (const std::string& value : found->second) append_txt(out, value);
    return out;
}

} // namespace mxseal::agent::testing
