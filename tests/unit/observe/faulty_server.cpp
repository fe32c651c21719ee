#include "tests/unit/observe/faulty_server.hpp"

#include <arpa/inet.h>
#include <poll.h>
#include <stdexcept>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

namespace mxseal::observe_test {
namespace {

constexpr std::size_t kHeader = 12;
constexpr char kTlsa = 52, kTxt = 16;

sockaddr_in address_of(const dns::Endpoint& endpoint) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(endpoint.port);
    inet_pton(AF_INET, endpoint.address.c_str(), &address.sin_addr);
    return address;
}

std::size_t end_of_name(const std::string& query) {
    std::size_t at = kHeader;
    while (at < query.size() && query[at] != 0) at += static_cast<std::size_t>(query[at]) + 1;
    return at + 1;
}

bool is_to_fail(const std::string& query) {
    const std::size_t at = end_of_name(query);
    return at + 1 < query.size() && query[at] == 0 && (query[at + 1] == kTlsa || query[at + 1] == kTxt);
}

std::string with_rcode(std::string query, int rcode) {
    query[2] = static_cast<char>(query[2] | 0x84); // QR, AA
    query[3] = static_cast<char>(rcode);
    return query;
}

std::string forward(const std::string& query, const dns::Endpoint& upstream) {
    const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    const sockaddr_in to = address_of(upstream);
    sendto(fd, query.data(), query.size(), 0, reinterpret_cast<const sockaddr*>(&to), sizeof to);
    char buffer[4096];
    pollfd entry{fd, POLLIN, 0};
    const ssize_t got = poll(&entry, 1, 2000) > 0 ? recv(fd, buffer, sizeof buffer, 0) : 0;
    close(fd);
    return got > 0 ? std::string(buffer, static_cast<std::size_t>(got)) : std::string();
}

} // namespace

FaultyServer::FaultyServer(const std::string& address, std::uint16_t port, dns::Endpoint upstream)
    : upstream_(std::move(upstream)), socket_(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)), stop_(eventfd(0, EFD_CLOEXEC)) {
    const sockaddr_in own = address_of({address, port});
    if (bind(socket_, reinterpret_cast<const sockaddr*>(&own), sizeof own) != 0) throw std::runtime_error("the faulty server cannot bind");
    thread_ = std::thread([this] { serve(); });
}

FaultyServer::~FaultyServer() {
    const std::uint64_t one = 1;
    (void)!write(stop_, &one, sizeof one);
    thread_.join();
    close(socket_);
    close(stop_);
}

std::string FaultyServer::answer(const std::string& query) const {
    if (!is_to_fail(query)) return forward(query, upstream_);
    if (query.find("notimp") != std::string::npos) return with_rcode(query, 4);
    if (query.find("refused") != std::string::npos) return with_rcode(query, 5);
    if (query.find("servfail") != std::string::npos) return with_rcode(query, 2);
    if (query.find("silent") != std::string::npos) return "";
    std::string forged = forward(query, upstream_);
    const std::size_t digest = forged.find(std::string(16, '\xaa')); // the digests of the zone's records
    if (digest != std::string::npos) forged[digest] = '\xbb';
    return forged;
}

void FaultyServer::serve() {
    while (true) {
        pollfd entries[2] = {{socket_, POLLIN, 0}, {stop_, POLLIN, 0}};
        poll(entries, 2, -1);
        if (entries[1].revents != 0) return;
        char buffer[4096];
        sockaddr_in from{};
        socklen_t size = sizeof from;
        const ssize_t got = recvfrom(socket_, buffer, sizeof buffer, 0, reinterpret_cast<sockaddr*>(&from), &size);
        if (got <= static_cast<ssize_t>(kHeader)) continue;
        const std::string reply = answer(std::string(buffer, static_cast<std::size_t>(got)));
        if (!reply.empty()) sendto(socket_, reply.data(), reply.size(), 0, reinterpret_cast<const sockaddr*>(&from), size);
    }
}

} // namespace mxseal::observe_test
