// SiteEndpoint: where policies and challenges go: the embedded server, where there is one, and always the files for `mxseal serve`.
//
// Outlives configurations: a reload of the agent drops no connection. Any thread.
#pragma once

#include "agent/acme/sleeper.hpp"
#include "agent/domains/challenge_board.hpp"
#include "mta-sts-server/event.hpp"
#include "mta-sts-server/listeners.hpp"
#include "base/time.hpp"

#include <filesystem>
#include <memory>

namespace mxseal::server {
class Server;
}

namespace mxseal::agent {

class SiteEndpoint {
public:
    struct Options {
        std::filesystem::path snapshot;            // a good one must be there
        std::vector<server::Listener> listeners;   // none: others serve, from the files
        const Clock& clock;                        // must outlive this
        server::EventSink log;
    };
    // `io`, `invalid`: the snapshot. Serves when it returns.
    static Result<std::unique_ptr<SiteEndpoint>> start(Options options);
    ~SiteEndpoint();

    ChallengeBoard& challenges() { return challenges_; }
    bool is_embedded() const { return server_ != nullptr; }
    std::vector<std::string> addresses() const;
    // A new file is in place: it is served from now on, or, where others serve from it, within taken_within().
    Status take_snapshot();
    Duration taken_within() const;
    // Nobody waits any more for a challenge to be seen.
    void stop() { sleeper_.stop(); }
    // Leaves the listeners, waits for those who are being answered; how many were cut.
    std::size_t drain();

private:
    explicit SiteEndpoint(Options options);
    Status show(std::shared_ptr<const server::Challenges> challenges);
    Status until_seen();

    Options options_;
    std::unique_ptr<server::Server> server_;
    StoppableSleeper sleeper_;
    ChallengeBoard challenges_;
};

} // namespace mxseal::agent
