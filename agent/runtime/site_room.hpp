// SiteRoom: what the domain side keeps over reloads of the configuration: the endpoint, its sealing key, its journal; and SiteShift, one
// configuration's worth of it.
#pragma once

#include "agent/config/config.hpp"
#include "agent/domains/site_endpoint.hpp"
#include "agent/domains/mail_domains.hpp"
#include "agent/domains/policy_workers.hpp"
#include "agent/domains/site_keys.hpp"
#include "agent/domains/site_workers.hpp"
#include "agent/runtime/control_thread.hpp"
#include "agent/runtime/main_entry.hpp"
#include "agent/runtime/real_world.hpp"
#include "agent/runtime/store_journal.hpp"

namespace mxseal::agent {

class SiteRoom {
public:
    // Serves when it returns, from the stored snapshot, or from one that is written now where there is none. `config.endpoint` is set.
    static Result<std::unique_ptr<SiteRoom>> open(const Config& config, const Clock& clock, Store& store, FencingToken token, const AgentHooks& hooks);

    SiteEndpoint& endpoint() { return *endpoint_; }
    const SiteKeys& keys() const { return keys_; }
    Journal& journal() { return journal_; }

private:
    SiteRoom(Sealer sealer, Store& store) : sealer_(std::move(sealer)), keys_(sealer_), journal_(store, sealer_) {}

    Sealer sealer_;
    SiteKeys keys_;
    StoreJournal journal_;
    std::unique_ptr<SiteEndpoint> endpoint_;
};

// Why `next` cannot take over from `old` without a restart; empty: it can.
std::string why_restart(const Config& old, const Config& next);

class SiteShift {
public:
    static Result<std::unique_ptr<SiteShift>> begin(const Config& config, Clock& clock, Store& store, FencingToken token, ControlThread& loop, RealWorld& world, Runtime& runtime, SiteRoom& room,
                                                    const AgentHooks& hooks);
    ~SiteShift();
    MailDomains& domains() { return *domains_; }

private:
    SiteShift(ControlThread& loop, Runtime& runtime) : loop_(loop), runtime_(runtime) {}

    ControlThread& loop_;
    Runtime& runtime_;
    std::unique_ptr<HttpTransport> fetches_;
    std::unique_ptr<MxHostProbe> mx_hosts_;
    std::unique_ptr<SiteWorkers> site_workers_;
    std::unique_ptr<PolicyWorkers> policy_workers_;
    std::shared_ptr<MailDomains> domains_;
};

} // namespace mxseal::agent
