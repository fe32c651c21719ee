// Ten thousand clients of bad manners, and a few real senders between them.
#include "mta-sts-server/server.hpp"

#include "test_sites.hpp"
#include "tls_client.hpp"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <mutex>
#include <thread>

#include <catch2/catch.hpp>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace mxseal;
using namespace mxseal::server;
using namespace mxseal::server::testing;

extern char** environ;

namespace {

using Ticks = std::chrono::steady_clock;
const std::string kName = "mta-sts.example.org";
constexpr int kClients = 10'000, kSeconds = 12;

pid_t start_crowd(std::uint16_t port) {
    std::string program = MXSEAL_HOSTILE_CLIENTS, port_text = std::to_string(port), clients = std::to_string(kClients), seconds = std::to_string(kSeconds), name = kName;
    char* words[] = {program.data(), port_text.data(), clients.data(), seconds.data(), name.data(), nullptr};
    pid_t pid = -1;
    REQUIRE(::posix_spawn(&pid, program.c_str(), nullptr, nullptr, words, environ) == 0);
    return pid;
}

} // namespace

TEST_CASE("real senders are answered while ten thousand hostile clients come back as often as they are closed") {
    const TestSites sites;
    const TemporaryFolder folder;
    const auto site = sites.make(kName, policy_of("example.org"));
    write_snapshot(folder / "snapshot", 1, {&site});
    SystemClock clock;
    std::vector<Listener> listeners;
    listeners.push_back(listen_on("127.0.0.1:0", Door::https).value());
    auto started = Server::start({std::move(listeners), {}, 2, clock, [](const Event&) {}}, Snapshot::open(folder / "snapshot").value());
    REQUIRE(started.ok());
    Server& server = **started;
    const auto address = server.addresses()[0];
    const auto port = static_cast<std::uint16_t>(std::stoi(address.substr(address.rfind(':') + 1)));

    const pid_t crowd = start_crowd(port);
    std::mutex mutex;
    std::vector<double> times_ms;
    int missed = 0;
    const auto end = Ticks::now() + std::chrono::seconds(kSeconds);
    std::vector<std::thread> senders;
    for (int i = 0; i < 2; ++i)
        senders.emplace_back([&, i] {
            Wish wish;
            wish.port = port;
            wish.from = "127.9.9." + std::to_string(i + 1);
            wish.sni = kName;
            wish.request = get(kName);
            wish.timeout_ms = 30'000;
            while (Ticks::now() < end) {
                const auto begin = Ticks::now();
                const auto answer = fetch(wish);
                const double took = std::chrono::duration<double, std::milli>(Ticks::now() - begin).count();
                {
                    const std::lock_guard lock(mutex);
                    times_ms.push_back(took);
                    if (answer.status != 200 || answer.body != site.policy) ++missed;
                }
                std::this_thread::sleep_for(std::chrono::milliseconds(20));
            }
        });
    for (auto& sender : senders) sender.join();
    const auto report = server.report();
    int status = -1;
    REQUIRE(::waitpid(crowd, &status, 0) == crowd);
    CHECK(status == 0);
    std::sort(times_ms.begin(), times_ms.end());
    std::printf("%zu real fetches: half within %.1f ms, 99%% within %.1f ms, the longest %.1f ms; accepted %lld, gave way %lld, timed out %lld, no TLS %lld\n", times_ms.size(),
                times_ms[times_ms.size() / 2], times_ms[times_ms.size() * 99 / 100], times_ms.back(), static_cast<long long>(*report["accepted"].as_integer()),
                static_cast<long long>(*report["gave_way"].as_integer()), static_cast<long long>(*report["timed_out"].as_integer()), static_cast<long long>(*report["no_tls"].as_integer()));
    CHECK(missed == 0);
    CHECK(times_ms.size() > 20);
    CHECK(*report["accepted"].as_integer() > kClients / 2);
    // The crowd is gone, and with it all that it held.
    bool empty = false;
    for (int i = 0; i < 20'000 && !empty; ++i) {
        empty = server.report()["connections"].as_integer() == 0;
        if (!empty) ::usleep(1000);
    }
    CHECK(empty);
}
