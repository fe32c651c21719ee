// PolicyWorkers: PolicyOutside on bounded pools: one for name servers, one for fetches, one for what is written, one for MX hosts.
#pragma once

#include "agent/config/config.hpp"
#include "agent/domains/policy_outside.hpp"
#include "agent/observe/mx_host_probe.hpp"
#include "agent/observe/observer.hpp"
#include "agent/observe/policy_observer.hpp"
#include "agent/runtime/worker_pool.hpp"
#include "agent/store/store.hpp"
#include "base/http.hpp"

#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>

namespace mxseal::agent {

struct PolicyPorts {
    const Config& config;
    Store& store;                                                            // which TLS-RPT records are ours, what the endpoint signed itself
    const Clock& clock;
    Observer& observer;
    PolicyObserver& policies;
    HttpTransport& fetches;                                                  // with the roots that the probe trusts
    MxHostProbe& mx_hosts;
    std::function<std::optional<ZoneAccess>(const dns::Name&)> zone;         // absent: in no configured zone
    bool allow_private = false;                                              // of fetches (G-05)
};

class PolicyWorkers final : public PolicyOutside {
public:
    // `sink` takes each arrival, from any worker.
    PolicyWorkers(PolicyPorts ports, std::function<void(PolicyArrival)> sink);

    void observe(const std::string& domain) override;
    void fetch(const std::string& domain, bool self_signed, const std::vector<std::string>& departed) override;
    void write(const std::string& domain, dns::Type type, const rotation::mta_sts::Values& base, const rotation::mta_sts::Values& target, Ttl ttl) override;
    void look_at_mx_host(const std::string& host) override;
    void observe_record(const std::string& name) override;
    void write_record(const std::string& name, const rotation::mta_sts::Values& base, const rotation::mta_sts::Values& target, Ttl ttl) override;
    void keep_report_record(const std::string& name, const std::vector<std::string>& rua) override;
    void look_at_former(const std::string& domain) override;

private:
    rotation::mta_sts::FetchRound fetched(const dns::Name& domain, bool self_signed, const std::vector<std::string>& departed);
    std::string self_signed_of(const std::string& domain);
    void note_alias(const dns::Name& owner, const std::optional<std::string>& alias);
    std::optional<dns::Name> alias_of(const dns::Name& owner); // as the last look saw it
    Status write_at(const dns::Name& owner, dns::Type type, const rotation::mta_sts::Values& base, const rotation::mta_sts::Values& target, Ttl ttl);
    RrsetWritten written(const std::string& domain, dns::Type type, const rotation::mta_sts::Values& base, const rotation::mta_sts::Values& target, Ttl ttl);
    FormerLook former(const std::string& domain);
    ReportRecordLook report_record(const std::string& name, const std::vector<std::string>& rua);

    PolicyPorts ports_;
    std::function<void(PolicyArrival)> sink_;
    std::mutex mutex_;
    std::map<dns::Name, dns::Name> aliases_;
    WorkerPool dns_, records_, fetches_, writes_, mx_hosts_; // a shared record is not kept waiting by those who share it
};

} // namespace mxseal::agent
