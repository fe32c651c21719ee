// SiteWorkers: SiteOutside on bounded pools: one for each CA, one thread for the snapshot.
#pragma once

#include "agent/acme/authority.hpp"
#include "agent/domains/site_endpoint.hpp"
#include "agent/domains/site_keys.hpp"
#include "agent/domains/site_outside.hpp"
#include "agent/runtime/worker_pool.hpp"
#include "agent/store/store.hpp"

#include <functional>
#include <map>

namespace mxseal::agent {

struct SitePorts {
    Store& store;
    const SiteKeys& keys;
    const Clock& clock;
    Journal& journal;                                                        // sealed under the endpoint's key
    std::function<CertificateAuthority*(const std::string&)> authority;      // by its name in `acme`, or "self-signed"
    SiteEndpoint& endpoint;
    std::filesystem::path snapshot;
    std::function<Status(const dns::Name& domain, const std::string& authority)> reachable; // E-24: whether a CA could reach mta-sts.<domain>
};

class SiteWorkers final : public SiteOutside {
public:
    // `sink` takes each arrival, from any worker.
    SiteWorkers(SitePorts ports, const std::vector<std::string>& authorities, std::function<void(SiteArrival)> sink);

    void order(const std::string& domain, const std::string& authority) override;
    void write_snapshot(std::uint64_t generation) override;

private:
    OrderArrival ordered(const std::string& domain, const std::string& authority);
    SnapshotArrival written(std::uint64_t generation);

    SitePorts ports_;
    std::function<void(SiteArrival)> sink_;
    WorkerPool snapshots_;
    std::map<std::string, WorkerPool> authorities_;
};

} // namespace mxseal::agent
