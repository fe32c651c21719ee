// PolicyWorld: the internet of one mail domain as MTA-STS sees it, on virtual time: name servers, endpoint replicas, resolvers with their
// caches, senders that follow RFC 8461 literally, operators, and the agent as it is: PolicyKeeper with its store, on a clock of its own.
//
// policy_agent.cpp is the life of the agent and how its acts end, policy_internet.cpp what senders meet, policy_judge.cpp what must hold.
#pragma once

#include "agent/config/config.hpp"
#include "agent/domains/policy_keeper.hpp"
#include "agent/store/memory_store.hpp"

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <queue>
#include <random>
#include <set>
#include <string>
#include <vector>

namespace mxseal::simulation {

struct PolicyWorldOptions {
    std::uint64_t seed = 1;
    bool faults = true;
    Duration length = std::chrono::hours(24 * 60);
};

struct PolicyViolation {
    std::string check;   // "delivery", "coverage", "order", "id", "liveness"
    Instant at{};
    std::string text;
};

struct PolicyCounters {
    std::size_t events = 0, deliveries = 0, rechecks = 0, ids = 0, bodies = 0, mx_changes = 0, kills = 0, refused_writes = 0, clock_steps = 0, faults = 0, goals = 0;
};

class PolicyWorld final : public agent::PolicyOutside {
public:
    explicit PolicyWorld(PolicyWorldOptions options);
    ~PolicyWorld() override;
    // Runs, then lets everything come to rest, until the first violation.
    void run();
    const std::optional<PolicyViolation>& violation() const { return violation_; }
    const PolicyCounters& counters() const { return counters_; }
    const std::vector<std::string>& story() const { return story_; } // the last lines of it

private:
    enum class Type { txt, mx };
    using Values = rotation::mta_sts::Values;
    struct Happening {
        Instant at;
        std::size_t number;
        std::function<void()> what;
        bool operator>(const Happening& other) const { return at != other.at ? at > other.at : number > other.number; }
    };
    // The agent's clock: it can be set, the true time cannot.
    struct AgentClock final : Clock {
        explicit AgentClock(const PolicyWorld& world) : world_(world) {}
        Instant wall() const override { return world_.now_ + world_.skew_; }
        BootTime boot_time() const override { return {world_.now_ - world_.began_}; }
        std::string boot_id() const override { return "boot"; }

    private:
        const PolicyWorld& world_;
    };
    struct Copy {                       // of both RRsets, on one name server
        std::map<Type, Values> rrsets;
        Instant hidden_until{};         // from mxseal
        Instant stuck_until{};          // transfers do not come through
    };
    struct Replica {
        std::size_t generation = 0;
        std::optional<std::string> body;
        Instant away_until{};           // nobody reaches it
        Instant late_until{};           // takes no new snapshot
    };
    struct Cached {
        Values values;
        Instant fetched{};
    };
    struct Resolver {
        Duration floor{0}, stale{0};
        std::map<Type, Cached> entries;
    };
    struct Sender {
        std::size_t resolver = 0;
        bool lazy = false;              // looks at the id once a day and before it gives up
        struct Policy {
            rotation::mta_sts::PolicyBody body;
            std::string id;
            Instant fetched{};
        };
        std::optional<Policy> policy;
        Instant checked{};
        Instant cut_off_until{};        // from the endpoint: what it holds counts until its max_age (RFC 8461 section 5.1)
    };

    void at(Instant when, std::function<void()> what) { happenings_.push({when, number_++, std::move(what)}); }
    void after(Duration wait, std::function<void()> what) { at(now_ + wait, std::move(what)); }
    std::uint64_t below(std::uint64_t count) { return random_() % count; }
    bool draw(double chance) { return static_cast<double>(random_() >> 11) * 0x1.0p-53 < chance; }
    bool fault(double chance);
    void begin_with_foreign_policy();
    Duration between(Duration least, Duration most) { return least + Duration{static_cast<std::int64_t>(below(static_cast<std::uint64_t>((most - least).count()) + 1))}; }
    void run_until(Instant end);
    void tell(const std::string& line);
    void trouble();
    void trouble_in_the_zone();
    void new_goal();
    void follow_advice();

    // the agent
    void start_agent();
    void kill_agent();
    void listen();
    void arm();
    void in_life(std::size_t life, const std::function<void()>& what);
    void deliver(std::size_t life, agent::PolicyArrival arrival);
    void settled();
    agent::WriteFate fate_of_write();
    void step_clock(Duration by);
    void note(const agent::LogEntry& entry);
    void serve(const std::optional<std::string>& body);
    void publish(std::optional<std::string> body);
    void take_snapshot(std::size_t replica, std::size_t generation, const std::optional<std::string>& body);
    rotation::mta_sts::RrsetObservation look_at(Type type);
    void observe(const std::string& domain) override;
    void fetch(const std::string& domain, bool self_signed, const std::vector<std::string>& departed) override;
    void write(const std::string& domain, dns::Type type, const Values& base, const Values& target, Ttl ttl) override;
    void look_at_mx_host(const std::string& host) override;
    void observe_record(const std::string& name) override;
    void write_record(const std::string& name, const Values& base, const Values& target, Ttl ttl) override;
    void keep_report_record(const std::string& name, const std::vector<std::string>& rua) override;
    void look_at_former(const std::string& domain) override;

    // what senders meet
    void set_primary(Type type, const Values& values);
    void transfer(std::size_t server);
    void before_change();
    const Values& ask(std::size_t resolver, Type type);
    void refresh(Sender& sender);
    void look_again(Sender& sender);
    bool attempt(Sender& sender);
    void send(Sender& sender);
    void mail();
    bool breaks_somebody(const Values& mx) const;
    void fall_back(std::size_t server, Type type, std::size_t versions, Duration lasts);

    // what must hold
    void violated(std::string check, std::string text);
    std::vector<std::string> uncovered(const Sender& sender);
    bool is_withdrawn() const;
    void undeliverable(const Sender& sender);
    void judge_id(const Values& txt);
    void judge_rest();
    Duration rest_bound() const;

    PolicyWorldOptions options_;
    std::mt19937_64 random_;
    Instant now_, began_;
    bool calm_ = false;
    std::priority_queue<Happening, std::vector<Happening>, std::greater<>> happenings_;
    std::size_t number_ = 0;

    agent::Config config_;
    agent::PolicySettings settings_;
    AgentClock clock_;
    Duration skew_{0}, clock_stepped_{0};                  // of the agent's clock now; by how much it was ever set
    std::shared_ptr<agent::MemoryDatabase> database_ = std::make_shared<agent::MemoryDatabase>();
    std::unique_ptr<agent::Store> store_;
    std::unique_ptr<agent::PolicyKeeper> keeper_;          // null: no agent runs
    std::size_t life_ = 0, alarm_ = 0;
    bool dies_ = false;                                    // at the next moment at which nothing of it is on the stack
    Instant store_refuses_until_{};
    std::optional<std::string> to_serve_;                  // as the keeper of the endpoint's sites has it stored

    std::vector<Copy> servers_;
    std::map<Type, std::vector<Values>> history_;
    std::vector<Replica> replicas_;
    std::size_t generation_ = 0;
    std::optional<std::string> published_;
    std::vector<Resolver> resolvers_;
    std::vector<Sender> senders_;
    std::map<std::string, Instant> ready_from_;            // MX hosts that exist
    std::set<std::string> foreign_;                        // that a foreign hand has put into the MX RRset, or back
    Ttl ttl_{3600};
    Duration lag_{0};
    std::chrono::seconds longest_max_age_{0};
    std::map<std::string, std::size_t> id_generation_;     // generation of the body that each id announces
    std::optional<PolicyViolation> violation_;
    PolicyCounters counters_;
    std::vector<std::string> story_;
};

// The id of the only STSv1 record among these values, as senders read it (C-03).
std::optional<std::string> only_id(const rotation::mta_sts::Values& txt);

} // namespace mxseal::simulation
