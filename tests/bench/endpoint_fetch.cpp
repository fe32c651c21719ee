// Fetches policies as senders do, each with a full TLS 1.3 handshake, and prints one line of JSON: how many, how long.
//
//   bench_endpoint_fetch PORT NAMES COUNT [THREADS [SEED [PAUSE_MS]]]     names at random from the file NAMES
#include <algorithm>
#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <mutex>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

namespace {

using Clock = std::chrono::steady_clock;

double ms_since(Clock::time_point begin) { return std::chrono::duration<double, std::milli>(Clock::now() - begin).count(); }

// True: the whole policy came, and its end was said. `connect_ms`: until the connection stood.
bool fetch(SSL_CTX* context, std::uint16_t port, const std::string& name, double& connect_ms) {
    const auto begin = Clock::now();
    const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const int on = 1;
    const timeval limit{30, 0};
    ::setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    ::setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    bool good = ::connect(socket, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
    connect_ms = ms_since(begin);
    SSL* ssl = SSL_new(context);
    SSL_set_tlsext_host_name(ssl, name.c_str());
    SSL_set_fd(ssl, socket);
    good = good && SSL_connect(ssl) == 1;
    const auto request = "GET /.well-known/mta-sts.txt HTTP/1.1\r\nHost: " + name + "\r\nConnection: close\r\n\r\n";
    good = good && SSL_write(ssl, request.data(), static_cast<int>(request.size())) > 0;
    std::string answer;
    char block[4096];
    int count = 0;
    while (good && answer.size() < 65536 && (count = SSL_read(ssl, block, sizeof block)) > 0) answer.append(block, static_cast<std::size_t>(count));
    good = good && SSL_get_error(ssl, count) == SSL_ERROR_ZERO_RETURN && answer.starts_with("HTTP/1.1 200") && answer.find("mx1." + name.substr(8)) != std::string::npos;
    SSL_free(ssl);
    ::close(socket);
    return good;
}

} // namespace

int main(int count, char** words) {
    if (count < 4) return std::fputs("bench_endpoint_fetch PORT NAMES COUNT [THREADS [SEED [PAUSE_MS]]]\n", stderr), 2;
    std::signal(SIGPIPE, SIG_IGN);
    const auto port = static_cast<std::uint16_t>(std::atoi(words[1]));
    std::vector<std::string> names;
    std::ifstream in(words[2]);
    for (std::string name; std::getline(in, name);) names.push_back(name);
    const long wanted = std::atol(words[3]);
    const int threads = count > 4 ? std::atoi(words[4]) : 4;
    const unsigned seed = count > 5 ? static_cast<unsigned>(std::atoi(words[5])) : 1;
    const std::chrono::milliseconds pause(count > 6 ? std::atoi(words[6]) : 0); // of each thread, between fetches
    if (names.empty() || wanted < 1) return 2;

    SSL_CTX* context = SSL_CTX_new(TLS_client_method());
    SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION);
    SSL_CTX_set_ciphersuites(context, "TLS_AES_128_GCM_SHA256"); // the same work for every server
    SSL_CTX_set1_groups_list(context, "X25519");
    std::atomic<long> next{0}, good{0};
    std::mutex mutex;
    std::vector<double> times_ms;
    double connect_max_ms = 0;
    const auto start = Clock::now();
    std::vector<std::thread> running;
    for (int i = 0; i < threads; ++i)
        running.emplace_back([&, i] {
            std::mt19937 random(seed * 1000 + static_cast<unsigned>(i));
            std::vector<double> mine;
            double connect_ms = 0, longest_ms = 0;
            while (next.fetch_add(1) < wanted) {
                const auto begin = Clock::now();
                if (fetch(context, port, names[random() % names.size()], connect_ms)) ++good;
                longest_ms = std::max(longest_ms, connect_ms);
                mine.push_back(ms_since(begin));
                if (pause.count() > 0) std::this_thread::sleep_for(pause);
            }
            const std::lock_guard lock(mutex);
            connect_max_ms = std::max(connect_max_ms, longest_ms);
            times_ms.insert(times_ms.end(), mine.begin(), mine.end());
        });
    for (auto& thread : running) thread.join();
    const double seconds = std::chrono::duration<double>(Clock::now() - start).count();
    std::sort(times_ms.begin(), times_ms.end());
    const auto at = [&](double part) { return times_ms[static_cast<std::size_t>(part * static_cast<double>(times_ms.size() - 1))]; };
    fmt::print("{{\"fetched\": {}, \"failed\": {}, \"seconds\": {:.3f}, \"p50_ms\": {:.2f}, \"p99_ms\": {:.2f}, \"max_ms\": {:.2f}, \"connect_max_ms\": {:.2f}}}\n", good.load(), wanted - good.load(), seconds, at(0.5), at(0.99), at(1), connect_max_ms);
    return good == wanted ? 0 : 1;
}
