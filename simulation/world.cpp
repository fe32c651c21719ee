// The queue and the life of the agent.
#include "simulation/world.hpp"

#include "agent/store/sqlite_store.hpp"

#include <algorithm>
#include <stdexcept>

#include <fmt/format.h>
#include <unistd.h>

namespace mxseal::simulation {

using namespace rotation;
using namespace rotation::tlsa;

namespace {

constexpr Duration kRestart = std::chrono::seconds(2);
constexpr std::size_t kVersionsKept = 6;

std::filesystem::path folder_for(std::uint64_t seed) {
    std::string pattern = (std::filesystem::temp_directory_path() / fmt::format("mxseal-world-{}-XXXXXX", seed)).string();
    if (::mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("no folder for the simulated store can be made: " + pattern);
    return pattern;
}

} // namespace

World::World(Setting setting, Options options)
    : setting_(std::move(setting)), options_(std::move(options)), fate_(options_.seed, options_.faults, options_.only) {
    began_ = now();
    const agent::Config& config = setting_.config;
    for (const CacheHabits& habits : setting_.caches) caches_.push_back({habits, std::vector<std::optional<CacheEntry>>(config.hosts.size())});
    for (const auto& [name, host] : config.hosts) {
        const std::size_t number = hosts_.size();
        index_[name.text()] = number;
        MailHost& model = hosts_.emplace_back();
        model.name = name.text();
        model.zone = make_zone(host.zone);
        memory_.emplace_back();
        owners_.emplace_back(setting_.servers, config.timing.resolver_min_ttl);
        std::vector<dns::TlsaRecord> records;
        for (Algorithm algorithm : host.keys) {
            model.file.push_back(new_key(algorithm));
            own_keys_.insert(model.file.back());
            model.certificates[model.file.back()] = chain_of(model.file.back(), 0);
            records.push_back(record_of(model.file.back()));
        }
        for (unsigned address = 0; address < setting_.addresses; ++address)
            model.backends.push_back({fmt::format("198.51.100.{}", 10 * (number + 1) + address), model.file, {}, {}, {}, {}});
        const dns::TlsaSet served(std::move(records));
        if (setting_.recently_published)
            owners_[number].remember(served, Ttl{std::chrono::duration_cast<std::chrono::seconds>(config.timing.unseen_ttl).count()}, now());
        for (std::size_t server = 0; setting_.published_before && server < setting_.servers; ++server)
            owners_[number].set(server, {served, host.tlsa_ttl}, Hand::ours, now());
    }
    if (options_.sqlite) folder_ = folder_for(options_.seed);
    for (const MailHost& host : hosts_) clients_keys_.push_back(host.file);
    for (std::size_t host = 0; host < hosts_.size(); ++host)
        if (is_clients(host)) await_client(host);
    for (const FaultFacts& each : all_faults())
        if (each.by_the_clock) expect(each.fault);
    database_->on_write([this](std::string_view) {
        auto strike = fate_.draw(Fault::store_fails, now());
        if (!strike) return agent::WriteFate::carried_out;
        disturb_all();
        if (fate_.measure(*strike, 0) < 0.5) return agent::WriteFate::fails;
        unheard_ = true;
        return agent::WriteFate::written_but_fails;
    });
    if (setting_.mail_every > Duration{0}) after(setting_.mail_every, [this] { send_mail(); });
    start_agent();
}

std::size_t World::make_zone(const dns::Name& name) {
    const auto found = std::find_if(zones_.begin(), zones_.end(), [&](const ZoneState& each) { return each.name == name; });
    if (found != zones_.end()) return static_cast<std::size_t>(found - zones_.begin());
    const std::size_t zone = zones_.size();
    zones_.push_back({name, {}, std::nullopt, {}});
    for (unsigned number = 1; number <= setting_.servers; ++number)
        zones_.back().servers.push_back({fmt::format("ns{}.{}", number, name.text()), fmt::format("192.0.{}.{}", 2 + zone, number), {}, {}, {}, {}, std::vector<Instant>(setting_.config.hosts.size())});
    return zone;
}

World::~World() {
    runtime_.reset();
    store_.reset();
    std::error_code ignored;
    if (!folder_.empty()) std::filesystem::remove_all(folder_, ignored);
}

void World::at(Instant when, std::function<void()> what) { happenings_.push({when, number_++, std::move(what)}); }

std::size_t World::index_of(const std::string& host) const { return index_.at(host); }

agent::Store& World::store() {
    if (!store_) open_store();
    return *store_;
}

void World::open_store() {
    if (!options_.sqlite) {
        store_ = agent::make_memory_store(database_);
        return;
    }
    auto opened = agent::make_sqlite_store(folder_);
    if (!opened.ok()) throw std::runtime_error("the simulated store cannot be opened: " + opened.error().to_string());
    store_ = std::move(*opened);
}

void World::start_agent() {
    if (runtime_) return;
    open_store();
    const std::size_t strikes = fate_.struck().size();
    auto token = store_->acquire_lease("simulated");
    Status started = done();
    if (token.ok()) {
        runtime_ = std::make_unique<agent::Runtime>(setting_.config, clock_, *store_, *token, *this);
        runtime_->on_log([this](const agent::LogEntry& entry) { heard(entry); });
        runtime_->on_pairs([this] { return take_pairs(); });
        lives_since_ = now();
        started = runtime_->start();
    }
    judge_.checked(Check::starts);
    if (token.ok() && started.ok()) return;
    if (fate_.struck().size() == strikes)
        judge_.violated(Check::starts, "", now(), "the agent does not start: " + (token.ok() ? started.error() : token.error()).to_string());
    // A store that fails now is tried again, as the service manager would.
    stop_agent(false);
    after(std::chrono::seconds(30), [this] { start_agent(); });
}

void World::stop_agent(bool machine_dies) {
    ++life_;
    runtime_.reset();
    store_.reset();
    if (machine_dies && !options_.sqlite) {
        database_->crash();
        held_back_ = false;
    }
}

void World::kill_agent(const Strike& strike) {
    disturb_all();
    ++counters_.kills;
    stop_agent(strike.fault == Fault::store_forgets);
    const bool long_dead = fate_.measure(strike, 1) < 0.2;
    after(long_dead ? fate_.between(strike, 2, std::chrono::minutes(10), std::chrono::hours(12)) : kRestart, [this] { start_agent(); });
}

bool World::next_event(Instant end) {
    Instant next = end;
    bool due = false;
    const bool happening = !happenings_.empty() && happenings_.top().at <= end;
    if (happening) next = happenings_.top().at;
    if (runtime_)
        if (auto wake = runtime_->next_due()) {
            const Instant truly = clock_.true_at(*wake);
            if (truly <= end && (!happening || truly < next)) {
                next = truly;
                due = true;
            }
        }
    clock_.advance_to(next);
    if (!happening && !due) return false;
    ++counters_.events;
    told_.clear();
    const Instant begun = clock_.wall();
    if (due) {
        runtime_->tick();
    } else {
        auto what = std::move(const_cast<Happening&>(happenings_.top()).what);
        happenings_.pop();
        what();
    }
    if (std::exchange(unheard_, false)) hear_what_was_written(begun);
    if (dying_ && runtime_) kill_agent(*std::exchange(dying_, std::nullopt));
    dying_.reset();
    return true;
}

void World::run_until(Instant end) {
    while (judge_.clean() && next_event(end)) {}
}

bool World::tell_agent(std::size_t life, const std::string& host, Event event) {
    if (life != life_ || !runtime_) return false;
    if (auto strike = fate_.draw(Fault::killed, now())) {
        // Killed before it hears of it, or right after what it heard was stored.
        if (fate_.measure(*strike, 0) < 0.5) {
            kill_agent(*strike);
            return false;
        }
        dying_ = *strike;
    }
    runtime_->arrived(agent::HostArrival{host, std::move(event)});
    return runtime_->store_trouble().empty();
}

void World::start(const std::string& host, const Action& action) {
    const std::size_t number = index_of(host);
    // The intent is stored, the act is not done.
    if (!dying_) dying_ = fate_.draw(Fault::killed, now());
    if (dying_) return;
    if (std::holds_alternative<Observe>(action)) return observe(number);
    if (std::holds_alternative<Probe>(action)) return probe(number);
    if (const auto* write_tlsa = std::get_if<WriteTlsa>(&action)) return write(number, *write_tlsa);
    if (const auto* files = std::get_if<Deploy>(&action)) return deploy(number, *files);
    if (std::holds_alternative<ReadFile>(action)) return read_file(number);
    if (const auto* key = std::get_if<GenerateKey>(&action)) return generate(number, *key);
    if (const auto* certificate = std::get_if<ObtainCertificate>(&action)) return obtain(number, *certificate);
    if (const auto* renewal = std::get_if<AskRenewalInfo>(&action)) return tell_renewal_info(number, *renewal);
    validate_time(number);
}

void World::observe_mx(const dns::Name& domain) {
    after(latency(std::chrono::milliseconds(20), std::chrono::milliseconds(300)), [this, domain, life = life_] {
        if (life != life_ || !runtime_) return;
        agent::MxObservation seen;
        seen.domain = domain;
        seen.security = Security::secure;
        std::uint16_t preference = 10;
        for (const MailHost& host : hosts_) {
            seen.hosts.push_back({preference, *dns::Name::parse(host.name)});
            preference = static_cast<std::uint16_t>(preference + 10);
        }
        runtime_->arrived(seen);
    });
}

// What the agent writes into its log is held against the world.
void World::heard(const agent::LogEntry& entry) {
    if (on_log) on_log(entry);
    told_.push_back(entry.host + entry.sentence);
    auto found = index_.find(entry.host);
    if (found == index_.end()) return;
    const std::size_t host = found->second;
    HostMemory& memory = memory_[host];
    if (entry.event == "switch.started") {
        judge_switch(host, entry);
        memory.switching = true;
    }
    for (const char* over : {"switch.verified", "cleanup.started", "roll.finished", "roll.backed", "host.halted"})
        if (entry.event == over) memory.switching = false;
    if (entry.event == "switch.verified") strike_after_switch(host);
    if (entry.event == "standby.ready") judge_ready(host, entry);
    if (entry.event == "host.halted") call_operator(host);
    if (entry.event == "cleanup.started" && memory.back_at_cleanup)
        after(*std::exchange(memory.back_at_cleanup, std::nullopt), [this, name = entry.host] {
            ask(Json::object({{"command", "roll_back"}, {"hosts", Json(Json::Array{Json(name)})}, {"who", "operator"}}));
        });
    if (entry.event != "roll.finished") return;
    ++counters_.rolls;
    if (entry.fields["kind"].as_string() == "emergency") ++counters_.emergency_rolls;
    if (auto from = SpkiHash::from_hex(entry.fields["from"].as_string().value_or(""))) memory.retired.insert(*from);
}

// A commit that was made though it said it was not stands in the store's log; the agent told nobody, and goes on from its state.
void World::hear_what_was_written(Instant since) {
    constexpr std::size_t kNewest = 32; // more than one event writes
    auto entries = store().read_log({"", 0, kNewest});
    if (!entries.ok()) return;
    for (const agent::LogEntry& entry : *entries)
        if (entry.at >= since && std::find(told_.begin(), told_.end(), entry.host + entry.sentence) == told_.end()) heard(entry);
}

void World::set_primary(std::size_t host, Content content, Hand hand) {
    std::vector<Content>& versions = memory_[host].versions;
    versions.push_back(owners_[host].copy(0).content);
    if (versions.size() > kVersionsKept) versions.erase(versions.begin());
    owners_[host].set(0, std::move(content), hand, now());
    send_transfers(host);
}

void World::block_transfers(std::size_t zone, std::size_t server, Instant until) {
    ServerState& state = zones_[zone].servers[server];
    state.blocked_since = now();
    state.blocked_until = until;
    // RFC 1035 section 3.3.13: a secondary that cannot refresh answers nobody beyond EXPIRE.
    at(state.blocked_since + Duration{setting_.soa_expire}, [this, zone, server, since = state.blocked_since] {
        const ServerState& later = zones_[zone].servers[server];
        if (later.blocked_since != since || now() >= later.blocked_until) return;
        for (std::size_t each = 0; each < owners_.size(); ++each)
            if (hosts_[each].zone == zone) owners_[each].silence(server, now());
    });
    at(state.blocked_until, [this, zone, server] {
        for (std::size_t each = 0; each < owners_.size(); ++each)
            if (hosts_[each].zone == zone) transfer(server, each);
    });
}

void World::send_transfers(std::size_t host) {
    const std::size_t zone = hosts_[host].zone;
    for (std::size_t server = 1; server < zones_[zone].servers.size(); ++server) {
        ServerState& state = zones_[zone].servers[server];
        if (now() >= state.blocked_until)
            if (auto strike = fate_.draw(Fault::transfer_late, now())) {
                disturb_all();
                block_transfers(zone, server, now() + fate_.between(*strike, 0, std::chrono::minutes(5), fate_.measure(*strike, 1) < 0.2 ? Duration{std::chrono::hours(12)} : Duration{std::chrono::hours(1)}));
            }
        if (now() >= state.blocked_until)
            if (auto strike = fate_.draw(Fault::server_stuck_unseen, now())) {
                disturb_all();
                const Duration expire{setting_.soa_expire};
                block_transfers(zone, server, now() + fate_.between(*strike, 0, expire / 2, expire * 19 / 20));
                state.hidden_until = std::max(state.hidden_until, state.blocked_until);
                expire_fallen_of(zone, server);
            }
        const Duration lag = setting_.transfer_lag + latency(Duration{0}, setting_.transfer_lag);
        after(lag, [this, server, host] { transfer(server, host); });
    }
}

void World::transfer(std::size_t server, std::size_t host) {
    const ServerState& state = zone_of(host).servers[server];
    if (now() < state.blocked_until || now() < state.fallen_until[host]) return;
    const Copy& primary = owners_[host].copy(0);
    if (owners_[host].copy(server).content == primary.content && !owners_[host].copy(server).silent) return;
    before_change(host);
    owners_[host].set(server, primary.content, primary.hand, now());
}

} // namespace mxseal::simulation
