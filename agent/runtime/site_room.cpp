#include "agent/runtime/site_room.hpp"

#include "agent/domains/snapshot_job.hpp"
#include "agent/runtime/sealing_keys.hpp"
#include "mta-sts-server/snapshot.hpp"

#include <algorithm>

#include <fmt/format.h>

namespace mxseal::agent {

namespace {

constexpr const char* kUserAgent = "mxseal/0.1 (+https://github.com/mxseal/mxseal)";

Result<std::uint64_t> stored_generation(Store& store) {
    auto fact = store.get_document("agent", "snapshot");
    if (!fact.ok()) return std::move(fact).error();
    return *fact ? static_cast<std::uint64_t>((**fact)["generation"].as_integer().value_or(0)) : std::uint64_t{0};
}

Status store_generation(Store& store, FencingToken token, std::uint64_t generation) {
    Commit commit;
    commit.facts.emplace_back("snapshot", Json::object({{"generation", generation}}));
    return store.commit(token, commit);
}

// A good snapshot is in place afterwards, and no later one has its number or a lower one: a store that was restored from a backup may
// know a lower number than the file.
Status make_sure_of_snapshot(const std::filesystem::path& file, Store& store, FencingToken token, const SiteKeys& keys, const Clock& clock) {
    auto generation = stored_generation(store);
    if (!generation.ok()) return std::move(generation).error();
    auto there = server::Snapshot::open(file);
    if (there.ok()) return (*there)->facts().generation > *generation ? store_generation(store, token, (*there)->facts().generation) : done();
    if (auto stored = store_generation(store, token, *generation + 1); !stored.ok()) return stored;
    auto written = write_snapshot(store, keys, clock, file, *generation + 1);
    return written.ok() ? done() : Status(std::move(written).error());
}

Status open_into(std::vector<server::Listener>& listeners, const std::vector<std::string>& addresses, server::Door door) {
    for (const auto& address : addresses) {
        auto listener = server::listen_on(address, door);
        if (!listener.ok()) return std::move(listener).error();
        listeners.push_back(std::move(*listener));
    }
    return done();
}

// Sockets of systemd stand in place of those that the file names.
Result<std::vector<server::Listener>> listeners_of(const EndpointConfig& endpoint, const AgentHooks& hooks) {
    auto listeners = server::take_over_listeners(hooks.inherited_sockets, hooks.inherited_names);
    if (!listeners.ok() || !listeners->empty()) return listeners;
    if (auto opened = open_into(*listeners, endpoint.listen, server::Door::https); !opened.ok()) return std::move(opened).error();
    if (auto opened = open_into(*listeners, endpoint.listen_http, server::Door::http); !opened.ok()) return std::move(opened).error();
    return listeners;
}

} // namespace

Result<std::unique_ptr<SiteRoom>> SiteRoom::open(const Config& config, const Clock& clock, Store& store, FencingToken token, const AgentHooks& hooks) {
    auto sealer = open_sealing_key(config, "endpoint-sealing.key");
    if (!sealer.ok()) return std::move(sealer).error();
    std::unique_ptr<SiteRoom> room(new SiteRoom(std::move(*sealer), store));
    if (auto sure = make_sure_of_snapshot(config.endpoint->snapshot, store, token, room->keys_, clock); !sure.ok()) return std::move(sure).error();
    auto listeners = listeners_of(*config.endpoint, hooks);
    if (!listeners.ok()) return std::move(listeners).error();
    server::EventSink log = [&clock, logged = hooks.logged](const server::Event& event) {
        if (logged) logged({0, clock.wall(), "", event.event, event.fields, event.sentence});
    };
    auto endpoint = SiteEndpoint::start({config.endpoint->snapshot, std::move(*listeners), clock, std::move(log)});
    if (!endpoint.ok()) return std::move(endpoint).error();
    room->endpoint_ = std::move(*endpoint);
    return room;
}

std::string why_restart(const Config& old, const Config& next) {
    if (!old.endpoint) return {};
    if (!next.endpoint) return "`endpoint` cannot go while the agent runs";
    if (old.endpoint->listen != next.endpoint->listen || old.endpoint->listen_http != next.endpoint->listen_http || old.endpoint->snapshot != next.endpoint->snapshot)
        return "`endpoint.listen`, `endpoint.listen_http` and `endpoint.snapshot` cannot change while the agent runs";
    return {};
}

Result<std::unique_ptr<SiteShift>> SiteShift::begin(const Config& config, const Clock& clock, Store& store, FencingToken token, ControlThread& loop, RealWorld& world, Runtime& runtime, SiteRoom& room,
                                                    const AgentHooks& hooks) {
    std::unique_ptr<SiteShift> shift(new SiteShift(loop));
    shift->fetches_ = make_curl_transport({config.endpoint->probe_ca_file ? config.endpoint->probe_ca_file->string() : "", kUserAgent});
    std::vector<std::string> authorities;
    for (const auto& [name, acme] : config.acme) authorities.push_back(name);
    auto kept = std::make_shared<std::weak_ptr<SiteKeeper>>(); // written before any worker can run
    shift->workers_ = std::make_unique<SiteWorkers>(SitePorts{store, room.keys(), clock, world.observer(), *shift->fetches_, room.journal(),
                                                              [&world](const std::string& name) { return world.authority(name); }, room.endpoint(), config.endpoint->snapshot,
                                                              config.endpoint->allow_private},
                                                    authorities, [&loop, kept](SiteArrival arrival) {
                                                        loop.post([kept = *kept, arrival = std::make_shared<SiteArrival>(std::move(arrival))](Runtime&) {
                                                            if (auto keeper = kept.lock()) keeper->arrived(std::move(*arrival));
                                                        });
                                                    });
    shift->keeper_ = std::make_shared<SiteKeeper>(config, clock, store, token, *shift->workers_);
    *kept = shift->keeper_;
    shift->keeper_->on_log(hooks.logged);
    shift->keeper_->on_mx([&runtime](const std::string& mx_hosts) { runtime.know_mx(mx_hosts); });
    if (auto started = shift->keeper_->start(); !started.ok()) return std::move(started).error();
    loop.set_guest(shift->keeper_.get());
    return shift;
}

SiteShift::~SiteShift() {
    loop_.set_guest(nullptr);
    workers_.reset(); // before the keeper that they answer to
}

} // namespace mxseal::agent
