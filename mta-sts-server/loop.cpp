#include "mta-sts-server/loop.hpp"

#include "mta-sts-server/crowd.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <mutex>
#include <vector>

#include <fmt/format.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

namespace mxseal::server {

namespace {

using Phase = Connection::Phase;

constexpr std::size_t kScratch = 16 * 1024 + 512; // a record of TLS and a little more
constexpr int kEventsMax = 512, kDropsMax = 512; // a round: most of them cost some microseconds
// Newcomers are taken as fast as they come, for the kernel's queue is short and whoever finds it full comes back after a second; taking one
// costs some microseconds, its handshake half a millisecond. So those who are further on wait 10 ms at most for newcomers (our choice).
constexpr int kAcceptsMax = 512, kHandshakesMax = 16, kHearingsMax = 256;
// One line a minute for what strangers can cause (our choice).
constexpr Duration kComplainEvery = std::chrono::minutes(1);

struct Gate : Watched {
    int socket;
    Door door;
};
struct Mail {
    std::shared_ptr<const Snapshot> snapshot;
    std::shared_ptr<const Challenges> challenges;
    std::optional<Duration> drain;
};

} // namespace

struct Loop::Impl {
    explicit Impl(LoopSettings given) : settings(std::move(given)) {}

    Status prepare(std::span<const Listener> listeners, std::shared_ptr<const Snapshot> snapshot);
    void post(const std::function<void(Mail&)>& write);
    void take_mail();
    void leave_listeners();
    void look(Watched& watched);
    void accept_some(const Gate& gate);
    bool accept_one(const Gate& gate);
    void hear(Client& client);
    void serve_newcomers();
    void serve(Client& client);
    void watch(Client& client);
    void drop(Client& client);
    bool drop_oldest();
    void drop_late();
    int wait_ms() const;
    void look_at_clock();
    void complain(Event event);
    bool finished() const { return leaving && counters.open == 0; }

    const LoopSettings settings;
    std::unique_ptr<TlsContext> tls;
    std::unique_ptr<SiteShelf> shelf;
    std::unique_ptr<Surroundings> around;
    Counters counters;
    Bytes scratch = Bytes(kScratch);
    FileDescriptor poll, bell;
    Watched mailbox{Watched::Kind::mail};
    std::vector<Gate> gates;
    Crowd crowd{settings.limits};
    Duration now{0};
    std::int64_t second = -1;           // of `date`
    std::string date;
    Duration may_complain{0};
    bool leaving = false;
    Duration leave_by{0};
    std::atomic<bool> left_listeners{false};
    std::mutex mutex;
    Mail mail;                          // under the mutex
};

Status Loop::Impl::prepare(std::span<const Listener> listeners, std::shared_ptr<const Snapshot> snapshot) {
    auto context = TlsContext::make();
    if (!context) return std::move(context).error();
    tls = std::move(context).value();
    auto made = SiteShelf::make(settings.certificates);
    if (!made) return std::move(made).error();
    shelf = std::move(made).value();
    counters.generation = snapshot->facts().generation;
    shelf->use(std::move(snapshot));
    around.reset(new Surroundings{settings.limits, *tls, *shelf, counters, scratch, {}, [this](const Error& error) {
                                      complain({"site.failed", Json::object({{"error", error.to_string()}}), error.to_string() + "; its clients get an alert: write the snapshot again"});
                                  },
                                  settings.report});
    poll = FileDescriptor(::epoll_create1(EPOLL_CLOEXEC));
    bell = FileDescriptor(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    for (const Listener& listener : listeners) gates.push_back({{Watched::Kind::gate}, listener.socket.get(), listener.door});
    bool watching = poll && bell;
    epoll_event ring{EPOLLIN, {.ptr = &mailbox}};
    watching = watching && ::epoll_ctl(poll.get(), EPOLL_CTL_ADD, bell.get(), &ring) == 0;
    for (Gate& gate : gates) {
        // EPOLLEXCLUSIVE: one loop wakes for a newcomer, not all.
        epoll_event entry{EPOLLIN | EPOLLEXCLUSIVE, {.ptr = static_cast<Watched*>(&gate)}};
        watching = watching && ::epoll_ctl(poll.get(), EPOLL_CTL_ADD, gate.socket, &entry) == 0;
    }
    if (!watching) return Error(ErrorCode::io, fmt::format("the endpoint cannot watch its sockets: {}", std::strerror(errno)));
    return done();
}

void Loop::Impl::post(const std::function<void(Mail&)>& write) {
    {
        const std::lock_guard lock(mutex);
        write(mail);
    }
    const std::uint64_t one = 1;
    // eventfd(2): fails only when nobody has read 2^64 - 1 of them; then the loop is awake anyway.
    if (::write(bell.get(), &one, sizeof one) < 0) return;
}

void Loop::Impl::take_mail() {
    std::uint64_t rings = 0;
    if (::read(bell.get(), &rings, sizeof rings) < 0 && errno != EAGAIN) return;
    Mail taken;
    {
        const std::lock_guard lock(mutex);
        taken = std::exchange(mail, {});
    }
    if (taken.snapshot) {
        const auto generation = taken.snapshot->facts().generation;
        shelf->use(std::move(taken.snapshot));
        counters.generation = generation;
    }
    if (taken.challenges) shelf->use(std::move(taken.challenges));
    if (taken.drain && !leaving) {
        leave_by = now + *taken.drain;
        leave_listeners();
    }
}

void Loop::Impl::leave_listeners() {
    for (Gate& gate : gates) {
        // Whoever has connected before is served. Bounded by the queue of the kernel.
        for (int i = 0; i < 65536 && accept_one(gate); ++i) {}
        ::epoll_ctl(poll.get(), EPOLL_CTL_DEL, gate.socket, nullptr);
    }
    leaving = true;
    left_listeners = true;
}

void Loop::Impl::look(Watched& watched) {
    switch (watched.kind) {
    case Watched::Kind::mail: return take_mail();
    case Watched::Kind::gate: return accept_some(static_cast<Gate&>(watched));
    case Watched::Kind::client: return hear(static_cast<Client&>(watched));
    }
}

void Loop::Impl::accept_some(const Gate& gate) {
    for (int i = 0; i < kAcceptsMax && !leaving && accept_one(gate); ++i) {}
}

// False: nobody is waiting, or nobody can be taken now.
bool Loop::Impl::accept_one(const Gate& gate) {
    sockaddr_storage peer{};
    socklen_t size = sizeof peer;
    FileDescriptor socket(::accept4(gate.socket, reinterpret_cast<sockaddr*>(&peer), &size, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (!socket) {
        // accept(2): the newcomer went away before it was taken.
        if (errno == ECONNABORTED || errno == EINTR) return true;
        // Out of descriptors or memory: the oldest makes room, and the newcomer still stands in the queue.
        return errno != EAGAIN && drop_oldest();
    }
    count(counters.accepted);
    const auto address = address_key(peer);
    const auto held = settings.addresses.enter(address);
    if (held == 0) {
        count(counters.over_address);
        complain({"endpoint.crowded", {}, fmt::format("an address holds {} connections, as many as it may; further ones are closed", settings.limits.connections_per_address)});
        return true;
    }
    if (counters.open >= settings.connections) drop_oldest();
    Client& client = crowd.add(std::move(socket), gate.door, address, held, now);
    counters.open.store(counters.open + 1, std::memory_order_relaxed);
    hear(client); // TCP_DEFER_ACCEPT: its first octets are here
    return true;
}

// Whoever has a session is served at once; a newcomer may ask for the costly part.
void Loop::Impl::hear(Client& client) {
    if (client.connection.phase() != Phase::hello) return serve(client);
    crowd.let_wait(client);
}

void Loop::Impl::serve_newcomers() {
    int handshakes = 0;
    for (int i = 0; i < kHearingsMax && handshakes < kHandshakesMax; ++i) {
        Client* const client = crowd.next_newcomer();
        if (client == nullptr) return;
        serve(*client);
        if (client->connection.has_session()) ++handshakes;
    }
}

void Loop::Impl::serve(Client& client) {
    if (client.connection.phase() == Phase::closed) return; // an event of this round, of one that has gone
    client.connection.advance(*around);
    if (client.connection.phase() == Phase::closed) return drop(client);
    crowd.note_phase(client, now);
    watch(client);
}

void Loop::Impl::watch(Client& client) {
    const std::uint32_t wanted = client.connection.wants_to_write() ? EPOLLOUT : EPOLLIN;
    if (wanted == client.watched_for) return;
    epoll_event entry{wanted, {.ptr = static_cast<Watched*>(&client)}};
    const int operation = client.watched_for == 0 ? EPOLL_CTL_ADD : EPOLL_CTL_MOD;
    if (::epoll_ctl(poll.get(), operation, client.connection.socket(), &entry) != 0) return drop(client);
    client.watched_for = wanted;
}

void Loop::Impl::drop(Client& client) {
    client.connection.close();
    settings.addresses.leave(client.connection.address());
    counters.open.store(counters.open - 1, std::memory_order_relaxed);
    crowd.remove(client);
}

// Never the newest: a sender is done in a moment, an attacker stays.
bool Loop::Impl::drop_oldest() {
    Client* const oldest = crowd.first();
    if (oldest == nullptr) return false;
    count(counters.gave_way);
    complain({"endpoint.crowded", {}, fmt::format("all {} places of a loop are taken; the oldest connection gives way to each new one", settings.connections)});
    drop(*oldest);
    return true;
}

void Loop::Impl::drop_late() {
    for (int drops = 0; drops < kDropsMax; ++drops) {
        Client* const late = crowd.late(now);
        if (late == nullptr) break;
        count(counters.timed_out);
        drop(*late);
    }
    if (leaving && leave_by <= now)
        while (Client* const left = crowd.first()) {
            count(counters.cut);
            drop(*left);
        }
    crowd.bury();
}

int Loop::Impl::wait_ms() const {
    if (crowd.somebody_waits()) return 0;
    auto next = crowd.next_end();
    if (leaving && (!next || leave_by < *next)) next = leave_by;
    if (!next) return -1;
    return static_cast<int>(std::max<std::int64_t>(0, (*next - now).count() + 1));
}

void Loop::Impl::look_at_clock() {
    now = settings.clock.boot_time().since_boot;
    const auto wall = settings.clock.wall();
    const auto seconds = to_unix_ms(wall) / 1000;
    if (seconds == second) return;
    second = seconds;
    date = http_date(wall);
    around->date = date;
}

void Loop::Impl::complain(Event event) {
    if (now < may_complain) return;
    may_complain = now + kComplainEvery;
    settings.log(event);
}

Loop::Loop(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Loop::~Loop() = default;

Result<std::unique_ptr<Loop>> Loop::make(LoopSettings settings, std::span<const Listener> listeners, std::shared_ptr<const Snapshot> snapshot) {
    auto impl = std::make_unique<Impl>(std::move(settings));
    if (auto prepared = impl->prepare(listeners, std::move(snapshot)); !prepared) return std::move(prepared).error();
    return std::unique_ptr<Loop>(new Loop(std::move(impl)));
}

void Loop::run() {
    Impl& loop = *impl_;
    loop.look_at_clock();
    loop.take_mail(); // what was given before the first client is there for it
    std::array<epoll_event, kEventsMax> events;
    while (!loop.finished()) {
        const int count = ::epoll_wait(loop.poll.get(), events.data(), kEventsMax, loop.wait_ms());
        loop.look_at_clock();
        for (int i = 0; i < count; ++i) loop.look(*static_cast<Watched*>(events[static_cast<std::size_t>(i)].data.ptr));
        loop.serve_newcomers();
        loop.drop_late();
    }
}

void Loop::publish(std::shared_ptr<const Snapshot> snapshot) {
    impl_->post([&](Mail& mail) { mail.snapshot = std::move(snapshot); });
}
void Loop::publish(std::shared_ptr<const Challenges> challenges) {
    impl_->post([&](Mail& mail) { mail.challenges = std::move(challenges); });
}
void Loop::drain(Duration grace) {
    impl_->post([&](Mail& mail) { mail.drain = grace; });
}
bool Loop::has_left_listeners() const { return impl_->left_listeners; }
const Counters& Loop::counters() const { return impl_->counters; }

} // namespace mxseal::server
