// A small world for PolicyKeeper: name servers and replicas that do what they are told, on a clock that the test moves.
#pragma once

#include "agent/domains/policy_keeper.hpp"
#include "agent/store/memory_store.hpp"
#include "tests/unit/domains/configs.hpp"

#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace mxseal::agent::tests {

using rotation::mta_sts::Values;

class HandClock final : public Clock {
public:
    Instant wall() const override { return now; }
    BootTime boot_time() const override { return {std::chrono::duration_cast<Duration>((now - stepped).time_since_epoch())}; }
    std::string boot_id() const override { return "boot"; }
    void step(Duration by) {
        now += by;
        stepped += by;
    }
    Instant now = from_unix_ms(1'795'000'000'000);
    Duration stepped{0}; // how far the wall clock ran off
};

class PolicyScene final : public PolicyOutside {
public:
    struct Domain {
        std::vector<Values> txt{2}, mx{2};        // by name server; the first is written to
        std::vector<std::optional<std::string>> bodies{2}; // by replica
        std::optional<std::string> alias;         // what `_mta-sts` is an alias of, in place of `txt`
        std::set<std::size_t> departed;           // replicas whose address the name has no more
        bool nowhere = false;                     // the name has no address any more; resolvers may hold those it had
        std::uint64_t generation = 0;
        Ttl txt_ttl{3600};                        // with which its TXT is answered
        std::vector<Ttl> txt_ttls_written;
        std::vector<std::string> story;           // "serve testing", "txt id", "mx a b"
    };

    explicit PolicyScene(const std::string& config_text) : config(config_of(config_text)) {}

    // A process begins: everything it had under way is lost.
    void start();
    void want(const std::string& domain, const PolicySettings& settings) {
        wanted[domain] = &settings;
        keeper->want(domain, settings, 0.5);
    }
    // Everything that is due or arrives within `length`.
    void run(Duration length);
    bool has(const std::string& event) const;
    Json report(const std::string& domain) { return keeper->report_of(domain); }
    std::string reason(const std::string& domain) { return report(domain)["reason"].as_string().value_or(""); }

    void observe(const std::string& domain) override;
    void fetch(const std::string& domain, bool self_signed, const std::vector<std::string>& departed) override;
    void write(const std::string& domain, dns::Type type, const Values& base, const Values& target, Ttl ttl) override;
    void observe_record(const std::string& name) override;
    void write_record(const std::string& name, const Values& base, const Values& target, Ttl ttl) override;
    void look_at_mx_host(const std::string& host) override;
    void keep_report_record(const std::string& name, const std::vector<std::string>& rua) override;
    void look_at_former(const std::string& domain) override;

    Config config;
    HandClock clock;
    std::shared_ptr<MemoryDatabase> database = std::make_shared<MemoryDatabase>();
    std::unique_ptr<Store> store;
    std::unique_ptr<PolicyKeeper> keeper;
    std::map<std::string, Domain> domains;
    std::map<std::string, std::vector<Values>> records; // that domains share, by name and name server
    std::map<std::string, const PolicySettings*> wanted;
    std::map<std::string, std::string> host_troubles, report_troubles;
    std::vector<std::string> events, ended, told_mx;
    bool write_fails = false;                           // the provider answers no write
    bool second_server_follows = true, second_replica_follows = true;
    std::function<void()> on_mx_write;                  // called when the MX RRset is to be written
    std::string former_trouble;
    std::size_t looks = 0, fetches = 0, former_looks = 0, record_looks = 0, record_writes = 0;

private:
    void serve(const std::string& domain, const std::optional<std::string>& body);
    void later(std::function<void()> what) { pending_.push_back(std::move(what)); }
    rotation::mta_sts::RrsetObservation seen(const std::vector<Values>& servers, Ttl ttl = Ttl{3600}) const;

    std::deque<std::function<void()>> pending_;
    std::uint64_t generation_ = 0;
};

} // namespace mxseal::agent::tests
