// MailDomains: the two keepers of the mail domains as one guest of the loop: SiteKeeper has the endpoint serve what PolicyKeeper decides.
#pragma once

#include "agent/domains/policy_keeper.hpp"
#include "agent/domains/site_keeper.hpp"
#include "agent/runtime/loop_guest.hpp"

namespace mxseal::agent {

class MailDomains final : public LoopGuest {
public:
    struct Neighbours {
        std::function<void(const std::string& hosts)> mx;            // P3: hosts of one MX RRset, a space between
        MxBoard::Readiness readiness;                                // W7
        std::function<void(const LogEntry&)> log;
    };
    MailDomains(const Config& config, Clock& clock, Store& store, FencingToken token, SiteOutside& sites, PolicyOutside& policies, Neighbours neighbours);

    // Reads what is stored; contacts nobody.
    Status start();
    void arrived(SiteArrival arrival) { sites_.arrived(std::move(arrival)); }
    void arrived(PolicyArrival arrival) { policies_.arrived(std::move(arrival)); }
    void store_arrived();
    std::size_t under_way() const { return sites_.under_way() + policies_.under_way(); }

    void tick() override;
    std::optional<Instant> next_due() const override;
    // Each of `domains` gets its "mta_sts"; the store's come behind them, those that are not at rest first, at most 200; "mta_sts" counts all.
    void add_to(Json& status) override;
    // "domains": what comes next for those that are not at rest, and those of the file; at most 50.
    void add_plans(Json& plan) override;
    Result<Json> request(const Json& body) override { return policies_.request(body); }

    SiteKeeper& sites() { return sites_; }
    PolicyKeeper& policies() { return policies_; }

private:
    Json report_of(const std::string& domain);

    SiteKeeper sites_;
    PolicyKeeper policies_;
};

} // namespace mxseal::agent
