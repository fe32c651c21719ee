// World: the simulated internet around the real Runtime. One event queue on virtual time, no thread, no sleep; everything that
// happens follows from the seed. The agent inside is the product's: runtime, store, rotation; outside stand models of name servers,
// provider, caches, senders, MX hosts, CA, clocks and people, each of which can go wrong (fault.hpp).
#pragma once

#include "agent/config/config.hpp"
#include "agent/runtime/runtime.hpp"
#include "agent/store/memory_store.hpp"
#include "simulation/cache.hpp"
#include "simulation/clock.hpp"
#include "simulation/fault.hpp"
#include "simulation/judge.hpp"
#include "simulation/mail_host.hpp"
#include "simulation/owner.hpp"
#include "simulation/setting.hpp"

#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <queue>
#include <string>
#include <vector>

namespace mxseal::simulation {

struct Options {
    std::uint64_t seed = 1;
    FaultOptions faults{};
    std::optional<std::set<Strike>> only; // of the faults that would strike, these alone do
    bool sqlite = false;                  // the real store, in a folder of its own that goes with the world
};

// A name server of a zone; the first one is the primary, which the provider writes to.
struct ServerState {
    std::string name, address;
    Instant hidden_until{};               // mxseal cannot reach it, others can
    Instant unsigned_until{};
    Instant blocked_until{}, blocked_since{}; // transfers do not come through
    std::vector<Instant> fallen_until;    // by host: it answers with an older version
};

// Its servers and its signer go wrong apart from those of other zones.
struct ZoneState {
    dns::Name name;
    std::vector<ServerState> servers;
    std::optional<Instant> signatures_end; // the signer stands still
    Instant signer_back{};                 // it stands still, or stood, until then
};

struct Counters {
    std::size_t events = 0, rolls = 0, emergency_rolls = 0, switches = 0, kills = 0, deliveries = 0, deferred = 0, foreign_breakages = 0;
    Duration worst_foreign_breakage{0};
};

class World final : public agent::Outside {
public:
    World(Setting setting, Options options);
    ~World() override;
    World(const World&) = delete;
    World& operator=(const World&) = delete;

    // Events up to `end` of true time; ends early at a violation.
    void run_until(Instant end);
    // Where nothing went wrong for `length`, every host has been rolled as often as it was due.
    void judge_rolls(Duration length);
    // From now on nothing goes wrong: faults end, servers catch up, operators mend what only they can.
    void calm_down();
    // After calm_down(): until every host is steady with its standby ready, and world and store agree, or until the computed bound.
    void settle();

    Instant now() const { return clock_.true_now(); }
    const Counters& counters() const { return counters_; }
    const Judge& judge() const { return judge_; }
    const Fate& fate() const { return fate_; }
    const Setting& setting() const { return setting_; }
    agent::Store& store();
    // Absent while the agent is dead.
    agent::Runtime* agent() { return runtime_.get(); }
    // Every line of the agent's log, as it is written.
    std::function<void(const agent::LogEntry&)> on_log;

    // The Outside of the Runtime.
    void start(const std::string& host, const rotation::tlsa::Action& action) override;
    void observe_mx(const dns::Name& domain) override;

private:
    struct HostMemory;
    struct Happening {
        Instant at;
        std::size_t number;
        std::function<void()> what;
        bool operator>(const Happening& other) const { return at != other.at ? at > other.at : number > other.number; }
    };
    // world.cpp: the queue and the life of the agent
    void at(Instant when, std::function<void()> what);
    void after(Duration wait, std::function<void()> what) { at(now() + wait, std::move(what)); }
    std::size_t make_zone(const dns::Name& name);
    bool next_event(Instant end);
    void start_agent();
    void stop_agent(bool machine_dies);
    void kill_agent(const Strike& strike);
    void open_store();
    void deliver(std::size_t life, const std::string& host, rotation::tlsa::Event event) { static_cast<void>(tell_agent(life, host, std::move(event))); }
    // Whether the agent heard of it and what it heard was stored.
    bool tell_agent(std::size_t life, const std::string& host, rotation::tlsa::Event event);
    void heard(const agent::LogEntry& entry);
    void hear_what_was_written(Instant since);
    std::size_t index_of(const std::string& host) const;
    // acts.cpp: what mxseal asks for
    void observe(std::size_t host);
    void probe(std::size_t host);
    void read_file(std::size_t host);
    void generate(std::size_t host, const rotation::tlsa::GenerateKey& wanted);
    void obtain(std::size_t host, const rotation::tlsa::ObtainCertificate& wanted);
    void write(std::size_t host, const rotation::tlsa::WriteTlsa& wanted);
    void deploy(std::size_t host, const rotation::tlsa::Deploy& wanted);
    void validate_time(std::size_t host);
    bool apply_write(std::size_t host, const rotation::tlsa::WriteTlsa& wanted, Ttl ttl);
    std::optional<std::string> put_files(std::size_t host, const rotation::tlsa::Deploy& wanted, std::vector<rotation::Chain>& chains);
    void reload(std::size_t host, Backend& backend, bool fails);
    rotation::SpkiHash new_key(rotation::Algorithm algorithm);
    const rotation::Chain& chain_of(const rotation::SpkiHash& key, int serial);
    Duration latency(Duration least, Duration most) { return least + Duration{static_cast<std::int64_t>(fate_.choice(static_cast<std::uint64_t>((most - least).count() + 1)))}; }
    // renewals.cpp: what the CA says of renewals, and whether it is heeded
    struct Revocation {
        std::size_t host = 0;
        rotation::SpkiHash key;
        int serial = 0;
        Instant at{};
    };
    void tell_renewal_info(std::size_t host, const rotation::tlsa::AskRenewalInfo& wanted);
    rotation::tlsa::RenewalInfoTold renewal_info_of(const rotation::tlsa::AskRenewalInfo& wanted, int serial);
    void revoke(const Strike& strike, std::size_t host);
    bool serves(const Revocation& revoked);
    void expect_order(std::size_t host, Instant answered, const std::optional<rotation::tlsa::Failure>& refused);
    Instant renewal_deadline(const Revocation& revoked);
    void judge_renewal(const Revocation& revoked);
    bool is_halted(std::size_t host);
    void await_renewals();
    // client.cpp: the ACME client of a host whose certificates a hook brings
    struct Left {                                  // in the inbox
        std::size_t host = 0;
        rotation::SpkiHash key;
        int serial = 0;
    };
    bool is_clients(std::size_t host) const;
    void await_client(std::size_t host);
    void issue(std::size_t host);
    void hook(const Left& left);
    Json take_pairs();
    bool take_pair(const Left& left);
    // zones.cpp: from the primary to the other servers
    void set_primary(std::size_t host, Content content, Hand hand);
    void transfer(std::size_t server, std::size_t host);
    void send_transfers(std::size_t host);
    void block_transfers(std::size_t zone, std::size_t server, Instant until);
    ZoneState& zone_of(std::size_t host) { return zones_[hosts_[host].zone]; }
    const ZoneState& zone_of(std::size_t host) const { return zones_[hosts_[host].zone]; }
    bool visible(const ServerState& server) const { return now() >= server.hidden_until && now() >= server.unsigned_until; }
    // senders.cpp
    void before_change(std::size_t host);
    const CacheEntry* look_up(std::size_t cache, std::size_t host, int depth = 0);
    void send_mail();
    // troubles.cpp: faults that come by the clock
    void expect(Fault fault);
    void strike(const Strike& strike);
    void fall_back(std::size_t server, std::size_t host, Content old, Instant until);
    void expire_fallen(std::size_t server, std::size_t host);
    void expire_fallen_of(std::size_t zone, std::size_t server);
    void step_clock(Duration by, Instant back);
    void strike_after_switch(std::size_t host);
    std::size_t pick(const Strike& strike, unsigned part, std::size_t below) const { return static_cast<std::size_t>(fate_.measure(strike, part) * static_cast<double>(below)); }
    void ask(const Json& request);
    void call_operator(std::size_t host);
    void edit_records(const Strike& strike, std::size_t host);
    void change_configuration(const Strike& strike);
    void disturb(std::size_t host) { hosts_[host].disturbed = std::max(hosts_[host].disturbed, now()); }
    // W5: the largest TTL of seven days counts, whoever chose it.
    void disturb_by_ttl(std::size_t host, Ttl ttl) { hosts_[host].disturbed = std::max(hosts_[host].disturbed, now() + rotation::tlsa::kTtlLookBack + ttl); }
    // A version that a foreign hand made keeps the host unhealthy for as long as a cache may hold it: longer than usual with a large TTL.
    void disturb_by_held(std::size_t host, Instant end) {
        const Duration longer = owners_[host].largest_ttl(now()) - setting_.config.timing.resolver_min_ttl;
        hosts_[host].disturbed = std::max(hosts_[host].disturbed, end + longer);
    }
    void disturb_all();
    void calm_zone(std::size_t zone);
    void forget_since(Instant then, const std::vector<HostMemory>& memory);
    // judging
    std::vector<BadPair> bad_pairs(std::size_t host, bool live_only) const;
    void judge_change(std::size_t host, const std::vector<BadPair>& before, const char* action);
    void foreign_change(std::size_t host);
    void watch_breakage(std::size_t host);
    void judge_switch(std::size_t host, const agent::LogEntry& entry);
    void judge_ready(std::size_t host, const agent::LogEntry& entry);
    void judge_rest();
    Instant last_trouble() const; // when the last fault had or will have its end
    Duration stale_of(std::size_t host) const;
    Duration settle_bound() const;

    Setting setting_;
    Options options_;
    Instant began_{};
    Fate fate_;
    VirtualClock clock_;
    Duration clock_stepped_{0};           // all steps in sum: what was seen before one may look later by as much
    Judge judge_;
    Counters counters_;
    std::vector<ZoneState> zones_;                 // those of the hosts, in the order of their first hosts
    std::vector<Owner> owners_;                    // by host
    std::vector<MailHost> hosts_;
    std::map<std::string, std::size_t> index_;
    std::vector<Cache> caches_;
    std::map<rotation::SpkiHash, rotation::Algorithm> algorithms_;
    std::set<rotation::SpkiHash> own_keys_;         // keys that mxseal made or found at the start; the others are a foreign hand's
    std::map<std::pair<rotation::SpkiHash, int>, rotation::Chain> chains_;
    std::vector<Keys> clients_keys_;               // by host: what its client used last
    std::vector<Left> inbox_;
    std::map<rotation::SpkiHash, int> serials_;    // of the newest certificate issued
    std::set<std::pair<rotation::SpkiHash, int>> revoked_;                    // certificates, by their serial numbers
    std::vector<Revocation> revocations_;                                     // of certificates that were served then
    std::map<std::pair<rotation::SpkiHash, int>, Instant> asked_again_by_;    // about that certificate, if mxseal lives
    struct HostMemory {
        Instant orders_again_by{};                 // an order that was begun is answered, and one that was refused is tried again
        std::vector<Content> versions;             // that were live, oldest first, at most a few
        std::set<rotation::SpkiHash> retired;      // rolls away from these are finished
        bool emergency = false;                    // kind of the last switch
        Instant broken_since = Instant::max();     // live records and served keys do not match
        bool steady_since_calm = false;
        std::optional<Duration> back_at_cleanup; // an operator waits for the next one to begin
        bool told_wrong = false;                   // the last observation that mxseal was given had an answer that is not validly signed
        bool switching = false;                    // between the intent of a switch and its proof on the wire
        std::set<dns::TlsaSet> broken_versions;    // that did not match when a foreign hand made them, or the key
        std::set<rotation::SpkiHash> broken_keys;
    };
    std::vector<HostMemory> memory_;

    std::shared_ptr<agent::MemoryDatabase> database_ = std::make_shared<agent::MemoryDatabase>();
    std::filesystem::path folder_;
    std::unique_ptr<agent::Store> store_;
    std::unique_ptr<agent::Runtime> runtime_;
    Instant lives_since_{};                        // its last start
    std::optional<Strike> dying_;                  // killed at the end of this event
    bool held_back_ = false;
    bool unheard_ = false;                         // a write of this event was made and said it was not
    std::vector<std::string> told_;                // sentences of this event

    std::priority_queue<Happening, std::vector<Happening>, std::greater<>> happenings_;
    std::size_t number_ = 0, life_ = 0, keys_made_ = 0;
};

} // namespace mxseal::simulation
