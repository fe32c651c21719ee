#include "agent/domains/site_endpoint.hpp"

#include "mta-sts-server/challenges_file.hpp"
#include "mta-sts-server/server.hpp"
#include "mta-sts-server/snapshot.hpp"

#include <algorithm>
#include <thread>

#include <fmt/format.h>

namespace mxseal::agent {

namespace {

// Longer than the 30 s that any connection may last (G-08).
constexpr Duration kDrainMax = std::chrono::seconds(35);
constexpr Duration kServeLooks = std::chrono::milliseconds(2500);

std::string joined(const std::vector<std::string>& words) {
    std::string out;
    for (const auto& word : words) out += (out.empty() ? "" : ", ") + word;
    return out;
}

} // namespace

SiteEndpoint::SiteEndpoint(Options options) : options_(std::move(options)), challenges_([this](std::shared_ptr<const server::Challenges> all) { return show(std::move(all)); }, [this] { return until_seen(); }) {}

SiteEndpoint::~SiteEndpoint() = default;

Result<std::unique_ptr<SiteEndpoint>> SiteEndpoint::start(Options options) {
    std::unique_ptr<SiteEndpoint> endpoint(new SiteEndpoint(std::move(options)));
    // Of an order that a crash cut off: it is published again when it goes on.
    if (auto cleared = server::write_challenges(server::challenges_file_of(endpoint->options_.snapshot), {}); !cleared.ok()) return std::move(cleared).error();
    if (endpoint->options_.listeners.empty()) return endpoint;
    auto snapshot = server::Snapshot::open(endpoint->options_.snapshot);
    if (!snapshot.ok()) return std::move(snapshot).error();
    const auto facts = (*snapshot)->facts();
    const auto threads = std::max<std::size_t>(1, std::thread::hardware_concurrency());
    auto server = server::Server::start({std::move(endpoint->options_.listeners), {}, threads, endpoint->options_.clock, endpoint->options_.log, nullptr}, *snapshot);
    if (!server.ok()) return std::move(server).error();
    endpoint->server_ = std::move(*server);
    Json addresses = Json::array();
    for (const auto& address : endpoint->addresses()) addresses.push(address);
    endpoint->options_.log({"endpoint.started", Json::object({{"generation", facts.generation}, {"sites", facts.sites}, {"addresses", std::move(addresses)}}),
                            fmt::format("{} policies of generation {} are served on {}", facts.sites, facts.generation, joined(endpoint->addresses()))});
    return endpoint;
}

std::vector<std::string> SiteEndpoint::addresses() const { return server_ ? server_->addresses() : std::vector<std::string>(); }

Status SiteEndpoint::take_snapshot() {
    if (!server_) return done();
    auto snapshot = server::Snapshot::open(options_.snapshot);
    if (!snapshot.ok()) return std::move(snapshot).error();
    return server_->publish(std::move(*snapshot));
}

// `mxseal serve` looks for a new file each second.
Duration SiteEndpoint::taken_within() const { return server_ ? Duration{0} : kServeLooks; }

Status SiteEndpoint::show(std::shared_ptr<const server::Challenges> challenges) {
    if (server_) server_->publish(challenges);
    auto written = server::write_challenges(server::challenges_file_of(options_.snapshot), *challenges);
    // Whoever asks the embedded one is answered all the same.
    return server_ ? done() : written;
}

Status SiteEndpoint::until_seen() {
    if (server_ || sleeper_.sleep(kServeLooks)) return done();
    return Error(ErrorCode::transient, "the program ends; the order is resumed at the next start", Retry::transient());
}

std::size_t SiteEndpoint::drain() {
    if (!server_) return 0;
    const std::size_t cut = server_->drain(kDrainMax);
    options_.log({"endpoint.stopped", Json::object({{"cut", cut}}), fmt::format("every connection has ended; {} were cut", cut)});
    return cut;
}

} // namespace mxseal::agent
