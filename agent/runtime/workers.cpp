#include "agent/runtime/workers.hpp"

#include "agent/runtime/jobs.hpp"

namespace mxseal::agent {

using namespace rotation::tlsa;

namespace {

// Our choices, for a machine of a few cores: waiting for the network, not computing, is what these threads do.
constexpr std::size_t kDnsThreads = 8, kProbeThreads = 8, kKeyThreads = 1, kDeployThreads = 4, kProviderThreads = 2, kAuthorityThreads = 4;

} // namespace

Workers::Workers(RealWorld& world, std::function<void(Arrival)> sink) : world_(world), sink_(std::move(sink)) {
    pools_.try_emplace("dns", kDnsThreads);
    pools_.try_emplace("probe", kProbeThreads);
    pools_.try_emplace("keys", kKeyThreads);
    pools_.try_emplace("deploy", kDeployThreads);
    for (const auto& [name, provider] : world_.config().providers) pools_.try_emplace("provider/" + name, kProviderThreads);
    for (const auto& [name, acme] : world_.config().acme) pools_.try_emplace("ca/" + name, kAuthorityThreads);
    pools_.try_emplace("ca/self-signed", kKeyThreads);
    pools_.try_emplace("ca/external", kKeyThreads);
}

WorkerPool& Workers::pool_for(const HostConfig& host, const Action& action) {
    const auto& provider = world_.config().zones.at(host.zone).providers.front();
    switch (task_of(action)) {
    case Task::observe: return pools_.at("dns");
    case Task::probe: return pools_.at("probe");
    case Task::read_file:
    case Task::generate: return pools_.at("keys");
    case Task::certificate:
    case Task::renewal_info: return pools_.at("ca/" + host.certificate);
    case Task::write:
    case Task::validate_time: return pools_.at("provider/" + provider);
    case Task::deploy: return pools_.at("deploy");
    }
    return pools_.at("dns");
}

void Workers::start(const std::string& host, const Action& action) {
    const HostConfig& config = world_.config().hosts.at(*dns::Name::parse(host));
    pool_for(config, action).submit([this, &config, host, action] { sink_(HostArrival{host, carry_out(world_, config, action)}); });
}

void Workers::observe_mx(const dns::Name& domain) {
    pools_.at("dns").submit([this, domain] { sink_(world_.observer().observe_mx(domain)); });
}

} // namespace mxseal::agent
