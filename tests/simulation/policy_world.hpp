// PolicyWorld: the internet as MTA-STS sees it, on virtual time: name servers, endpoint replicas, resolvers with their caches, senders that
// follow RFC 8461 literally, operators, and the agent as it is: PolicyKeeper with its store, on a clock of its own. There is one mail domain
// with a record of its own, or several customers whose domains share one TXT record behind aliases (C-38).
//
// policy_agent.cpp is the life of the agent, policy_acts.cpp how its acts end, policy_customers.cpp what customers do and what is seen through
// their aliases, policy_internet.cpp what senders meet, policy_judge.cpp what must hold.
#pragma once

#include "agent/config/config.hpp"
#include "agent/domains/policy_keeper.hpp"
#include "agent/store/memory_store.hpp"

#include <deque>
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
    std::size_t customers = 0;          // domains behind one record; 0: one domain with a record of its own
};

struct PolicyViolation {
    std::string check;   // "delivery", "coverage", "order", "id", "liveness"
    Instant at{};
    std::string text;
};

struct PolicyCounters {
    std::size_t events = 0, deliveries = 0, rechecks = 0, ids = 0, bodies = 0, mx_changes = 0, kills = 0, refused_writes = 0, clock_steps = 0, faults = 0, goals = 0, moves = 0;
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
    static constexpr const char* kSharedRecord = "_mta-sts.group.example.org";
    enum class Type { txt, mx, alias };
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
    struct Copy {                       // of a zone, on one name server
        std::map<Type, Values> rrsets;
        Instant hidden_until{};         // from mxseal
        Instant stuck_until{};          // transfers do not come through
    };
    struct Zone {                       // the RRsets that matter, each at one owner
        std::string name;
        std::size_t number = 0;
        std::vector<Type> types;
        std::vector<Copy> servers;      // the first one is written to
        std::map<Type, std::vector<Values>> history;
    };
    using Bodies = std::map<std::string, std::string>; // by domain
    struct Replica {
        std::size_t generation = 0;
        Bodies bodies;
        Instant away_until{};           // nobody reaches it
        Instant late_until{};           // takes no new snapshot
    };
    struct Cached {
        Values values;
        Instant fetched{};
    };
    struct Resolver {
        Duration floor{0}, stale{0};
        std::map<std::pair<std::size_t, Type>, Cached> entries; // by number of the zone
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
        Instant quiet_until{};          // has no mail for the domain
        Instant cut_off_until{};        // from the endpoint: what it holds counts until its max_age (RFC 8461 section 5.1)
    };
    struct MailDomain {
        std::string name;
        agent::PolicySettings settings;
        Zone* zone = nullptr;           // of its MX RRset, and of its TXT record or the alias in its place
        enum class Stage { wanted, leaving, gone } stage = Stage::wanted;
        bool leads_here = true;         // mta-sts.<domain>
        Instant whole_since{};          // both halves of its delegation
        bool announced = false;         // since it was wanted, ever
        std::size_t generation = 0;     // of the snapshot in which its body changed last
        std::optional<std::string> asked_body; // as the keeper wants it served
        Instant asked{};                // since when
        std::set<std::string> foreign;  // hosts that a foreign hand has put into the MX RRset, or back
        std::vector<Sender> senders;
    };

    void at(Instant when, std::function<void()> what) { happenings_.push({when, number_++, std::move(what)}); }
    void after(Duration wait, std::function<void()> what) { at(now_ + wait, std::move(what)); }
    std::uint64_t below(std::uint64_t count) { return random_() % count; }
    bool draw(double chance) { return static_cast<double>(random_() >> 11) * 0x1.0p-53 < chance; }
    bool fault(double chance);
    void begin_with_foreign_policy();
    Zone& new_zone(std::string name, std::vector<Type> types, std::size_t servers);
    MailDomain& new_domain(const std::string& name, Zone& zone, const agent::PolicySettings& settings);
    Duration between(Duration least, Duration most) { return least + Duration{static_cast<std::int64_t>(below(static_cast<std::uint64_t>((most - least).count()) + 1))}; }
    void run_until(Instant end);
    void come_to_rest();
    void tell(const std::string& line);
    void trouble();
    void trouble_in_the_zone();
    void cut_off_sender();
    void let_go();
    void new_goal(MailDomain& domain);
    void follow_advice();
    void follow_advice(MailDomain& domain, const std::string& ask);

    // customers
    bool shares() const { return options_.customers > 0; }
    void make_customers(agent::PolicySettings settings);
    void begin_customers();
    void delegate(MailDomain& domain);
    void come(MailDomain& domain);
    void give_alias(MailDomain& domain);
    void customer_acts(MailDomain& domain);
    void leave(MailDomain& domain);
    void new_profile();
    void look_through_alias(const MailDomain& domain, rotation::mta_sts::DnsObservation& seen);

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
    MailDomain& domain_of(const std::string& name);
    void want(const MailDomain& domain);
    void ended(MailDomain& domain);
    void serve(MailDomain& domain, const std::optional<std::string>& body);
    void publish(const Bodies& bodies);
    void take_snapshot(std::size_t replica, std::size_t generation, const Bodies& bodies);
    rotation::mta_sts::RrsetObservation look_at(const Zone& zone, Type type);
    rotation::mta_sts::PolicyFetch fetch_from(std::size_t replica, const std::string& domain);
    void write_rrset(Zone& zone, Type type, const Values& base, const Values& target, std::function<void(std::optional<rotation::Failure>)> ended);
    void note_id(const Values& target);
    void observe(const std::string& domain) override;
    void fetch(const std::string& domain, bool self_signed, const std::vector<std::string>& departed) override;
    void write(const std::string& domain, dns::Type type, const Values& base, const Values& target, Ttl ttl) override;
    void look_at_mx_host(const std::string& host) override;
    void observe_record(const std::string& name) override;
    void write_record(const std::string& name, const Values& base, const Values& target, Ttl ttl) override;
    void keep_report_record(const std::string& name, const std::vector<std::string>& rua) override;
    void look_at_former(const std::string& domain) override;

    // what senders meet
    void set_primary(Zone& zone, Type type, const Values& values);
    void transfer(Zone& zone, std::size_t server);
    void before_change(const Zone* zone);
    const Values& ask(std::size_t resolver, const Zone& zone, Type type);
    const Values& ask_txt(std::size_t resolver, const MailDomain& domain);
    void refresh(const MailDomain& domain, Sender& sender);
    void look_again(const MailDomain& domain, Sender& sender);
    bool attempt(const MailDomain& domain, Sender& sender);
    void send(MailDomain& domain, Sender& sender);
    void mail();
    bool breaks_somebody(const Zone& zone, const Values& mx) const;
    void come_back_late(MailDomain& domain);
    void fall_back(Zone& zone, std::size_t server, Type type, std::size_t versions, Duration lasts);

    // what must hold
    void violated(std::string check, std::string text);
    std::vector<std::string> uncovered(const MailDomain& domain, const Sender& sender);
    bool is_withdrawn(const MailDomain& domain) const;
    void undeliverable(const MailDomain& domain, const Sender& sender);
    bool may_be_behind(const MailDomain& domain) const;
    void judge_id(const Values& txt);
    void judge_rest();
    void judge_rest(const MailDomain& domain);
    Duration rest_bound() const;

    PolicyWorldOptions options_;
    std::mt19937_64 random_;
    Instant now_, began_;
    bool calm_ = false;
    std::priority_queue<Happening, std::vector<Happening>, std::greater<>> happenings_;
    std::size_t number_ = 0;

    agent::Config config_;
    AgentClock clock_;
    Duration skew_{0}, clock_stepped_{0};                  // of the agent's clock now; by how much it was ever set
    std::shared_ptr<agent::MemoryDatabase> database_ = std::make_shared<agent::MemoryDatabase>();
    std::unique_ptr<agent::Store> store_;
    std::unique_ptr<agent::PolicyKeeper> keeper_;          // null: no agent runs
    std::size_t life_ = 0, alarm_ = 0;
    bool dies_ = false;                                    // at the next moment at which nothing of it is on the stack
    Instant store_refuses_until_{};
    Bodies to_serve_;                                      // as the keeper of the endpoint's sites has them stored

    std::deque<Zone> zones_;                               // the first one has the TXT record
    std::deque<MailDomain> domains_;
    std::vector<Replica> replicas_;
    std::size_t generation_ = 0;
    Bodies published_;
    std::vector<Resolver> resolvers_;
    std::map<std::string, Instant> ready_from_;            // MX hosts that exist
    Ttl ttl_{3600};
    Duration lag_{0};
    std::chrono::seconds longest_max_age_{0};
    std::map<std::string, std::map<std::string, std::size_t>> announced_; // by id: of each domain the generation of the body that it announces
    std::string newest_id_;
    std::optional<PolicyViolation> violation_;
    PolicyCounters counters_;
    std::vector<std::string> story_;
};

// The id of the only STSv1 record among these values, as senders read it (C-03).
std::optional<std::string> only_id(const rotation::mta_sts::Values& txt);

} // namespace mxseal::simulation
