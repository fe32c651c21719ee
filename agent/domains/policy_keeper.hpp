// PolicyKeeper: the policies of all mail domains: joins rotation/mta_sts, store and world. An event comes in, the core decides, the state
// is stored, then the acts begin. One thread, the one of Runtime; no clock, thread or socket of its own, so the simulation runs it as it is.
//
// Where there are many domains, one at rest costs a row in memory: its state is read when it is looked at, and let go afterwards.
#pragma once

#include "agent/config/config.hpp"
#include "agent/domains/former_domains.hpp"
#include "agent/domains/mx_board.hpp"
#include "agent/domains/policy_outside.hpp"
#include "agent/runtime/time_keeper.hpp"
#include "agent/store/store.hpp"
#include "rotation/mta_sts/shared.hpp"

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace mxseal::agent {

struct AskedRecords;

class PolicyKeeper {
public:
    // What the keeper tells its neighbours, on its own thread.
    struct Listeners {
        // From the next snapshot on this body is served for `domain`; absent: nothing. Ends in in_place().
        std::function<void(const std::string& domain, const std::optional<std::string>& body)> serve;
        // A fetch of every address as a sender does it; `trouble` empty: all serve what they are meant to.
        std::function<void(const std::string& domain, const std::string& trouble)> fetched;
        // Nothing is served any more, and no sender holds anything: the domain can be forgotten.
        std::function<void(const std::string& domain)> ended;
        // Hosts that are, or may still be held, in one MX RRset, a space between.
        std::function<void(const std::string& hosts)> mx;
        std::function<void(const LogEntry&)> log;
    };

    PolicyKeeper(const Config& config, Clock& clock, Store& store, FencingToken token, PolicyOutside& outside);
    ~PolicyKeeper();
    void listen(Listeners listeners) { listeners_ = std::move(listeners); }
    void on_readiness(MxBoard::Readiness readiness) { board_.on_readiness(std::move(readiness)); }

    // Reads the rows; contacts nobody. Then every domain is named by want(), those that nobody wants any more by leave().
    Status start();
    // `settings` must outlive the next call for the domain. `spread` 0..1: its place in the hour.
    void want(const std::string& domain, const PolicySettings& settings, float spread);
    // C-36: its policy ends in order; `ended` tells when.
    void leave(const std::string& domain, float spread);
    // A snapshot with what serve() asked for is in place.
    void in_place(const std::string& domain, std::uint64_t generation);

    void tick();
    void arrived(PolicyArrival arrival);
    std::optional<Instant> next_due() const;
    std::size_t under_way() const { return under_way_; }
    void store_arrived();

    // `mxseal mx add|remove|replace`: {"command": "mx", "change", "domain", "hosts": [..], "who"} -> {"replies": [..], "plan"}, as Desk::request().
    // Durable when it returns. `not_found`, `invalid`, `refused`.
    Result<Json> request(const Json& body);
    // {"mode","id","body_live","txt_live","next","reason","page","ask",..} of a domain, null: none.
    Json report_of(const std::string& domain);
    // {"domain", "steps": [{"what", "earliest", "reason"}]}
    Json plan_of(const std::string& domain);
    bool is_at_rest(const std::string& domain) const;
    std::size_t pages() const { return pages_; }
    // [{"domain", "reason"}] of domains whose policy has ended and whose names still lead here.
    Json dangling() const { return former_.report(); }
    const std::string& store_trouble() const { return store_trouble_; }

private:
    struct Party;
    struct Entry;
    struct Due {
        Instant at;
        Entry* entry;
        bool operator<(const Due& other) const;
    };
    struct ReportRecord;
    struct Group;
    // An act, once what led to it is stored.
    struct Start {
        Party* of;                                           // whose decision it is; null: nobody's, it needs none
        std::function<void()> act;
        bool serves = false;                                 // ends in in_place(): its party counts it by `serve_intent`
    };

    Entry* find(const std::string& domain) const;
    Entry& entry_of(const std::string& domain);
    void set_due(Entry& entry, std::optional<Instant> due);
    rotation::mta_sts::Policy terms_of(const Entry& entry) const;
    static std::string digest_of(const PolicySettings& settings);
    rotation::mta_sts::Policy paces() const;
    rotation::mta_sts::Surroundings around(Entry& entry, const rotation::mta_sts::Policy& policy, Instant now);
    void process(Entry& entry, const rotation::mta_sts::Event& event);
    rotation::mta_sts::Decision decide(Entry& entry, const rotation::mta_sts::Event& event, const rotation::mta_sts::Policy& policy, Instant now);
    void take(Entry& entry, const rotation::mta_sts::Decision& decision, const rotation::mta_sts::Policy& policy, Instant now);
    void carry_out(Entry& entry, const rotation::mta_sts::Action& action);
    void settle_goal(Entry& entry, const rotation::mta_sts::Policy& policy, Instant now);
    void end_if_over(const std::string& domain);
    void tell_mx(const Entry& entry, const rotation::mta_sts::Policy& policy, Instant now);
    void page(Entry& entry, const std::string& text);
    void ask(Party& party, const rotation::Reason& reason, std::optional<AskedRecords> asked);
    std::string reports_trouble(Entry& entry, const rotation::mta_sts::Policy& policy, Instant now);
    void look_at_report_records(Instant now);
    void set_due(const std::string& name, ReportRecord& record, std::optional<Instant> due);
    // policy_shared.cpp
    static std::string target_of(const Entry& entry);
    void join_group(Entry& entry);
    void leave_group(Entry& entry);
    void count_in_group(Entry& entry, const rotation::mta_sts::Decision& decision, Instant now);
    void count_in_group(Entry& entry, bool wants, bool pending);
    rotation::mta_sts::Policy terms_of(const Group& group) const;
    void process(Group& group, const rotation::mta_sts::SharedEvent& event);
    rotation::mta_sts::SharedDecision decide(Group& group, const rotation::mta_sts::SharedEvent& event, Instant now);
    void wake_members(Group& group, bool with_round);
    std::string first_pending_of(const Group& group) const;
    void check_clock();
    void sleep_no_longer(Instant now);
    void wake_all_loaded(Instant now);
    void begin(Party* of, std::function<void()> act, bool serves = false);
    void overtake_serve(Entry& entry);
    // policy_storing.cpp
    bool load(Entry& entry, Instant now);
    bool load(Group& group, Instant now);
    Result<rotation::mta_sts::DomainState> read_state(Entry& entry) const;
    void begin_time(Party& party, const Json& document) const;
    void unload(Entry& entry);
    void keep(Entry& entry);
    bool is_unflushed() const;
    bool store_all(Instant now);
    void note_stored();
    void give_up(Instant now, const Error& error);
    void take_back(Party& party);
    void give_up(Entry& entry, Instant now);
    void give_up(Group& group, Instant now);
    bool is_given_up(Party& party);
    void drop_starts();
    void flush(Instant now);
    void log(const std::string& domain, std::string event, Json fields, std::string sentence);

    // The stamps of a look from before the clock was set forward would let waits begin too early.
    template <class Round>
    void void_if_before_step(Round& round) const {
        if (round.started < set_forward_at_) round.error = "the clock was set while it was made";
    }
    bool is_heard(Entry& entry);
    bool is_heard(Group& group);
    void on(DnsLook& look);
    void on(EndpointLook& look);
    void on(RrsetWritten& written);
    void on(MxHostLook& look);
    void on(ReportRecordLook& look);
    void on(RecordLook& look);
    void on(RecordWritten& written);
    void on(FormerLook& look);

    const Config& config_;
    Clock& clock_;
    TimeKeeper time_;
    Store& store_;
    FencingToken token_;
    PolicyOutside& outside_;
    Listeners listeners_;
    MxBoard board_;
    FormerDomains former_;

    std::map<std::string, std::unique_ptr<Entry>> entries_;
    std::set<Due> due_;
    std::set<std::string> told_mx_;
    std::map<std::string, std::unique_ptr<ReportRecord>> reports_; // by name
    std::set<std::pair<Instant, std::string>> reports_due_;
    std::map<std::string, std::unique_ptr<Group>> groups_;         // by the name of the shared record
    Commit commit_;
    std::set<std::string> touched_;                          // since the last flush
    std::set<Group*> touched_groups_;
    std::set<Entry*> dirty_;
    std::vector<Start> starts_;
    Instant set_forward_at_{};                               // by the clock as it was set
    bool wake_loaded_ = false;                               // what is known of an MX host changed
    std::optional<Instant> flush_again_;
    std::string store_trouble_;
    std::size_t under_way_ = 0, pages_ = 0;
};

} // namespace mxseal::agent
