#include "mta-sts-server/server.hpp"

#include "mta-sts-server/loop.hpp"

#include <algorithm>
#include <mutex>
#include <thread>

#include <fmt/format.h>
#include <poll.h>
#include <sys/resource.h>

namespace mxseal::server {

namespace {

// Descriptors that are not clients': listeners, epoll, snapshots, the log (our choice).
constexpr std::size_t kSpareDescriptors = 64;

// As many as the system gives without asking root, and how many of them may be clients.
std::size_t clients_possible() {
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return 1024 - kSpareDescriptors;
    limit.rlim_cur = limit.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &limit);
    ::getrlimit(RLIMIT_NOFILE, &limit);
    return limit.rlim_cur > 2 * kSpareDescriptors ? static_cast<std::size_t>(limit.rlim_cur) - kSpareDescriptors : kSpareDescriptors;
}

} // namespace

struct Server::Impl {
    explicit Impl(ServerOptions given) : options(std::move(given)), table(options.limits.connections_per_address) {}

    std::uint64_t sum(Counters::Count Counters::*which) const {
        std::uint64_t out = 0;
        for (const auto& loop : loops) out += (loop->counters().*which).load(std::memory_order_relaxed);
        return out;
    }

    ServerOptions options;
    AddressTable table;
    std::vector<std::string> addresses;
    std::vector<std::unique_ptr<Loop>> loops;
    std::vector<std::thread> threads;
    mutable std::mutex mutex;
    SnapshotFacts facts; // of the newest one published; under the mutex
};

Server::Server(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

Server::~Server() { drain(Duration{0}); }

Result<std::unique_ptr<Server>> Server::start(ServerOptions options, std::shared_ptr<const Snapshot> snapshot) {
    if (options.listeners.empty() || options.threads == 0) return Error(ErrorCode::invalid, "an endpoint without an address or a thread serves nobody; name an address to listen on");
    std::unique_ptr<Server> server(new Server(std::make_unique<Impl>(std::move(options))));
    Impl& impl = *server->impl_;
    impl.facts = snapshot->facts();
    for (const Listener& listener : impl.options.listeners) impl.addresses.push_back(listener.address);
    const auto clients = std::min(impl.options.limits.connections, clients_possible());
    const auto share = std::max<std::size_t>(1, clients / impl.options.threads);
    for (std::size_t i = 0; i < impl.options.threads; ++i) {
        LoopSettings settings{impl.options.limits, share, impl.options.limits.certificates_cached / impl.options.threads, impl.table, impl.options.clock, impl.options.log, [raw = server.get()] { return raw->report().dump_indented(); }};
        auto loop = Loop::make(std::move(settings), impl.options.listeners, snapshot);
        if (!loop) return std::move(loop).error();
        if (impl.options.challenges) (*loop)->publish(impl.options.challenges);
        impl.loops.push_back(std::move(loop).value());
    }
    for (const auto& loop : impl.loops) impl.threads.emplace_back([running = loop.get()] { running->run(); });
    return server;
}

Status Server::publish(std::shared_ptr<const Snapshot> snapshot) {
    const std::lock_guard lock(impl_->mutex);
    if (snapshot->facts().generation < impl_->facts.generation)
        return Error(ErrorCode::refused, fmt::format("the snapshot has generation {}, and {} is served already: an older one would bring back policies whose ids are gone (RFC 8461 section 8.1); copy the newest",
                                                     snapshot->facts().generation, impl_->facts.generation));
    impl_->facts = snapshot->facts();
    for (const auto& loop : impl_->loops) loop->publish(snapshot);
    return done();
}

void Server::publish(std::shared_ptr<const Challenges> challenges) {
    for (const auto& loop : impl_->loops) loop->publish(challenges);
}

std::size_t Server::drain(Duration grace) {
    if (impl_->threads.empty()) return 0;
    for (const auto& loop : impl_->loops) loop->drain(grace);
    // The listeners are closed once no loop takes from them; those of systemd go on to take newcomers for the next process.
    const auto left = [](const auto& loop) { return loop->has_left_listeners(); };
    while (!std::all_of(impl_->loops.begin(), impl_->loops.end(), left)) ::poll(nullptr, 0, 1);
    for (Listener& listener : impl_->options.listeners) listener.socket.close();
    for (auto& thread : impl_->threads) thread.join();
    impl_->threads.clear();
    std::size_t cut = 0;
    for (const auto& loop : impl_->loops) cut += loop->counters().cut;
    return cut;
}

std::vector<std::string> Server::addresses() const { return impl_->addresses; }

std::uint64_t Server::generation() const {
    std::uint64_t least = ~std::uint64_t{0};
    for (const auto& loop : impl_->loops) least = std::min(least, loop->counters().generation.load());
    return least;
}

Json Server::report() const {
    SnapshotFacts facts;
    {
        const std::lock_guard lock(impl_->mutex);
        facts = impl_->facts;
    }
    const auto sum = [&](Counters::Count Counters::*which) { return Json(impl_->sum(which)); };
    return Json::object({{"generation", generation()},
                         {"newest_generation", facts.generation},
                         {"written", to_rfc3339(facts.written)},
                         {"sites", facts.sites},
                         {"digest", facts.digest},
                         {"connections", sum(&Counters::open)},
                         {"accepted", sum(&Counters::accepted)},
                         {"handshakes", sum(&Counters::handshakes)},
                         {"answered", sum(&Counters::answered)},
                         {"refused", sum(&Counters::refused)},
                         {"unknown_names", sum(&Counters::unknown_names)},
                         {"no_tls", sum(&Counters::no_tls)},
                         {"timed_out", sum(&Counters::timed_out)},
                         {"gave_way", sum(&Counters::gave_way)},
                         {"over_address", sum(&Counters::over_address)}});
}

} // namespace mxseal::server
