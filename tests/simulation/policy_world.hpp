// PolicyWorld: the internet of one mail domain as MTA-STS sees it, on virtual time: name servers, endpoint replicas, resolvers with their
// caches, senders that follow RFC 8461 literally, operators and the life of the agent. The core inside is the product's (rotation/mta_sts).
#pragma once

#include "rotation/mta_sts/step.hpp"

#include <functional>
#include <map>
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
    std::size_t events = 0, deliveries = 0, rechecks = 0, ids = 0, bodies = 0, mx_changes = 0, kills = 0, faults = 0, goals = 0;
};

class PolicyWorld {
public:
    explicit PolicyWorld(PolicyWorldOptions options);
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
    };

    void at(Instant when, std::function<void()> what) { happenings_.push({when, number_++, std::move(what)}); }
    void after(Duration wait, std::function<void()> what) { at(now_ + wait, std::move(what)); }
    std::uint64_t below(std::uint64_t count) { return random_() % count; }
    bool draw(double chance) { return static_cast<double>(random_() >> 11) * 0x1.0p-53 < chance; }
    bool fault(double chance);
    void begin_with_foreign_policy();
    Duration between(Duration least, Duration most) { return least + Duration{static_cast<std::int64_t>(below(static_cast<std::uint64_t>((most - least).count()) + 1))}; }
    void run_until(Instant end);
    void violated(std::string check, std::string text);
    void tell(const std::string& line);

    // the agent
    void start_agent();
    void kill_agent();
    void process(const rotation::mta_sts::Event& event);
    void deliver(std::size_t life, rotation::mta_sts::Event event);
    void perform(const rotation::mta_sts::Action& action);
    void observe();
    void fetch();
    void publish(std::optional<std::string> body);
    void take_snapshot(std::size_t replica, std::size_t generation, const std::optional<std::string>& body);
    void write(Type type, const Values& base, const Values& target);
    rotation::mta_sts::Surroundings surroundings() const;
    rotation::mta_sts::RrsetObservation look_at(Type type);
    // the world
    void set_primary(Type type, const Values& values);
    void transfer(std::size_t server);
    void before_change();
    const Values& ask(std::size_t resolver, Type type);
    void refresh(Sender& sender);
    bool attempt(Sender& sender);
    std::vector<std::string> uncovered(const Sender& sender);
    void undeliverable(const Sender& sender);
    void send(Sender& sender);
    void mail();
    bool breaks_somebody(const Values& mx) const;
    void fall_back(std::size_t server, Type type, std::size_t versions, Duration lasts);
    void trouble();
    void new_goal();
    void follow_advice();
    void judge_id(const Values& txt);
    void judge_rest();
    Duration rest_bound() const;

    PolicyWorldOptions options_;
    std::mt19937_64 random_;
    Instant now_, began_;
    bool calm_ = false;
    std::priority_queue<Happening, std::vector<Happening>, std::greater<>> happenings_;
    std::size_t number_ = 0;

    rotation::mta_sts::Policy policy_;
    rotation::mta_sts::DomainState state_, stored_;
    rotation::mta_sts::Decision last_;
    bool alive_ = false;
    std::size_t life_ = 0;

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

} // namespace mxseal::simulation
