// Loop: one thread's epoll(7) loop over the shared listeners and its own connections.
//
// run() is called by one thread; the rest by any.
#pragma once

#include "base/time.hpp"
#include "mta-sts-server/connection.hpp"
#include "mta-sts-server/event.hpp"
#include "mta-sts-server/listeners.hpp"

#include <atomic>
#include <memory>
#include <span>

namespace mxseal::server {

struct LoopSettings {
    const Limits& limits;
    std::size_t connections;        // of this loop
    std::size_t certificates;
    AddressTable& addresses;
    const Clock& clock;
    const EventSink& log;
    std::function<std::string()> report;
};

class Loop {
public:
    // Everything in `settings` and `listeners` must outlive the loop.
    static Result<std::unique_ptr<Loop>> make(LoopSettings settings, std::span<const Listener> listeners, std::shared_ptr<const Snapshot> snapshot);
    Loop(const Loop&) = delete;
    Loop& operator=(const Loop&) = delete;
    ~Loop();

    void run();                    // until drain() and the last connection

    // What is given takes effect before the next event.
    void publish(std::shared_ptr<const Snapshot> snapshot);
    void publish(std::shared_ptr<const Challenges> challenges);
    // Takes what waits at the listeners, then no more; the connections go on to their ends. With a grace over, they are cut.
    void drain(Duration grace);
    bool has_left_listeners() const;
    const Counters& counters() const;

private:
    struct Impl;
    explicit Loop(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

} // namespace mxseal::server
