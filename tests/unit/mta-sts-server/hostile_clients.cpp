// Clients that no server wants, in a process of their own (their sockets are as many as a process may have): each connects from one of
// many addresses of 127.0.0.0/8, behaves badly in its own way, and comes back at once when it is closed. Beside them a few complete their
// handshakes first and behave badly then.
//
//   hostile_clients PORT COUNT SECONDS NAME     NAME: a served one; prints how often they connected and were closed
#include <algorithm>
#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <thread>
#include <vector>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <openssl/bio.h>
#include <openssl/ssl.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

namespace {

using Clock = std::chrono::steady_clock;

// 127.`block`.0.0 and up.
sockaddr_in from_address(unsigned block, unsigned number) {
    sockaddr_in from{};
    from.sin_family = AF_INET;
    from.sin_addr.s_addr = htonl((127u << 24) | (block << 16) | (number & 0xffff));
    return from;
}

sockaddr_in to_address(std::uint16_t port) {
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(port);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return to;
}

std::string hello_for(const std::string& name) {
    SSL_CTX* context = SSL_CTX_new(TLS_client_method());
    SSL* ssl = SSL_new(context);
    SSL_set_tlsext_host_name(ssl, name.c_str());
    BIO* out = BIO_new(BIO_s_mem());
    SSL_set_bio(ssl, BIO_new(BIO_s_mem()), out);
    SSL_connect(ssl);
    char* start = nullptr;
    const long size = BIO_get_mem_data(out, &start);
    std::string hello(start, static_cast<std::size_t>(size));
    SSL_free(ssl);
    SSL_CTX_free(context);
    return hello;
}

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
        const auto from = from_address(7, static_cast<unsigned>(client.number / 4 + 256)); // four clients an address
        const auto to = to_address(port_);
        const int on = 1;
        ::setsockopt(client.socket, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
        epoll_event entry{EPOLLIN | EPOLLOUT | EPOLLET, {.ptr = &client}};
        if (::bind(client.socket, reinterpret_cast<const sockaddr*>(&from), sizeof from) != 0 || (::connect(client.socket, reinterpret_cast<const sockaddr*>(&to), sizeof to) != 0 && errno != EINPROGRESS) ||
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

// One after the other: handshake, then what no sender does, until it is closed or two seconds are over.
class Visitors {
public:
    Visitors(std::uint16_t port, std::string name) : port_(port), name_(std::move(name)) {}

    void run(std::chrono::seconds duration) {
        const auto end = Clock::now() + duration;
        for (unsigned number = 0; Clock::now() < end; ++number) {
            visit(number);
            std::this_thread::sleep_for(std::chrono::milliseconds(10));
        }
    }
    long shaken() const { return shaken_; }

private:
    enum class Manner { renegotiate, garbage_within, half_a_head, key_updates, garbage_behind, kinds };

    void visit(unsigned number) {
        const auto manner = static_cast<Manner>(number % static_cast<unsigned>(Manner::kinds));
        const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        const timeval limit{2, 0};
        ::setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
        ::setsockopt(socket, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
        const auto from = from_address(8, number), to = to_address(port_);
        SSL_CTX* context = SSL_CTX_new(TLS_client_method());
        if (manner == Manner::renegotiate) SSL_CTX_set_max_proto_version(context, TLS1_2_VERSION);
        SSL* ssl = SSL_new(context);
        SSL_set_tlsext_host_name(ssl, name_.c_str());
        SSL_set_fd(ssl, socket);
        if (::bind(socket, reinterpret_cast<const sockaddr*>(&from), sizeof from) == 0 && ::connect(socket, reinterpret_cast<const sockaddr*>(&to), sizeof to) == 0 && SSL_connect(ssl) == 1) {
            ++shaken_;
            misbehave(ssl, socket, manner);
        }
        SSL_free(ssl);
        SSL_CTX_free(context);
        ::close(socket);
    }

    static void misbehave(SSL* ssl, int socket, Manner manner) {
        static const std::string much(16'000, 'x'), half = "GET /.well-known/mta-sts.txt HTTP/1.1\r\nHo";
        char block[4096];
        switch (manner) {
        case Manner::kinds: return;
        case Manner::renegotiate:
            for (int i = 0; i < 100 && SSL_renegotiate(ssl) == 1 && SSL_do_handshake(ssl) == 1; ++i) {}
            return;
        case Manner::garbage_within:
            for (int i = 0; i < 100 && SSL_write(ssl, much.data(), static_cast<int>(much.size())) > 0; ++i) {}
            return;
        case Manner::half_a_head:
            SSL_write(ssl, half.data(), static_cast<int>(half.size()));
            SSL_read(ssl, block, sizeof block);
            return;
        case Manner::key_updates:
            for (int i = 0; i < 10'000 && SSL_key_update(ssl, SSL_KEY_UPDATE_REQUESTED) == 1 && SSL_do_handshake(ssl) == 1; ++i) {}
            return;
        case Manner::garbage_behind:
            for (int i = 0; i < 100 && ::send(socket, much.data(), much.size(), MSG_NOSIGNAL) > 0; ++i) {}
            return;
        }
    }

    const std::uint16_t port_;
    const std::string name_;
    std::atomic<long> shaken_{0};
};

} // namespace

int main(int count, char** words) {
    if (count != 5) return 2;
    rlimit limit{};
    ::getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &limit);
    std::signal(SIGPIPE, SIG_IGN);
    const int wanted = std::min(std::atoi(words[2]), static_cast<int>(limit.rlim_cur) - 64);
    Crowd crowd(static_cast<std::uint16_t>(std::atoi(words[1])), wanted, hello_for(words[4]));
    Visitors visitors(static_cast<std::uint16_t>(std::atoi(words[1])), words[4]);
    const std::chrono::seconds duration(std::atoi(words[3]));
    std::thread visiting([&] { visitors.run(duration); });
    crowd.run(duration);
    visiting.join();
    std::printf("handshakes of visitors %ld\n", visitors.shaken());
    std::fflush(stdout);
    return 0;
}
