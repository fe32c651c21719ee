// Clients that no server wants, in a process of their own (their sockets are as many as a process may have): each connects from one of
// many addresses of 127.0.0.0/8, behaves badly in its own way, and comes back at once when it is closed.
//
//   hostile_clients PORT COUNT SECONDS HELLO_FILE     prints how often they connected and were closed
#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

namespace {

using Clock = std::chrono::steady_clock;

enum class Manner { silent, drip, half_hello, garbage, huge, hello_and_nothing, kinds };

struct Client {
    int number = 0;
    int socket = -1;
    std::size_t sent = 0;
    Manner manner() const { return static_cast<Manner>(number % static_cast<int>(Manner::kinds)); }
};

class Crowd {
public:
    Crowd(std::uint16_t port, int count, std::string hello) : port_(port), hello_(std::move(hello)), huge_(64 * 1024, '\x16'), poll_(::epoll_create1(EPOLL_CLOEXEC)), clients_(static_cast<std::size_t>(count)) {
        for (int i = 0; i < count; ++i) clients_[static_cast<std::size_t>(i)].number = i;
    }

    void run(std::chrono::seconds duration) {
        const auto end = Clock::now() + duration;
        for (Client& client : clients_) come(client);
        auto next_drip = Clock::now();
        std::vector<epoll_event> events(512);
        while (Clock::now() < end) {
            const int count = ::epoll_wait(poll_, events.data(), static_cast<int>(events.size()), 20);
            for (int i = 0; i < count; ++i) react(*static_cast<Client*>(events[static_cast<std::size_t>(i)].data.ptr), events[static_cast<std::size_t>(i)].events);
            if (Clock::now() < next_drip) continue;
            next_drip = Clock::now() + std::chrono::seconds(1);
            for (Client& client : clients_) {
                if (client.socket < 0) come(client); // could not connect before
                if (client.manner() == Manner::drip) say(client, client.sent + 1);
            }
        }
        std::printf("connected %ld, closed %ld\n", connected_, closed_);
    }

private:
    void come(Client& client) {
        client.socket = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        client.sent = 0;
        if (client.socket < 0) return;
        sockaddr_in from{}, to{};
        from.sin_family = to.sin_family = AF_INET;
        // Four clients an address.
        from.sin_addr.s_addr = htonl((127u << 24) | (7u << 16) | static_cast<unsigned>(client.number / 4 + 256));
        to.sin_port = htons(port_);
        to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        const int on = 1;
        ::setsockopt(client.socket, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
        epoll_event entry{EPOLLIN | EPOLLOUT | EPOLLET, {.ptr = &client}};
        if (::bind(client.socket, reinterpret_cast<sockaddr*>(&from), sizeof from) != 0 || (::connect(client.socket, reinterpret_cast<sockaddr*>(&to), sizeof to) != 0 && errno != EINPROGRESS) ||
            ::epoll_ctl(poll_, EPOLL_CTL_ADD, client.socket, &entry) != 0) {
            ::close(client.socket);
            client.socket = -1;
            return;
        }
        ++connected_;
    }

    void react(Client& client, std::uint32_t events) {
        bool gone = (events & (EPOLLERR | EPOLLHUP)) != 0;
        char block[4096];
        if ((events & EPOLLIN) != 0) {
            ssize_t count;
            while ((count = ::recv(client.socket, block, sizeof block, 0)) > 0) {}
            gone = gone || count == 0 || errno != EAGAIN;
        }
        if (gone) {
            ++closed_;
            ::close(client.socket);
            return come(client);
        }
        if ((events & EPOLLOUT) == 0) return;
        switch (client.manner()) {
        case Manner::silent:
        case Manner::kinds: return;
        case Manner::drip: return say(client, 1);
        case Manner::half_hello: return say(client, hello_.size() / 2);
        case Manner::garbage: ::send(client.socket, "\xff\xfe garbage", 10, MSG_NOSIGNAL); return;
        case Manner::huge: ::send(client.socket, huge_.data(), huge_.size(), MSG_NOSIGNAL); return;
        case Manner::hello_and_nothing: return say(client, hello_.size());
        }
    }

    void say(Client& client, std::size_t up_to) {
        up_to = std::min(up_to, hello_.size());
        if (client.socket < 0 || client.sent >= up_to) return;
        const auto count = ::send(client.socket, hello_.data() + client.sent, up_to - client.sent, MSG_NOSIGNAL);
        if (count > 0) client.sent += static_cast<std::size_t>(count);
    }

    const std::uint16_t port_;
    const std::string hello_, huge_;
    const int poll_;
    std::vector<Client> clients_;
    long connected_ = 0, closed_ = 0;
};

} // namespace

int main(int count, char** words) {
    if (count != 5) return 2;
    rlimit limit{};
    ::getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &limit);
    std::ifstream in(words[4], std::ios::binary);
    const int wanted = std::min(std::atoi(words[2]), static_cast<int>(limit.rlim_cur) - 64);
    Crowd crowd(static_cast<std::uint16_t>(std::atoi(words[1])), wanted, {std::istreambuf_iterator<char>(in), {}});
    crowd.run(std::chrono::seconds(std::atoi(words[3])));
    return 0;
}
