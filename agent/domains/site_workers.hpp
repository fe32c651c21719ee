// SiteWorkers: SiteOutside on bounded pools: one for each CA, one for DNS, one for fetches, one thread for the snapshot.
#pragma once

#include "agent/acme/authority.hpp"
#include "agent/domains/site_endpoint.hpp"
#include "agent/domains/site_keys.hpp"
#include "agent/domains/site_outside.hpp"
#include "agent/runtime/worker_pool.hpp"
#include "agent/store/store.hpp"
#include "base/http.hpp"

#include <functional>
#include <map>

namespace mxseal::agent {

struct SitePorts {
    Store& store;
    const SiteKeys& keys;
    const Clock& clock;
    Observer& observer;
    HttpTransport& fetches;                                                  // with the roots that the probe trusts
    Journal& journal;                                                        // sealed under the endpoint's key
    std::function<CertificateAuthority*(const std::string&)> authority;      // by its name in `acme`, or "self-signed"
    SiteEndpoint& endpoint;
    std::filesystem::path snapshot;
    bool allow_private = false;                                              // of fetches (G-05)
};

class SiteWorkers final : public SiteOutside {
public:
    // `sink` takes each arrival, from any worker.
    SiteWorkers(SitePorts ports, const std::vector<std::string>& authorities, std::function<void(SiteArrival)> sink);

    void order(const std::string& domain, const std::string& authority) override;
    void fetch(const std::string& domain, const std::string& body) override;
    void observe_mx(const dns::Name& domain) override;
    void write_snapshot(std::uint64_t generation) override;

private:
    Result<IssuedSite> ordered(const std::string& domain, const std::string& authority);
    Status fetched(const std::string& domain, const std::string& body);
    SnapshotArrival written(std::uint64_t generation);

    SitePorts ports_;
    std::function<void(SiteArrival)> sink_;
    WorkerPool dns_, fetches_, snapshots_;
    std::map<std::string, WorkerPool> authorities_;
};

} // namespace mxseal::agent
