#include "agent/runtime/site_room.hpp"

#include "agent/domains/snapshot_job.hpp"
#include "agent/observe/policy_fetcher.hpp"
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

namespace {

std::optional<HostReadiness> readiness_of(Runtime& runtime, const std::string& host) {
    auto soundness = runtime.soundness_of(host);
    if (!soundness) return std::nullopt;
    return HostReadiness{soundness->published && soundness->sound, soundness->trouble};
}

// E-24: a name without an address costs its CA, and our account there, a failed order each time. By dns-01 it would get one all the same.
Status reachable(const Config& config, RealWorld& world, const dns::Name& domain, const std::string& authority) {
    auto acme = config.acme.find(authority);
    if (acme == config.acme.end() || acme->second.challenge == "dns-01") return done();
    auto addresses = endpoint_addresses(world.observer(), domain);
    if (!addresses.ok()) return std::move(addresses).error().in_context(fmt::format("mta-sts.{} leads nowhere; its owner sets a CNAME to this endpoint", domain.text()));
    return done();
}

} // namespace

Result<std::unique_ptr<SiteShift>> SiteShift::begin(const Config& config, Clock& clock, Store& store, FencingToken token, ControlThread& loop, RealWorld& world, Runtime& runtime, SiteRoom& room,
                                                    const AgentHooks& hooks) {
    std::unique_ptr<SiteShift> shift(new SiteShift(loop, runtime));
    const EndpointConfig& endpoint = *config.endpoint;
    shift->fetches_ = make_curl_transport({endpoint.probe_ca_file ? endpoint.probe_ca_file->string() : "", kUserAgent});
    auto mx_hosts = MxHostProbe::create(clock, world.observer(), {endpoint.probe_ca_file, endpoint.allow_private, 25, {}});
    if (!mx_hosts.ok()) return std::move(mx_hosts).error();
    shift->mx_hosts_ = std::move(*mx_hosts);
    std::vector<std::string> authorities;
    for (const auto& [name, acme] : config.acme) authorities.push_back(name);

    auto kept = std::make_shared<std::weak_ptr<MailDomains>>(); // written before any worker can run
    const auto post = [&loop, kept](auto arrival) {
        loop.post([kept = *kept, arrival = std::make_shared<decltype(arrival)>(std::move(arrival))](Runtime&) {
            if (auto domains = kept.lock()) domains->arrived(std::move(*arrival));
        });
    };
    SitePorts sites{store, room.keys(), clock, room.journal(), [&world](const std::string& name) { return world.authority(name); }, room.endpoint(), endpoint.snapshot,
                    [&config, &world](const dns::Name& domain, const std::string& authority) { return reachable(config, world, domain, authority); }};
    shift->site_workers_ = std::make_unique<SiteWorkers>(std::move(sites), authorities, [post](SiteArrival arrival) { post(std::move(arrival)); });
    PolicyPorts policies{config, store, clock, world.observer(), world.policy_observer(), *shift->fetches_, *shift->mx_hosts_, [&world](const dns::Name& name) { return world.zone_access(name); },
                         endpoint.allow_private};
    shift->policy_workers_ = std::make_unique<PolicyWorkers>(std::move(policies), [post](PolicyArrival arrival) { post(std::move(arrival)); });

    MailDomains::Neighbours neighbours;
    neighbours.mx = [&runtime](const std::string& hosts) { runtime.know_mx(hosts); };
    neighbours.readiness = [&runtime](const std::string& host) { return readiness_of(runtime, host); };
    neighbours.log = hooks.logged;
    shift->domains_ = std::make_shared<MailDomains>(config, clock, store, token, *shift->site_workers_, *shift->policy_workers_, std::move(neighbours));
    *kept = shift->domains_;
    if (auto started = shift->domains_->start(); !started.ok()) return std::move(started).error();
    runtime.on_domain_request([&domains = *shift->domains_](const Json& body) { return domains.request(body); });
    loop.set_guest(shift->domains_.get());
    return shift;
}

SiteShift::~SiteShift() {
    loop_.set_guest(nullptr);
    runtime_.on_domain_request({});
    policy_workers_.reset(); // before the keepers that they answer to
    site_workers_.reset();
}

} // namespace mxseal::agent
