// SiteKeeper: the endpoint's names, one small entry a domain: takes domains from file and store, has certificates ordered and renewed, sees
// MX RRsets, renders bodies, and has the snapshot written. One thread, the one of Runtime; no clock, thread or socket of its own.
//
// Work is found by due time: a hundred thousand domains at rest cost nothing but their memory. What changes is stored first and acted on
// afterwards; all that came in one turn is one transaction.
#pragma once

#include "agent/config/config.hpp"
#include "agent/domains/site_outside.hpp"
#include "agent/runtime/loop_guest.hpp"
#include "agent/store/store.hpp"
#include "rotation/mta_sts/site.hpp"
#include "rotation/mta_sts/site_rate.hpp"

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

namespace mxseal::agent {

class SiteKeeper final : public LoopGuest {
public:
    SiteKeeper(const Config& config, const Clock& clock, Store& store, FencingToken token, SiteOutside& outside);
    ~SiteKeeper() override;

    // Reads domains and sites; contacts nobody.
    Status start();
    // Does everything that is due, at most a few hundred domains a call, and stores what arrived.
    void tick() override;
    void arrived(SiteArrival arrival);
    std::optional<Instant> next_due() const override;
    std::size_t under_way() const { return under_way_; }

    // {"counts": {"domains", "served", "waiting", "alarms", "critical"}, "generation", "snapshot": null or why it cannot be written,
    //  "domains": [{"domain", "profile", "mta_sts": {...}}]}: all that are not at rest and those of the file, at most `limit`.
    Json report(std::size_t limit) const;
    // The member "mta_sts" of one domain; null: it has none.
    Json report_of(const std::string& domain) const;

    // Each of `domains` gets its "mta_sts"; the store's come behind them, as report() chooses; "mta_sts" is the rest of report().
    void add_to(Json& status) const override;
    // At the end: what arrived is stored, nothing new is begun.
    void store_arrived();

    // Called once with each MX RRset that any domain has or had in this process: its hosts, a space between. Before start().
    void on_mx(std::function<void(const std::string&)> listener) { mx_listener_ = std::move(listener); }
    void on_log(std::function<void(const LogEntry&)> listener) { listener_ = std::move(listener); }
    // Why the store could not be written or read last; empty: it could.
    const std::string& store_trouble() const { return store_trouble_.empty() ? read_trouble_ : store_trouble_; }

private:
    struct Entry;
    struct Queue;                                           // the orders that wait for one CA
    using Text = std::shared_ptr<const std::string>;
    struct Due {
        Instant at;
        Entry* entry;
        bool operator<(const Due& other) const;
    };
    using Start = std::function<void()>;                    // an act, once what led to it is stored

    void read_domains();
    void take(const DomainRow& row);
    void take_file_domains();
    Entry& entry_of(const std::string& domain);
    void settle(Entry& entry);                              // its settings may have changed
    void drop(Entry& entry);
    const PolicySettings* settings_for(const Entry& entry);
    void process(Entry& entry, const rotation::mta_sts::SiteEvent& event);
    void carry_out(Entry& entry, const rotation::mta_sts::SiteAction& action);
    void order_what_may(Instant now);
    void look_at_mx(Entry& entry, Instant now);
    void render(Entry& entry);
    void keep(const Entry& entry);                          // its row is stored with the next flush
    bool is_unflushed() const;
    SiteRow row_of(const Entry& entry) const;
    void changed_served(Entry& entry);
    void schedule(Entry& entry, std::optional<Instant> wake);
    void set_due(Entry& entry, std::optional<Instant> due);
    void write_snapshot_if_due(Instant now);
    bool store_all(Instant now);
    void flush(Instant now);
    void log(const std::string& domain, std::string event, Json fields, std::string sentence);
    rotation::mta_sts::SitePolicy policy_of(const Entry& entry) const;
    Text interned(const std::string& text);
    Text known_mx(const std::string& hosts);
    Json describe(const Entry& entry, Instant now) const;
    bool is_at_rest(const Entry& entry, Instant now) const;

    void on(OrderArrival& arrival);
    void on(FetchArrival& arrival);
    void on(SnapshotArrival& arrival);
    void on(MxObservation& seen);

    const Config& config_;
    const Clock& clock_;
    Store& store_;
    FencingToken token_;
    SiteOutside& outside_;
    std::function<void(const LogEntry&)> listener_;
    std::function<void(const std::string&)> mx_listener_;
    std::set<std::string> told_mx_;

    std::map<std::string, std::unique_ptr<Entry>> entries_;
    std::set<Due> due_;
    std::map<std::string, std::unique_ptr<PolicySettings>> profiles_; // of the store's domains; null: nothing is wanted
    std::map<std::string, Queue> queues_;                   // by CA
    std::unordered_map<std::string, std::weak_ptr<const std::string>> texts_;
    std::size_t texts_in_use_ = 0;
    std::int64_t domains_version_ = 0;
    std::optional<Instant> domains_due_;

    Commit commit_;                                         // what the next flush stores
    std::set<std::string> dirty_;                           // and the rows of these domains
    std::vector<Start> starts_;
    std::optional<Instant> flush_again_;
    std::string store_trouble_, read_trouble_;

    std::uint64_t generation_ = 0;
    std::optional<Instant> snapshot_due_;                   // something that is served changed
    std::optional<Instant> snapshot_begun_;                 // one is being written
    Instant snapshot_not_before_{};
    std::string snapshot_trouble_;
    std::vector<std::string> to_be_served_, being_served_;  // domains that the next snapshot, the one under way, brings
    std::size_t under_way_ = 0;
};

} // namespace mxseal::agent
