// Server: the public HTTPS endpoint (RFC 8461 section 3.3). Threads of its own, an immutable snapshot, no file system behind it.
//
// It holds nothing that the agent decides with: a stuck agent or provider never stops a policy from being served. Any thread.
#pragma once

#include "mta-sts-server/event.hpp"
#include "mta-sts-server/limits.hpp"
#include "mta-sts-server/listeners.hpp"
#include "mta-sts-server/snapshot.hpp"

#include "base/json.hpp"

#include <memory>
#include <vector>

namespace mxseal::server {

struct ServerOptions {
    std::vector<Listener> listeners;
    Limits limits{};
    std::size_t threads = 1;    // one for each processor
    const Clock& clock;         // must outlive the server
    EventSink log;
    std::shared_ptr<const Challenges> challenges{}; // answered from the first client on; null: none
};

class Server {
public:
    // `io`, `internal`. Serves when it returns.
    static Result<std::unique_ptr<Server>> start(ServerOptions options, std::shared_ptr<const Snapshot> snapshot);
    Server(const Server&) = delete;
    Server& operator=(const Server&) = delete;
    ~Server(); // cuts what is still open

    // From now on new handshakes are served from it; connections under way keep what they have begun with. `refused`: its
    // generation is below the one that is served (C-28: a policy never goes back behind an id that may have been published).
    Status publish(std::shared_ptr<const Snapshot> snapshot);
    void publish(std::shared_ptr<const Challenges> challenges);

    // Leaves the listeners, waits for the connections at most `grace`; returns when all threads have ended. How many were cut.
    std::size_t drain(Duration grace);

    std::vector<std::string> addresses() const; // in the order of the listeners
    // The least generation from which any loop still serves new handshakes: what a replica may claim to serve (C-28).
    std::uint64_t generation() const;
    // {"generation","written","sites","digest","connections","accepted","handshakes","answered",..}
    Json report() const;

private:
    struct Impl;
    explicit Server(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

} // namespace mxseal::server
