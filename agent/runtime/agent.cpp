// The running agent, one `apply`, and a desk for when neither runs (main_entry.hpp).
#include "agent/hooks/handover.hpp"
#include "agent/runtime/control_thread.hpp"
#include "agent/runtime/main_entry.hpp"
#include "agent/runtime/pair_taker.hpp"
#include "agent/runtime/real_world.hpp"
#include "agent/runtime/sealing_keys.hpp"
#include "agent/runtime/site_room.hpp"
#include "agent/runtime/workers.hpp"
#include "agent/store/sqlite_store.hpp"

#include <unistd.h>

#include <fmt/format.h>

namespace mxseal::agent {

namespace {

// How long a stop or a reload waits for actions under way; what is not back by then is looked up in the world at the next start.
constexpr Duration kDrainMax = std::chrono::seconds(10);

// One configuration's worth of agent: made anew at each reload, on the same store and lease.
struct Shift {
    std::unique_ptr<RealWorld> world;
    std::unique_ptr<Workers> workers;
    std::unique_ptr<Runtime> runtime;
    std::unique_ptr<PairTaker> pairs;
    std::unique_ptr<SiteShift> sites; // null: no endpoint
};

Runtime::HandsOver handover_of(const Config& config, const KeyVault& vault) {
    return [&config, &vault](const std::string& name, const std::vector<rotation::SpkiHash>& keys) -> Result<std::string> {
        const HostConfig& host = config.hosts.at(*dns::Name::parse(name));
        if (host.certificate != "external" || host.external.keys != KeyMaker::mxseal)
            return Error(ErrorCode::refused, fmt::format("the keys of {} are not mxseal's to hand over; set `certificate: external` and `external: {{keys: mxseal}}`", name));
        auto folder = hand_over(config.state, host, keys, vault);
        if (!folder.ok()) return std::move(folder).error();
        return folder->string();
    };
}

// Without a `room` no policy is served.
Result<std::unique_ptr<Shift>> begin_shift(const Config& config, Clock& clock, Store& store, FencingToken token, ControlThread& loop, const AgentHooks& hooks, SiteRoom* room) {
    auto world = RealWorld::create(config, store, clock, room != nullptr ? &room->endpoint().challenges() : nullptr);
    if (!world.ok()) return std::move(world).error();
    auto shift = std::make_unique<Shift>();
    shift->world = std::move(*world);
    shift->workers = std::make_unique<Workers>(*shift->world, [&loop](Arrival arrival) { loop.post(std::move(arrival)); });
    shift->runtime = std::make_unique<Runtime>(config, clock, store, token, *shift->workers);
    shift->runtime->on_log(hooks.logged);
    shift->pairs = std::make_unique<PairTaker>(config, shift->world->vault(), clock, *shift->runtime);
    shift->runtime->on_pairs([taker = shift->pairs.get()] { return taker->take(); });
    shift->runtime->on_handover(handover_of(config, shift->world->vault()));
    if (auto started = shift->runtime->start(); !started.ok()) return std::move(started).error();
    if (room == nullptr) return shift;
    auto sites = SiteShift::begin(config, clock, store, token, loop, *shift->world, *shift->runtime, *room, hooks);
    if (!sites.ok()) return std::move(sites).error();
    shift->sites = std::move(*sites);
    return shift;
}

// The endpoint serves before anything else is begun, and goes on over reloads.
Status open_room(std::unique_ptr<SiteRoom>& room, const Config& config, const Clock& clock, Store& store, FencingToken token, const AgentHooks& hooks) {
    if (room || !config.endpoint) return done();
    auto opened = SiteRoom::open(config, clock, store, token, hooks);
    if (!opened.ok()) return std::move(opened).error().in_context("the endpoint");
    room = std::move(*opened);
    return done();
}

// What is still under way when an agent ends is looked up in the world at the next start.
std::size_t actions_under_way(const Shift& shift) { return shift.runtime->under_way() + (shift.sites ? shift.sites->domains().under_way() : 0); }

void end_shift(Shift& shift, ControlThread& loop, const Clock& clock, SiteRoom* room) {
    shift.world->stop();
    if (room != nullptr) room->endpoint().stop();
    loop.drain(*shift.runtime, clock, kDrainMax);
    if (shift.sites) shift.sites->domains().store_arrived();
    if (room != nullptr) room->endpoint().drain();
}

std::string counted_hosts(const Config& config) { return fmt::format("{} {}", config.hosts.size(), config.hosts.size() == 1 ? "host" : "hosts"); }

void tell(const AgentHooks& hooks, const Clock& clock, const char* event, std::string sentence) {
    if (hooks.logged) hooks.logged({0, clock.wall(), "", event, Json::object(), std::move(sentence)});
}

void store_line(Store& store, FencingToken token, const AgentHooks& hooks, const Clock& clock, const char* event, std::string sentence) {
    Commit commit;
    commit.log.push_back({0, clock.wall(), "", event, Json::object({{"pid", static_cast<std::int64_t>(getpid())}}), sentence});
    if (auto stored = store.commit(token, commit); !stored.ok()) sentence += " (not stored: " + stored.error().to_string() + ")";
    tell(hooks, clock, event, std::move(sentence));
}

// A good configuration takes over; a bad one is refused and the old one stays.
std::unique_ptr<Config> reread(const Config& old, const AgentHooks& hooks, const Clock& clock) {
    auto loaded = load_config(old.file);
    if (auto* mistakes = std::get_if<ConfigMistakes>(&loaded)) {
        for (const std::string& line : mistakes->lines) tell(hooks, clock, "config.refused", line);
        tell(hooks, clock, "config.refused", "the configuration has mistakes: the old one stays in force");
        return nullptr;
    }
    auto config = std::make_unique<Config>(std::move(std::get<Config>(loaded)));
    if (config->state != old.state) {
        tell(hooks, clock, "config.refused", "`state` cannot change while the agent runs: the old configuration stays in force; restart the agent");
        return nullptr;
    }
    if (auto why = why_restart(old, *config); !why.empty()) {
        tell(hooks, clock, "config.refused", why + ": the old configuration stays in force; restart the agent");
        return nullptr;
    }
    return config;
}

struct Opened {
    std::unique_ptr<Store> store;
    FencingToken token;
};

Result<Opened> open_with_lease(const Config& config, const char* command) {
    auto store = make_sqlite_store(config.state);
    if (!store.ok()) return std::move(store).error();
    auto token = (*store)->acquire_lease(fmt::format("{} pid {}", command, getpid()));
    if (!token.ok()) return std::move(token).error();
    return Opened{std::move(*store), *token};
}

} // namespace

Status run_agent(const Config& first_config, Signals& signals, AgentHooks hooks) {
    SystemClock clock;
    auto opened = open_with_lease(first_config, "agent");
    if (!opened.ok()) return std::move(opened).error();
    Store& store = *opened->store;
    ControlThread loop;
    LoopDesk desk(loop, store);

    auto config = std::make_unique<Config>(first_config);
    std::unique_ptr<SiteRoom> room;
    if (auto served = open_room(room, *config, clock, store, opened->token, hooks); !served.ok()) return served;
    auto shift = begin_shift(*config, clock, store, opened->token, loop, hooks, room.get());
    if (!shift.ok()) return std::move(shift).error();
    std::shared_ptr<void> guest;
    if (hooks.started) {
        auto started = hooks.started(desk);
        if (!started.ok()) return std::move(started).error();
        guest = std::move(*started);
    }
    store_line(store, opened->token, hooks, clock, "agent.started", fmt::format("the agent runs, {}", counted_hosts(*config)));
    while (!signals.stop) {
        loop.run(*(*shift)->runtime, clock, [&] { return signals.stop || signals.reload; });
        if (signals.stop || !signals.reload.exchange(false)) continue;
        auto next_config = reread(*config, hooks, clock);
        if (!next_config) continue;
        (*shift)->world->stop();
        loop.drain(*(*shift)->runtime, clock, kDrainMax, [&] { return signals.stop.load(); });
        if (signals.stop) break;
        if ((*shift)->sites) (*shift)->sites->domains().store_arrived();
        shift = Error(ErrorCode::internal, "between two configurations");
        config = std::move(next_config);
        if (auto served = open_room(room, *config, clock, store, opened->token, hooks); !served.ok()) tell(hooks, clock, "endpoint.failed", served.error().to_string());
        shift = begin_shift(*config, clock, store, opened->token, loop, hooks, room.get());
        if (!shift.ok()) break;
        store_line(store, opened->token, hooks, clock, "config.reloaded", fmt::format("the configuration was read again, {}", counted_hosts(*config)));
    }
    loop.close();
    guest.reset();
    if (!shift.ok()) return std::move(shift).error();
    end_shift(**shift, loop, clock, room.get());
    store_line(store, opened->token, hooks, clock, "agent.stopped", "the agent stops; nothing is lost by that");
    // A handshake with a silent server may take minutes yet. The next start looks at the world before it acts, so nobody waits.
    if (actions_under_way(**shift) > 0 && hooks.leave) hooks.leave();
    return done();
}

Result<ApplySummary> run_apply(const Config& config, Signals& signals, AgentHooks hooks) {
    SystemClock clock;
    auto opened = open_with_lease(config, "apply");
    if (!opened.ok()) return std::move(opened).error();
    ControlThread loop;
    LoopDesk desk(loop, *opened->store);
    auto shift = begin_shift(config, clock, *opened->store, opened->token, loop, hooks, nullptr); // policies are the agent's work
    if (!shift.ok()) return std::move(shift).error();
    std::shared_ptr<void> guest;
    if (hooks.started) {
        auto started = hooks.started(desk);
        if (!started.ok()) return std::move(started).error();
        guest = std::move(*started);
    }
    Runtime& runtime = *(*shift)->runtime;
    // The rounds of an observation are observe_every apart: a wake within two of them is part of what is being done now.
    const Duration horizon = config.timing.observe_every * 2;
    // Where looks take as long as the time between them, some host is in its rounds at any time: the next `apply` goes on there. Our
    // choice: three times what a change takes to be complete everywhere.
    const Duration end = clock.boot_time().since_boot + (config.timing.observe_every * 3 + config.timing.anycast_margin) * 3;
    loop.run(runtime, clock, [&] { return signals.stop || !runtime.in_rounds(horizon) || clock.boot_time().since_boot >= end; });
    loop.close();
    guest.reset();
    (*shift)->world->stop();
    loop.drain(runtime, clock, kDrainMax);
    ApplySummary summary;
    summary.failed = runtime.hosts_in_trouble();
    if (auto planned = runtime.plan({}); planned.ok()) summary.plan = std::move(*planned);
    return summary;
}

namespace {

// An Outside that is never started: a desk only stores what was asked.
struct Nowhere final : Outside {
    void start(const std::string&, const rotation::tlsa::Action&) override {}
    void observe_mx(const dns::Name&) override {}
};
struct NoSites final : SiteOutside {
    void order(const std::string&, const std::string&) override {}
    void write_snapshot(std::uint64_t) override {}
};
struct NoPolicies final : PolicyOutside {
    void observe(const std::string&) override {}
    void fetch(const std::string&, bool, const std::vector<std::string>&) override {}
    void write(const std::string&, dns::Type, const rotation::mta_sts::Values&, const rotation::mta_sts::Values&, Ttl) override {}
    void observe_record(const std::string&) override {}
    void write_record(const std::string&, const rotation::mta_sts::Values&, const rotation::mta_sts::Values&, Ttl) override {}
    void look_at_mx_host(const std::string&) override {}
    void keep_report_record(const std::string&, const std::vector<std::string>&) override {}
    void look_at_former(const std::string&) override {}
};

class StoreDesk final : public Desk {
public:
    StoreDesk(const Config& config, std::unique_ptr<Store> store) : config_(config), store_(std::move(store)) {}

    Result<Json> status() override {
        return with_domains([&](Runtime& runtime, MailDomains* domains) -> Result<Json> {
            Json status = runtime.status();
            if (domains != nullptr) domains->add_to(status);
            status.set("agent", Json::object({{"running", false}}));
            return status;
        });
    }
    Result<Json> plan(const std::vector<std::string>& hosts) override {
        return with_domains([&](Runtime& runtime, MailDomains* domains) {
            auto plan = runtime.plan(hosts);
            if (plan.ok() && domains != nullptr && hosts.empty()) domains->add_plans(*plan);
            return plan;
        });
    }
    Result<Json> log(const LogFilter& filter) override {
        auto entries = store_->read_log(filter);
        if (!entries.ok()) return std::move(entries).error();
        return log_to_json(*entries);
    }
    // The host's own state takes the request when nobody else is at work; otherwise it waits in the store.
    Result<Json> request(const Json& body) override {
        auto token = store_->acquire_lease(fmt::format("request pid {}", getpid()));
        if (token.ok()) {
            token_ = *token;
            return with_domains([&](Runtime& runtime, MailDomains*) { return runtime.request(body); });
        }
        if (token.error().code() != ErrorCode::busy) return std::move(token).error();
        SystemClock clock;
        auto left = store_->add_request(clock.wall(), body);
        if (!left.ok()) return std::move(left).error();
        Json replies = Json::array();
        for (const Json& host : body["hosts"].items())
            replies.push(Json::object({{"host", host}, {"text", "stored; taken up by the mxseal at work: " + token.error().message()}, {"refused", false}}));
        return Json::object({{"replies", std::move(replies)}, {"plan", Json::object({{"hosts", Json::array()}})}});
    }

private:
    // `call` gets null in place of the domains where there is no endpoint.
    template <class Call>
    Result<Json> with_domains(Call call) {
        SystemClock clock;
        Nowhere nowhere;
        NoSites no_sites;
        NoPolicies no_policies;
        Runtime runtime(config_, clock, *store_, token_, nowhere);
        if (auto started = runtime.start(); !started.ok()) return std::move(started).error();
        // A hook may run where the sealing key is not (a credential of the service): none is made then.
        auto sealer = find_sealing_key(config_, "mx-sealing.key");
        std::optional<KeyVault> vault;
        std::optional<PairTaker> pairs;
        if (sealer.ok() && *sealer) {
            vault.emplace(*store_, **sealer);
            pairs.emplace(config_, *vault, clock, runtime);
            runtime.on_pairs([&] { return pairs->take(); });
            runtime.on_handover(handover_of(config_, *vault));
        }
        if (!config_.endpoint) return call(runtime, static_cast<MailDomains*>(nullptr));
        MailDomains domains(config_, clock, *store_, token_, no_sites, no_policies, {});
        if (auto started = domains.start(); !started.ok()) return std::move(started).error();
        runtime.on_domain_request([&](const Json& body) { return domains.request(body); });
        return call(runtime, &domains);
    }

    const Config config_;
    std::unique_ptr<Store> store_;
    FencingToken token_{};
};

} // namespace

Result<std::unique_ptr<Desk>> open_desk(const Config& config) {
    auto store = make_sqlite_store(config.state);
    if (!store.ok()) return std::move(store).error();
    return std::unique_ptr<Desk>(std::make_unique<StoreDesk>(config, std::move(*store)));
}

} // namespace mxseal::agent
