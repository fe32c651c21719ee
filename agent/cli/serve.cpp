#include "agent/cli/serve.hpp"

#include "agent/cli/commands.hpp"
#include "agent/cli/harden.hpp"
#include "agent/cli/log_lines.hpp"
#include "agent/cli/notify.hpp"
#include "agent/cli/signals.hpp"
#include "mta-sts-server/challenges_file.hpp"
#include "mta-sts-server/served_generation.hpp"
#include "mta-sts-server/server.hpp"
#include "mta-sts-server/snapshot_watch.hpp"

#include <algorithm>
#include <thread>

#include <fmt/format.h>

namespace mxseal::cli {

namespace {

// How soon a new file is noticed; a look is one stat(2). SIGHUP looks at once.
constexpr Duration kLookEvery = std::chrono::seconds(1);
// Longer than the 30 s that any connection may last (G-08).
constexpr Duration kDrainMax = std::chrono::seconds(35);

Status open_into(std::vector<server::Listener>& listeners, const std::vector<std::string>& addresses, server::Door door) {
    for (const auto& address : addresses) {
        auto listener = server::listen_on(address, door);
        if (!listener) return std::move(listener).error();
        listeners.push_back(std::move(listener).value());
    }
    return done();
}

Result<std::vector<server::Listener>> listeners_of(const Environment& environment, const Arguments& arguments) {
    auto listeners = server::take_over_listeners(environment.inherited_sockets, environment.inherited_names);
    if (!listeners) return listeners;
    auto https = arguments.listen;
    if (https.empty() && listeners->empty()) https.push_back("[::]:443");
    if (auto opened = open_into(*listeners, https, server::Door::https); !opened) return std::move(opened).error();
    if (auto opened = open_into(*listeners, arguments.listen_http, server::Door::http); !opened) return std::move(opened).error();
    if (auto opened = open_into(*listeners, arguments.status_address, server::Door::status); !opened) return std::move(opened).error();
    return listeners;
}

std::string joined(const std::vector<std::string>& words) {
    std::string out;
    for (const auto& word : words) out += (out.empty() ? "" : ", ") + word;
    return out;
}

Json facts_of(const server::Snapshot& snapshot) { return Json::object({{"generation", snapshot.facts().generation}, {"sites", snapshot.facts().sites}, {"digest", snapshot.facts().digest}}); }

server::Event challenges_taken(const server::Challenges& challenges) {
    std::size_t http = 0;
    for (const auto& [host, tokens] : challenges.http) http += tokens.size();
    const auto tls_alpn = challenges.tls_alpn.size();
    return {"challenges.taken", Json::object({{"http", http}, {"tls_alpn", tls_alpn}}), fmt::format("challenges are answered now: {} of http-01, {} of tls-alpn-01", http, tls_alpn)};
}

class Serving {
public:
    Serving(Environment& environment, const Arguments& arguments) : environment_(environment), watch_(arguments.snapshot), challenges_watch_(server::challenges_file_of(arguments.snapshot)) {
        sink_ = [this](const server::Event& event) { log_.write({0, environment_.clock.wall(), {}, event.event, event.fields, event.sentence}); };
    }

    Status start(const Arguments& arguments) {
        auto first = watch_.look();
        if (!first->ok()) return std::move(*first).error();
        auto served = server::ServedGeneration::open(arguments.state_file ? std::filesystem::path(*arguments.state_file) : server::served_file_of(arguments.snapshot));
        if (!served) return std::move(served).error();
        served_ = std::move(served).value();
        if (auto raised = served_->raise((**first)->facts().generation); !raised) return raised;
        auto listeners = listeners_of(environment_, arguments);
        if (!listeners) return std::move(listeners).error();
        const auto threads = arguments.threads.value_or(std::max<std::size_t>(1, std::thread::hardware_concurrency()));
        const auto snapshot = **first;
        auto server = server::Server::start({std::move(listeners).value(), {}, threads, environment_.clock, sink_, challenges_at_hand()}, snapshot);
        if (!server) return std::move(server).error();
        server_ = std::move(server).value();
        auto fields = facts_of(*snapshot);
        Json addresses = Json::array();
        for (const auto& address : server_->addresses()) addresses.push(address);
        fields.set("addresses", std::move(addresses));
        sink_({"endpoint.started", std::move(fields), fmt::format("{} policies of generation {} are served on {}", snapshot->facts().sites, snapshot->facts().generation, joined(server_->addresses()))});
        return done();
    }

    void look() {
        look_at_snapshot();
        look_at_challenges();
    }
    void look_again() {
        watch_.look_again();
        challenges_watch_.look_again();
    }

    void stop() {
        const auto cut = server_->drain(kDrainMax);
        sink_({"endpoint.stopped", Json::object({{"cut", cut}}), fmt::format("every connection has ended; {} were cut", cut)});
    }

private:
    void look_at_snapshot() {
        auto found = watch_.look();
        if (!found) return;
        if (!found->ok()) return refuse(found->error());
        const auto snapshot = **found;
        // C-28: what is served from now on is known before anybody can have seen it.
        if (auto raised = served_->raise(snapshot->facts().generation); !raised) return refuse(raised.error());
        if (auto published = server_->publish(snapshot); !published) return refuse(published.error());
        sink_({"snapshot.taken", facts_of(*snapshot), fmt::format("{} policies of generation {} are served now", snapshot->facts().sites, snapshot->facts().generation)});
    }
    // Null: none, or none that can be used.
    std::shared_ptr<const server::Challenges> challenges_at_hand() {
        auto found = challenges_watch_.look();
        if (!found) return nullptr;
        if (found->ok()) {
            sink_(challenges_taken(***found));
            return **found;
        }
        sink_({"challenges.refused", Json::object({{"error", found->error().to_string()}}), found->error().to_string() + "; the challenges that were there before are answered on"});
        return nullptr;
    }
    void look_at_challenges() {
        if (auto challenges = challenges_at_hand()) server_->publish(std::move(challenges));
    }

    void refuse(const Error& error) {
        sink_({"snapshot.refused", Json::object({{"error", error.to_string()}}), fmt::format("{}; generation {} is served on", error.to_string(), server_->generation())});
    }

    Environment& environment_;
    LogLines log_;
    server::EventSink sink_;
    server::SnapshotWatch watch_;
    server::ChallengesWatch challenges_watch_;
    std::optional<server::ServedGeneration> served_; // from start() on
    std::unique_ptr<server::Server> server_;
};

} // namespace

int run_serve_command(Environment& environment, const Arguments& arguments) {
    if (auto hardened = harden_process(); !hardened) return fail(environment, hardened.error());
    HeldSignals signals({SIGTERM, SIGINT, SIGHUP}); // before the threads, which inherit the mask
    Serving serving(environment, arguments);
    if (auto started = serving.start(arguments); !started) return fail(environment, started.error());
    notify(environment.notify_socket, "READY=1");
    for (;;) {
        const auto signal = signals.wait(kLookEvery);
        if (signal == SIGHUP) serving.look_again();
        if (signal && signal != SIGHUP) break;
        serving.look();
    }
    notify(environment.notify_socket, "STOPPING=1");
    serving.stop();
    return kExitDone;
}

} // namespace mxseal::cli
