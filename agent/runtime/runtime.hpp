// Runtime: owns the state of every host and joins rotation, store and world: an event comes in, rotation decides, the state is
// stored, then the actions start. One thread; no clock, sleep or thread of its own, so the simulation runs it as it is.
//
// Work is found by due time: a host that is not due costs nothing, and its document is not even read until it is.
#pragma once

#include "agent/config/config.hpp"
#include "agent/runtime/groups.hpp"
#include "agent/runtime/outside.hpp"
#include "agent/runtime/time_keeper.hpp"
#include "agent/store/store.hpp"
#include "rotation/tlsa/plan.hpp"
#include "rotation/tlsa/step.hpp"

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace mxseal::agent {

class Runtime {
public:
    Runtime(const Config& config, Clock& clock, Store& store, FencingToken token, Outside& outside);
    ~Runtime();

    // Reads the rows of all hosts and the known MX RRsets; every configured host becomes due, so that the world is looked at.
    Status start();
    // Does everything that is due, at most `kBatchMax` hosts a call.
    void tick();
    void arrived(const Arrival& arrival);
    // When tick() has something to do again; absent: only an arrival can bring work.
    std::optional<Instant> next_due() const;
    // Actions whose arrival is awaited.
    std::size_t under_way() const { return under_way_; }

    // The desk's answers (desk.hpp).
    Json status();
    Result<Json> plan(const std::vector<std::string>& hosts);
    Result<Json> request(const Json& body);

    // P3: hosts in one MX RRset of a domain that only the store names stand in one group. `hosts`: names, a space between.
    void know_mx(const std::string& hosts);

    // A pair that an ACME client brought to a configured host. Its fate is decided, `keep` puts it into the vault where it is taken, then the core
    // takes it and its state is stored. Again after a crash in between: nothing changes.
    struct Brought {
        std::string text;     // what became of it and why
        bool refused = false;
        bool stored = true;   // false: not now, it has to be brought again
    };
    Brought bring(const std::string& host, const rotation::tlsa::Key& pair, const std::function<Status()>& keep);
    // Takes what hooks left (pair_taker.hpp): asked at a start, now and then, and by the request `pairs`. Gives the replies.
    void on_pairs(std::function<Json()> taker) { pairs_ = std::move(taker); }

    // Lays keys and signing requests out for an ACME client (handover.hpp), by the request `handover`; gives the folder.
    using HandsOver = std::function<Result<std::string>(const std::string& host, const std::vector<rotation::SpkiHash>& keys)>;
    void on_handover(HandsOver hands_over) { hands_over_ = std::move(hands_over); }

    // Commands about mail domains go there; without it they are refused.
    void on_domain_request(std::function<Result<Json>(const Json&)> taker) { domain_request_ = std::move(taker); }
    // W7: whether senders find what a configured host's records pin; absent: the host is not in the configuration.
    struct Soundness {
        bool published = false, sound = false;
        std::string trouble;
    };
    std::optional<Soundness> soundness_of(const std::string& host);

    void on_log(std::function<void(const LogEntry&)> listener) { listener_ = std::move(listener); }
    // Why the store could not be written last; empty: it can.
    const std::string& store_trouble() const { return store_trouble_; }
    // Hosts that are halted or whose last action failed (exit code of `apply`).
    int hosts_in_trouble();
    // Some host is in the rounds of an observation or of a deployment: `apply` stays for these.
    bool in_rounds(Duration horizon) const;

private:
    struct Entry;
    struct View;

    Entry* find(const std::string& host);
    Status load(Entry& entry);
    void process(Entry& entry, const rotation::tlsa::Event& event, rotation::tlsa::Decision* answer = nullptr);
    Status store(Entry& entry, const rotation::tlsa::Decision& decision, Instant now);
    void give_up(Entry& entry, const Error& error);
    void set_due(Entry& entry, std::optional<Instant> due);
    rotation::tlsa::Group group_of(const Entry& entry);
    void tell_group(const Entry& entry);
    void refresh_view(Entry& entry, Instant now);
    void check_clock();
    void take_stored_requests();
    Json take_pairs();
    Result<Json> hand_over(const Json& body);
    void watch_mx();
    void mx_arrived(const MxObservation& seen);
    void log(LogEntry entry);

    const Config& config_;
    TimeKeeper time_;
    Store& store_;
    FencingToken token_;
    Outside& outside_;
    std::function<void(const LogEntry&)> listener_;
    std::function<Result<Json>(const Json&)> domain_request_;
    std::function<Json()> pairs_;
    HandsOver hands_over_;

    std::map<std::string, std::unique_ptr<Entry>> entries_;
    struct Due {
        Instant at;
        Entry* entry;
        bool operator<(const Due& other) const; // by time, then by name: the same run decides in the same order
    };
    std::set<Due> queue_;
    Groups groups_;
    std::map<dns::Name, MxObservation> mx_;
    std::optional<Instant> mx_due_, requests_due_;
    Instant requests_often_until_{};
    std::size_t under_way_ = 0;
    std::string store_trouble_;
};

} // namespace mxseal::agent
