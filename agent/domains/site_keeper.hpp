// SiteKeeper: the endpoint's names, one small entry a domain: takes domains from file and store, has certificates ordered and renewed, and
// has the snapshot written with the bodies that it is given. One thread, the one of Runtime; no clock, thread or socket of its own.
//
// Work is found by due time: a hundred thousand domains at rest cost nothing but their memory. What changes is stored first and acted on
// afterwards; all that came in one turn is one transaction.
#pragma once

#include "agent/config/config.hpp"
#include "agent/domains/site_outside.hpp"
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

class SiteKeeper {
public:
    // What the keeper tells its neighbours, on its own thread.
    struct Listeners {
        // A policy is wanted for `domain`; the settings stay until the next call for it. `spread` 0..1: its place in each window.
        std::function<void(const std::string& domain, const PolicySettings& settings, float spread)> wanted;
        // Nobody wants it any more: it is served on until dropped().
        std::function<void(const std::string& domain, float spread)> left;
        // A snapshot is in place, and served from, with what serve() gave last for these, or without what it took.
        std::function<void(const std::vector<std::string>& domains, std::uint64_t generation)> in_place;
        std::function<void(const LogEntry&)> log;
    };

    SiteKeeper(const Config& config, const Clock& clock, Store& store, FencingToken token, SiteOutside& outside);
    ~SiteKeeper();
    void listen(Listeners listeners) { listeners_ = std::move(listeners); }

    // Reads domains and sites; contacts nobody.
    Status start();
    // Does everything that is due, at most a few hundred domains a call, and stores what arrived.
    void tick();
    void arrived(SiteArrival arrival);
    std::optional<Instant> next_due() const;
    std::size_t under_way() const { return under_way_; }

    // From the next snapshot on; absent: nothing is served for it.
    void serve(const std::string& domain, const std::optional<std::string>& body);
    // Every address was fetched from as senders do; `trouble` empty: all was well (C-25).
    void fetched(const std::string& domain, const std::string& trouble);
    // Its policy has ended: nothing of it is kept.
    void dropped(const std::string& domain);

    // {"counts": {"domains", "served", "not_at_rest", "warnings", "criticals"}, "generation", "snapshot": null or why it cannot be written, "store"}
    Json totals() const;
    struct Named {
        std::string domain, profile;
        bool in_file = false, at_rest = false;
    };
    // By name.
    std::vector<Named> domains() const;
    // {"served", "body", "certificate", "certificate_until", "renewed_from", "fetched_at", "alarm", "trouble" of the last fetch, "reason"} of one domain; null: it has none.
    Json report_of(const std::string& domain) const;
    // At the end: what arrived is stored, nothing new is begun.
    void store_arrived();
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
    struct Placed {
        Instant written;
        Duration taken_within;
        std::vector<std::string> domains;
        std::uint64_t generation;
        Instant due() const { return written + taken_within; }
    };
    using Start = std::function<void()>;                    // an act, once what led to it is stored

    void read_domains();
    void take(const DomainRow& row);
    void take_file_domains();
    Entry& entry_of(const std::string& domain);
    void settle(Entry& entry);                              // its settings may have changed
    void drop(Entry& entry);
    const PolicySettings* ending_settings(Entry& entry);
    const PolicySettings* settings_for(const Entry& entry);
    void process(Entry& entry, const rotation::mta_sts::SiteEvent& event);
    void order(const Entry& entry);                         // as soon as its CA may be asked
    void order_what_may(Instant now);
    void keep(const Entry& entry);                          // its row is stored with the next flush
    bool is_unflushed() const;
    SiteRow row_of(const Entry& entry) const;
    void replace_unopened(const UnopenedSite& unopened);
    void changed_served(Entry& entry);
    void set_due(Entry& entry, std::optional<Instant> due);
    bool is_set_back(Instant now) const;
    void sleep_no_longer(Instant now);
    void write_snapshot_if_due(Instant now);
    void tell_in_place(Instant now);
    bool store_all(Instant now);
    void flush(Instant now);
    void log(const std::string& domain, std::string event, Json fields, std::string sentence);
    Text interned(const std::string& text);
    Json describe(const Entry& entry, Instant now) const;
    bool is_at_rest(const Entry& entry, Instant now) const;

    void on(OrderArrival& arrival);
    void on(SnapshotArrival& arrival);

    const Config& config_;
    const Clock& clock_;
    Store& store_;
    FencingToken token_;
    SiteOutside& outside_;
    Listeners listeners_;

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
    std::deque<Placed> placed_;                             // written, and on their way to those who serve from the file
    std::size_t under_way_ = 0;
};

} // namespace mxseal::agent
