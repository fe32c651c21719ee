#include "agent/runtime/host_policy.hpp"

#include <fmt/format.h>

namespace mxseal::agent {

rotation::tlsa::Policy policy_of(const Config& config, const HostConfig& host) {
    rotation::tlsa::Policy policy;
    policy.host = host.name.text();
    policy.ports = host.ports;
    policy.algorithms = host.keys;
    policy.rotate_every = host.rotate_every;
    policy.tlsa_ttl = host.tlsa_ttl;
    policy.dane = host.dane;
    policy.publicly_trusted = host.certificate != "self-signed" && host.certificate != "external";
    policy.brings_certificates = host.certificate != "external";
    policy.makes_keys = policy.brings_certificates || host.external.keys == KeyMaker::mxseal;
    policy.asks_renewal_info = config.acme.contains(host.certificate);
    for (const DeployTarget& target : host.deploy)
        policy.deploy_hint += fmt::format("{}smtpd_tls_chain_files = {}", policy.deploy_hint.empty() ? "" : " or ", target.combined.string());
    const Timing& timing = config.timing;
    policy.safety_margin = timing.safety_margin;
    policy.resolver_min_ttl = timing.resolver_min_ttl;
    policy.stale_margin = timing.stale_margin;
    policy.emergency_stale_margin = timing.emergency_stale_margin;
    policy.anycast_margin = timing.anycast_margin;
    policy.unseen_ttl = timing.unseen_ttl;
    policy.stagger = timing.stagger;
    policy.rollback_hold = timing.rollback_hold;
    policy.unreachable_grace = timing.unreachable_grace;
    policy.observe_every = timing.observe_every;
    policy.monitor_every = timing.monitor_every;
    return policy;
}

} // namespace mxseal::agent
