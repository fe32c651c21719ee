#include "tests/simulation/scripted_world.hpp"

#include "rotation/tlsa/match.hpp"

#include <algorithm>

#include <fmt/format.h>

namespace mxseal::scripted {

using namespace rotation;
using namespace rotation::tlsa;

namespace {

constexpr const char* kPrimary = "192.0.2.1";
constexpr const char* kSecondary = "192.0.2.2";
constexpr Duration kCachesAsk{400};

dns::Name name(const std::string& text) { return *dns::Name::parse(text); }

} // namespace

agent::Config small_config(const std::vector<std::string>& hosts) {
    using namespace std::chrono_literals;
    agent::Config config;
    config.timing.safety_margin = 2s;
    config.timing.resolver_min_ttl = 8s;
    config.timing.stale_margin = 4s;
    config.timing.emergency_stale_margin = 4s;
    config.timing.anycast_margin = 1s;
    config.timing.unseen_ttl = 5s;
    config.timing.stagger = 3s;
    config.timing.rollback_hold = 3s;
    config.timing.unreachable_grace = 10s;
    config.timing.observe_every = 1s;
    config.timing.monitor_every = 5s;
    agent::ZoneConfig zone;
    zone.name = name("example.org");
    zone.providers = {"memory"};
    config.zones.emplace(zone.name, zone);
    for (const std::string& each : hosts) {
        agent::HostConfig host;
        host.name = name(each);
        host.zone = zone.name;
        host.certificate = "pebble";
        host.rotate_every = 1000h;
        host.tlsa_ttl = Ttl{5};
        config.hosts.emplace(host.name, host);
    }
    config.domains.emplace(name("example.org"), agent::DomainConfig{name("example.org")});
    return config;
}

World::World(agent::Config config, std::vector<std::string> names, unsigned seed) : store(agent::make_memory_store(database)), config_(std::move(config)), random_(seed) {
    for (const std::string& each : names) {
        MxHostModel host;
        host.name = each;
        host.servers[kPrimary] = {kPrimary, {}, Ttl{0}};
        host.servers[kSecondary] = {kSecondary, {}, Ttl{0}};
        host.file = host.serving = {make_key()};
        hosts.emplace(each, host);
    }
    using namespace std::chrono_literals;
    caches = {{"plain", 0s, 0s, {}}, {"min-ttl", 8s, 0s, {}}, {"stale", 0s, 4s, {}}, {"floor-and-stale", 8s, 4s, {}}};
    at(clock.true_now(), [this] { ask_caches(); });
}

World::~World() = default;

SpkiHash World::make_key() {
    SpkiHash key;
    for (auto& octet : key.digest) octet = static_cast<std::uint8_t>(random_());
    return key;
}

Chain World::chain_of(const SpkiHash& key, int serial) {
    Chain chain;
    chain.key = key;
    CertificateFacts facts;
    facts.spki_sha256.assign(key.digest.begin(), key.digest.end());
    const auto wide = sha512(key.digest);
    facts.spki_sha512.assign(wide.begin(), wide.end());
    const auto leaf = sha256(view_of(key.hex() + std::to_string(serial)));
    facts.certificate_sha256.assign(leaf.begin(), leaf.end());
    facts.certificate_sha512.assign(wide.rbegin(), wide.rend());
    chain.certificates = {facts};
    chain.not_before = clock.wall() - std::chrono::hours(1);
    chain.not_after = clock.wall() + std::chrono::hours(24 * 90);
    chain.self_signed = serial == 0;
    chain.names_host = chain.links = true;
    return chain;
}

void World::at(Instant when, std::function<void()> what) { happenings_.push({when, number_++, std::move(what)}); }

void World::start_agent() {
    store = agent::make_memory_store(database);
    runtime_ = std::make_unique<agent::Runtime>(config_, clock, *store, *store->acquire_lease("simulated"), *this);
    runtime_->on_pairs([this] { return take_pairs(); });
    if (auto started = runtime_->start(); !started.ok()) violations.push_back("the agent does not start: " + started.error().to_string());
}

void World::kill_agent() {
    ++life_;
    runtime_.reset();
    database->crash();
    store = agent::make_memory_store(database);
}

void World::run_until(Instant end, const std::function<bool()>& stop) {
    // The question costs more than an event.
    while (events % 16 != 0 || !stop()) {
        Instant next = end;
        bool happening = false, due = false;
        if (!happenings_.empty() && happenings_.top().at <= next) {
            next = happenings_.top().at;
            happening = true;
        }
        if (runtime_)
            if (auto wake = runtime_->next_due()) {
                // Due times are on the wall clock, the queue is on the true one.
                const Instant true_wake = *wake - (clock.wall() - clock.true_now());
                if (true_wake <= next && (!happening || true_wake < next)) {
                    next = std::max(true_wake, clock.true_now());
                    due = true;
                }
            }
        clock.advance_to(next);
        if (!happening && !due) return;
        ++events;
        if (runtime_ && kill_here && kill_here(events)) {
            kill_agent();
            at(clock.true_now() + Duration{300}, [this] { start_agent(); });
            continue;
        }
        if (due) {
            runtime_->tick();
        } else {
            auto what = happenings_.top().what;
            happenings_.pop();
            what();
        }
        judge();
    }
}

bool World::run_for(Duration length, const std::function<bool()>& stop) {
    run_until(clock.true_now() + length, stop);
    return stop();
}

void World::arrive(Duration after, std::string host, std::function<Event()> event) {
    // What the agent sent happens, whether it lives to see the end of it or not.
    at(clock.true_now() + after, [this, host = std::move(host), event = std::move(event), life = life_] {
        Event result = event();
        if (life == life_ && runtime_) runtime_->arrived(agent::HostArrival{host, std::move(result)});
    });
}

void World::start(const std::string& host, const Action& action) {
    arrive(faults.latency, host, [this, host, action] { return perform(host, action); });
}

void World::observe_mx(const dns::Name& domain) {
    at(clock.true_now() + faults.latency, [this, domain, life = life_] {
        agent::MxObservation seen;
        seen.domain = domain;
        seen.security = Security::secure;
        std::uint16_t preference = 10;
        for (const auto& [host, model] : hosts) {
            seen.hosts.push_back({preference, name(host)});
            preference = static_cast<std::uint16_t>(preference + 10);
        }
        if (life == life_ && runtime_) runtime_->arrived(seen);
    });
}

Event World::perform(const std::string& host, const Action& action) {
    const Failure failure{"the simulated world refuses", std::nullopt, false};
    if (std::holds_alternative<Observe>(action)) return observe(host);
    if (std::holds_alternative<Probe>(action)) return probe(host);
    if (const auto* each = std::get_if<WriteTlsa>(&action)) return write(host, *each);
    if (const auto* each = std::get_if<Deploy>(&action)) return deploy(host, *each);
    if (std::holds_alternative<ReadFile>(action)) {
        FileRead read;
        for (const SpkiHash& spki : hosts[host].file) {
            Key key;
            key.spki = spki;
            key.description = "ECDSA P-256";
            key.adopted = true;
            key.generated = clock.wall();
            key.chain = chain_of(spki, hosts[host].serials[spki]);
            read.keys.push_back(key);
        }
        return read;
    }
    if (const auto* each = std::get_if<GenerateKey>(&action)) {
        Key key;
        key.spki = make_key();
        key.algorithm = each->algorithm;
        key.description = "ECDSA P-256";
        key.generated = clock.wall();
        return KeyGenerated{key, std::nullopt, each->algorithm};
    }
    if (const auto* each = std::get_if<ObtainCertificate>(&action)) {
        if (faults.certificates_fail) return CertificateFailed{each->key, failure};
        const int serial = ++serial_of_[each->key];
        return CertificateObtained{each->key, chain_of(each->key, serial)};
    }
    if (faults.clock_unknown) return TimeChecked{failure, std::nullopt};
    return TimeChecked{std::nullopt, clock.wall() - clock.true_now()};
}

Event World::observe(const std::string& host) {
    DnsObservation seen;
    seen.started = seen.finished = clock.wall();
    seen.address_security = faults.addresses;
    seen.address_detail = "A " + host + ": as the test wants it";
    OwnerObservation owner;
    for (const auto& [address, server] : hosts[host].servers) {
        ServerAnswer answer;
        answer.server = "ns." + address;
        answer.address = address;
        answer.kind = server.records.empty() ? ServerAnswer::Kind::denied : ServerAnswer::Kind::records;
        if (faults.secondary_down && address == kSecondary) {
            answer.kind = ServerAnswer::Kind::unreachable;
            answer.detail = "TLSA: no answer";
        }
        answer.records = server.records;
        answer.ttl = server.ttl;
        answer.rrsig_expiration = clock.wall() + std::chrono::hours(24 * 7);
        answer.negative_ttl = Ttl{5};
        answer.soa_expire = Ttl{3600};
        owner.servers.push_back(answer);
    }
    owner.primary = hosts[host].servers[kPrimary].records;
    owner.primary_ttl = hosts[host].servers[kPrimary].ttl;
    owner.ns_ttl = Ttl{60};
    seen.owners.push_back(owner);
    return Observed{seen};
}

std::vector<SpkiHash> World::presentable(const MxHostModel& host) const {
    auto keys = host.serving;
    keys.insert(keys.end(), host.starting.begin(), host.starting.end());
    return keys;
}

Event World::probe(const std::string& host) {
    ProbeRound round;
    round.started = round.finished = clock.wall();
    const auto keys = presentable(hosts[host]);
    int number = 0;
    for (auto sni : {EndpointProbe::Sni::base, EndpointProbe::Sni::none, EndpointProbe::Sni::other}) {
        EndpointProbe probe;
        probe.address = "198.51.100.1";
        probe.sni = sni;
        const SpkiHash& key = keys[static_cast<std::size_t>(number++) % keys.size()];
        probe.chain = chain_of(key, hosts[host].serials[key]);
        round.endpoints.push_back(probe);
    }
    return Probed{round};
}

Event World::write(const std::string& host, const WriteTlsa& write) {
    if (faults.primary_lies) return TlsaWritten{};
    Server& primary = hosts[host].servers[kPrimary];
    if (primary.records != write.base) return TlsaWritten{TlsaWritten::Outcome::lost_race, Failure{"NXRRSET: another set stands there", std::nullopt, false}};
    edit_zone(host, write.target, write.ttl);
    if (faults.primary_drops_answers) return TlsaWritten{TlsaWritten::Outcome::unknown, Failure{"no answer came", std::nullopt, false}};
    return TlsaWritten{};
}

void World::edit_zone(const std::string& host, const dns::TlsaSet& records, Ttl ttl) {
    hosts[host].servers[kPrimary].records = records;
    hosts[host].servers[kPrimary].ttl = ttl;
    at(clock.true_now() + faults.secondary_lag, [this, host] {
        if (faults.secondary_frozen) return;
        Server& primary = hosts[host].servers[kPrimary];
        Server& secondary = hosts[host].servers[kSecondary];
        secondary.records = primary.records;
        secondary.ttl = primary.ttl;
    });
}

void World::fall_back(const std::string& host, const std::string& address, const dns::TlsaSet& records) { hosts[host].servers[address].records = records; }

Event World::deploy(const std::string& host, const Deploy& deploy) {
    MxHostModel& model = hosts[host];
    if (faults.deploy_fails) return Deployed{Failure{"no space left on device", std::nullopt, false}, false, {}};
    model.file = deploy.keys;
    Deployed result;
    for (const SpkiHash& key : deploy.keys) {
        model.serials[key] = serial_of_[key];
        result.chains.push_back(chain_of(key, serial_of_[key]));
    }
    if (!faults.reload_ignored) model.serving = deploy.keys;
    if (faults.reload_fails) result.failure = Failure{"reload 'postfix reload' ended with exit code 1", std::nullopt, false};
    return result;
}

// At random moments, and often enough to be there right before any change.
void World::ask_caches() {
    for (Cache& cache : caches)
        for (auto& [host, model] : hosts) {
            auto held = cache.held.find(host);
            const bool fresh = held != cache.held.end() && clock.true_now() < held->second.second;
            if (fresh || random_() % 3 == 0) continue;
            auto server = model.servers.begin();
            std::advance(server, static_cast<long>(random_() % model.servers.size()));
            const Duration ttl = server->second.records.empty() ? Duration{5000} : Duration{server->second.ttl};
            cache.held[host] = {server->second.records, clock.true_now() + std::max(ttl, cache.min_ttl)};
        }
    at(clock.true_now() + kCachesAsk, [this] { ask_caches(); });
}

void World::judge() {
    for (const auto& [host, model] : hosts)
        for (const Cache& cache : caches) {
            auto held = cache.held.find(host);
            if (held == cache.held.end() || held->second.first.empty() || clock.true_now() >= held->second.second + cache.stale) continue;
            for (const SpkiHash& key : presentable(model)) {
                if (matches(held->second.first, chain_of(key, serial_of_[key]))) continue;
                const auto text = fmt::format("{}: {} holds {}, the host presents {} at {}", cache.name, host, held->second.first.to_string(), key.short_hex(), to_rfc3339(clock.true_now()));
                if (violations.size() < 20) violations.push_back(text);
            }
        }
}

Json World::status_of(const std::string& host) {
    const Json status = runtime_->status();
    for (const Json& each : status["hosts"].items())
        if (each["host"].as_string() == host) return each;
    return Json();
}

std::string World::phase(const std::string& host) { return runtime_ ? status_of(host)["state"].as_string().value_or("") : ""; }

std::vector<agent::LogEntry> World::log(const std::string& event) {
    std::vector<agent::LogEntry> found;
    auto all = store->read_log({"", 0, 100'000});
    for (agent::LogEntry& entry : *all)
        if (entry.event == event) found.push_back(std::move(entry));
    return found;
}

bool World::log_has(const std::string& event) { return !log(event).empty(); }

agent::Runtime::Brought World::bring(const std::string& host, const SpkiHash& key, int serial, Duration age) {
    Left left{host, {}, serial};
    left.pair.spki = key;
    left.pair.description = "ECDSA P-256";
    left.pair.generated = clock.wall();
    left.pair.chain = chain_of(key, serial);
    left.pair.chain->not_before = clock.wall() - age;
    inbox_.push_back(std::move(left));
    last_brought_ = {"left in the inbox", false, false};
    if (runtime_) ask("pairs", {});
    return last_brought_;
}

Json World::take_pairs() {
    std::vector<Left> kept;
    for (Left& left : inbox_) {
        last_brought_ = runtime_->bring(left.host, left.pair, [&] {
            serial_of_[left.pair.spki] = left.serial;
            return done();
        });
        if (!last_brought_.stored) kept.push_back(std::move(left));
    }
    inbox_ = std::move(kept);
    return Json::array();
}

Json World::ask(const std::string& command, const std::vector<std::string>& names, bool emergency) {
    Json list = Json::array();
    for (const std::string& each : names) list.push(each);
    auto answer = runtime_->request(Json::object({{"command", command}, {"hosts", std::move(list)}, {"emergency", emergency}, {"who", "test"}}));
    return answer.ok() ? *answer : Json::object({{"error", answer.error().to_string()}});
}

} // namespace mxseal::scripted
