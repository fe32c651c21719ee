// A small world around the real Runtime for tests that say themselves what goes wrong and when (the one that draws it stands in
// simulation/): virtual time, name servers with lag, caches that hold what they were told, hosts whose files and reloads can fail,
// and a process that can be killed at any event. One thread, no sleep, replayed by seed.
#pragma once

#include "agent/config/config.hpp"
#include "agent/runtime/runtime.hpp"
#include "agent/store/memory_store.hpp"
#include "base/time.hpp"

#include <functional>
#include <map>
#include <memory>
#include <queue>
#include <random>
#include <string>
#include <vector>

namespace mxseal::scripted {

class VirtualClock final : public Clock {
public:
    Instant wall() const override { return now_ + wall_offset_; }
    BootTime boot_time() const override { return {now_ - Instant{}}; }
    std::string boot_id() const override { return "simulated"; }

    Instant true_now() const { return now_; }
    void advance_to(Instant at) { now_ = std::max(now_, at); }
    void step_wall(Duration by) { wall_offset_ += by; }

private:
    Instant now_{std::chrono::sys_days{std::chrono::year{2026} / 11 / 22}};
    Duration wall_offset_{0};
};

// What can go wrong; a test switches on what it is about.
struct Faults {
    Duration secondary_lag = std::chrono::seconds(3);
    Duration latency{20};                    // of each action
    bool reload_ignored = false;             // the MTA keeps the old pair, the reload says it worked
    bool reload_fails = false;               // the reload ends with an error; processes that start meanwhile read the new file
    bool deploy_fails = false;               // disk full: nothing is written
    bool primary_drops_answers = false;      // an update is applied and then the answer is lost
    bool primary_lies = false;               // 2xx, nothing done
    bool secondary_down = false;
    bool secondary_frozen = false;           // takes no new version over
    bool certificates_fail = false;
    bool clock_unknown = false;
    rotation::tlsa::Security addresses = rotation::tlsa::Security::secure;
};

struct Server {
    std::string address;
    dns::TlsaSet records;
    Ttl ttl{0};
};

struct Cache {
    std::string name;
    Duration min_ttl{0};
    Duration stale{0};                       // serves an expired answer for so long
    std::map<std::string, std::pair<dns::TlsaSet, Instant>> held; // by host: version and the end of its life
};

struct MxHostModel {
    std::string name;
    std::map<std::string, Server> servers;   // by address
    std::vector<rotation::SpkiHash> file;    // keys in the MTA's file
    std::vector<rotation::SpkiHash> serving; // what its processes present
    std::map<rotation::SpkiHash, int> serials; // of the certificate beside each key in the file
    std::vector<rotation::SpkiHash> starting;// what a process that starts now would present (between rename and reload)
};

class World final : public agent::Outside {
public:
    // `hosts` serve keys of their own whose private halves stand in their files.
    World(agent::Config config, std::vector<std::string> hosts, unsigned seed);
    ~World() override;

    // Runs events until `end` of true time, or until `stop` says so.
    void run_until(Instant end, const std::function<bool()>& stop = [] { return false; });
    bool run_for(Duration length, const std::function<bool()>& stop);

    void start_agent();                      // (again) from what the store kept
    void kill_agent();                       // everything on its way to it is lost; what it sent is not
    agent::Runtime& agent() { return *runtime_; }
    Json status_of(const std::string& host);
    std::string phase(const std::string& host);
    bool log_has(const std::string& event);
    std::vector<agent::LogEntry> log(const std::string& event);
    // An ACME client's hook leaves a pair, durable; taken at once where an agent runs, else by the next one. A new serial is a new certificate.
    agent::Runtime::Brought bring(const std::string& host, const rotation::SpkiHash& key, int serial = 1, Duration age = std::chrono::hours(1));
    Json ask(const std::string& command, const std::vector<std::string>& hosts, bool emergency = false);

    VirtualClock clock;
    Faults faults;
    std::map<std::string, MxHostModel> hosts;
    std::vector<Cache> caches;
    std::shared_ptr<agent::MemoryDatabase> database = std::make_shared<agent::MemoryDatabase>();
    std::unique_ptr<agent::Store> store;      // of the living agent; of a reader when none lives
    std::vector<std::string> violations;     // P1 and P3, looked at after every event
    std::size_t events = 0;
    // Called before each event; true kills the agent right there and starts it again a little later.
    std::function<bool(std::size_t event)> kill_here;

    // A foreign hand.
    void edit_zone(const std::string& host, const dns::TlsaSet& records, Ttl ttl);
    void fall_back(const std::string& host, const std::string& address, const dns::TlsaSet& records);
    rotation::SpkiHash make_key();
    rotation::Chain chain_of(const rotation::SpkiHash& key, int serial);

    void start(const std::string& host, const rotation::tlsa::Action& action) override;
    void observe_mx(const dns::Name& domain) override;

private:
    struct Happening {
        Instant at;
        std::size_t number;
        std::function<void()> what;
        bool operator>(const Happening& other) const { return at != other.at ? at > other.at : number > other.number; }
    };
    void at(Instant when, std::function<void()> what);
    void arrive(Duration after, std::string host, std::function<rotation::tlsa::Event()> event);
    rotation::tlsa::Event perform(const std::string& host, const rotation::tlsa::Action& action);
    rotation::tlsa::Event observe(const std::string& host);
    rotation::tlsa::Event probe(const std::string& host);
    rotation::tlsa::Event write(const std::string& host, const rotation::tlsa::WriteTlsa& write);
    rotation::tlsa::Event deploy(const std::string& host, const rotation::tlsa::Deploy& deploy);
    Json take_pairs();
    void ask_caches();
    void judge();
    std::vector<rotation::SpkiHash> presentable(const MxHostModel& host) const;

    agent::Config config_;
    std::mt19937 random_;
    std::unique_ptr<agent::Runtime> runtime_;
    std::priority_queue<Happening, std::vector<Happening>, std::greater<>> happenings_;
    std::size_t number_ = 0, life_ = 0, serial_ = 0;
    std::map<rotation::SpkiHash, int> serial_of_; // of the newest certificate in the vault
    struct Left {
        std::string host;
        rotation::tlsa::Key pair;
        int serial = 0;
    };
    std::vector<Left> inbox_;
    agent::Runtime::Brought last_brought_;
    std::map<std::string, bool> was_covered_;
};

// One zone example.org, two servers, the hosts named, timing of a lab.
agent::Config small_config(const std::vector<std::string>& hosts);

} // namespace mxseal::scripted
