// Crowd: the clients of one loop, in the order in which their time runs out and in the order in which newcomers are heard. No sockets are
// watched and nothing is read here. One thread.
//
// A connection's three time limits follow each other and are the same for all, so each is a queue in order of coming: the first one is
// always the next to run out.
#pragma once

#include "base/time.hpp"
#include "mta-sts-server/connection.hpp"

#include <array>
#include <list>
#include <optional>

namespace mxseal::server {

// What epoll(7) hands back.
struct Watched {
    enum class Kind { gate, mail, client } kind;
};

struct Client : Watched {
    Client(FileDescriptor socket, Door door, AddressKey address, Duration now) : Watched{Kind::client}, connection(std::move(socket), door, address), came(now) {}
    Connection connection;
    const Duration came;                    // since boot
    std::uint32_t watched_for = 0;          // epoll events; 0: not watched yet

private:
    friend class Crowd;
    Duration ends_{0};
    std::size_t queue_ = 0;
    std::list<Client>::iterator place_{};
    std::size_t rank_ = 0;                  // how many its address held when it came: 0 it alone, 1 one more, ..
    std::optional<std::list<Client*>::iterator> wait_{}; // among the newcomers of its rank; nothing: it does not wait to be heard
};

class Crowd {
public:
    explicit Crowd(const Limits& limits) : limits_(limits) {} // which must outlive the crowd

    // `held`: how many connections its address holds, this one with them.
    Client& add(FileDescriptor socket, Door door, AddressKey address, std::size_t held, Duration now);
    // It may have come into another phase, whose time begins now.
    void note_phase(Client& client, Duration now);
    // Out of all queues; it stays where it is until bury(), for an event of this round may be its own.
    void remove(Client& client);
    void bury() { dead_.clear(); }

    // It has said something and has no session yet, which is what costs most.
    void let_wait(Client& client);
    // Who is heard next; it waits no longer. An address's first connection comes before any second one, that before any third: addresses are
    // what an attacker has least of. Among equals the newest: when more come than can be served, it is better that some are served soon than all late.
    Client* next_newcomer();
    bool somebody_waits() const { return waiting_ > 0; }

    Client* first();                        // who has been here longest; null: nobody is here
    Client* late(Duration now);             // one whose time is over
    std::optional<Duration> next_end() const;

private:
    enum QueueNumber : std::size_t { in_handshake, in_head, in_answer, queues };
    static std::size_t queue_of(Connection::Phase phase);
    Duration limit_of(std::size_t queue) const;
    void wait_no_longer(Client& client);

    const Limits& limits_;
    std::array<std::list<Client>, queues> clients_;
    std::list<Client> dead_;
    static constexpr std::size_t kRanks = 8; // our choice: whose address holds more than seven waits with the eighth
    std::array<std::list<Client*>, kRanks> newcomers_; // by rank, oldest first; each stands in its queue as well
    std::size_t waiting_ = 0;               // in all of them
};

} // namespace mxseal::server
