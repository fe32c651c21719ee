#include "mta-sts-server/listeners.hpp"

#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <optional>

#include <arpa/inet.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

namespace mxseal::server {

namespace {

constexpr int kFirstInherited = 3;   // sd_listen_fds(3)
constexpr int kInheritedMax = 64;    // our choice
constexpr int kBacklog = 65535;      // as many as the kernel allows: it lessens this to net.core.somaxconn
constexpr int kDeferSeconds = 10;    // as Limits::handshake: until then a silent client stays with the kernel

struct Place {
    sockaddr_storage address{};
    socklen_t size = 0;
    bool loopback = false;
};

std::optional<Place> parse(std::string_view text) {
    const auto colon = text.rfind(':');
    if (colon == std::string_view::npos) return std::nullopt;
    std::uint16_t port = 0;
    const auto digits = text.substr(colon + 1);
    const auto [end, failure] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
    if (failure != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
    std::string host(text.substr(0, colon));
    Place place;
    if (host.size() > 2 && host.front() == '[' && host.back() == ']') {
        auto& v6 = reinterpret_cast<sockaddr_in6&>(place.address);
        v6.sin6_family = AF_INET6;
        v6.sin6_port = htons(port);
        place.size = sizeof v6;
        if (::inet_pton(AF_INET6, host.substr(1, host.size() - 2).c_str(), &v6.sin6_addr) != 1) return std::nullopt;
        place.loopback = IN6_IS_ADDR_LOOPBACK(&v6.sin6_addr);
        return place;
    }
    auto& v4 = reinterpret_cast<sockaddr_in&>(place.address);
    v4.sin_family = AF_INET;
    v4.sin_port = htons(port);
    place.size = sizeof v4;
    if (::inet_pton(AF_INET, host.c_str(), &v4.sin_addr) != 1) return std::nullopt;
    place.loopback = (ntohl(v4.sin_addr.s_addr) >> 24) == 127;
    return place;
}

std::string text_of(const sockaddr_storage& address) {
    std::array<char, INET6_ADDRSTRLEN> text{};
    if (address.ss_family == AF_INET6) {
        const auto& v6 = reinterpret_cast<const sockaddr_in6&>(address);
        ::inet_ntop(AF_INET6, &v6.sin6_addr, text.data(), text.size());
        return fmt::format("[{}]:{}", text.data(), ntohs(v6.sin6_port));
    }
    const auto& v4 = reinterpret_cast<const sockaddr_in&>(address);
    ::inet_ntop(AF_INET, &v4.sin_addr, text.data(), text.size());
    return fmt::format("{}:{}", text.data(), ntohs(v4.sin_port));
}

std::string address_of(int socket) {
    sockaddr_storage address{};
    socklen_t size = sizeof address;
    ::getsockname(socket, reinterpret_cast<sockaddr*>(&address), &size);
    return text_of(address);
}

Error failed(std::string_view text) {
    const int number = errno;
    std::string hint;
    if (number == EACCES) hint = "; ports below 1024 need CAP_NET_BIND_SERVICE or a socket from systemd (templates/mxseal-serve.socket)";
    if (number == EADDRINUSE) hint = "; another program listens there";
    return Error(ErrorCode::io, fmt::format("cannot listen on {}: {}{}", text, std::strerror(number), hint));
}

// C-24: what is there for the operator stands apart.
Error not_for_all(std::string_view text) { return Error(ErrorCode::refused, fmt::format("the status address {} is not on loopback; it is for the operator only: use 127.0.0.1:PORT", text)); }

// No use for a client before it has said something; every client of ours speaks first.
void wait_for_data(int socket) { ::setsockopt(socket, IPPROTO_TCP, TCP_DEFER_ACCEPT, &kDeferSeconds, sizeof kDeferSeconds); }

int option_of(int socket, int name) {
    int value = 0;
    socklen_t size = sizeof value;
    return ::getsockopt(socket, SOL_SOCKET, name, &value, &size) == 0 ? value : -1;
}

} // namespace

Result<Listener> listen_on(std::string_view text, Door door) {
    const auto place = parse(text);
    if (!place) return Error(ErrorCode::invalid, fmt::format("'{}' is not an address to listen on; write 192.0.2.1:443 or [2001:db8::1]:443", escape_untrusted(text, 80)));
    if (door == Door::status && !place->loopback) return not_for_all(text);
    FileDescriptor socket(::socket(place->address.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!socket) return failed(text);
    const int on = 1, off = 0;
    ::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (place->address.ss_family == AF_INET6) ::setsockopt(socket.get(), IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
    wait_for_data(socket.get());
    if (::bind(socket.get(), reinterpret_cast<const sockaddr*>(&place->address), place->size) != 0 || ::listen(socket.get(), kBacklog) != 0) return failed(text);
    auto address = address_of(socket.get());
    return Listener{std::move(socket), door, std::move(address)};
}

Result<std::vector<Listener>> take_over_listeners(int count, std::string_view names) {
    if (count < 0 || count > kInheritedMax) return Error(ErrorCode::invalid, fmt::format("LISTEN_FDS is {}, not 0 to {}", count, kInheritedMax));
    std::vector<Listener> listeners;
    for (int i = 0; i < count; ++i) {
        const auto name = names.substr(0, names.find(':'));
        names.remove_prefix(std::min(name.size() + 1, names.size()));
        FileDescriptor socket(kFirstInherited + i);
        const int family = option_of(socket.get(), SO_DOMAIN);
        if (option_of(socket.get(), SO_ACCEPTCONN) != 1 || (family != AF_INET && family != AF_INET6))
            return Error(ErrorCode::invalid, fmt::format("descriptor {} ('{}') of LISTEN_FDS is no listening TCP socket", kFirstInherited + i, escape_untrusted(name, 40)));
        ::fcntl(socket.get(), F_SETFD, FD_CLOEXEC);
        ::fcntl(socket.get(), F_SETFL, ::fcntl(socket.get(), F_GETFL) | O_NONBLOCK);
        wait_for_data(socket.get());
        const auto door = name == "http" ? Door::http : name == "status" ? Door::status : Door::https;
        auto address = address_of(socket.get());
        if (door == Door::status && !parse(address)->loopback) return not_for_all(address);
        listeners.push_back({std::move(socket), door, std::move(address)});
    }
    return listeners;
}

} // namespace mxseal::server
