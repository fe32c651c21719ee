#include "agent/domains/site_workers.hpp"

#include "agent/domains/order_job.hpp"
#include "agent/domains/snapshot_job.hpp"

#include <fmt/format.h>

namespace mxseal::agent {

namespace {

// Our choices, for a machine of a few cores: waiting for the network, not computing, is what most of these threads do.
constexpr std::size_t kAuthorityThreads = 4, kSelfSignedThreads = 1, kSnapshotThreads = 1;

} // namespace

SiteWorkers::SiteWorkers(SitePorts ports, const std::vector<std::string>& authorities, std::function<void(SiteArrival)> sink)
    : ports_(std::move(ports)), sink_(std::move(sink)), snapshots_(kSnapshotThreads) {
    for (const auto& name : authorities) authorities_.try_emplace(name, kAuthorityThreads);
    authorities_.try_emplace("self-signed", kSelfSignedThreads);
}

void SiteWorkers::order(const std::string& domain, const std::string& authority) {
    auto pool = authorities_.find(authority);
    if (pool == authorities_.end()) return sink_(OrderArrival{domain, authority, Error(ErrorCode::not_found, fmt::format("'{}' is not in `acme`", authority))});
    pool->second.submit([this, domain, authority] { sink_(ordered(domain, authority)); });
}

void SiteWorkers::write_snapshot(std::uint64_t generation) {
    snapshots_.submit([this, generation] { sink_(written(generation)); });
}

OrderArrival SiteWorkers::ordered(const std::string& domain, const std::string& authority) {
    CertificateAuthority* ca = ports_.authority(authority);
    if (ca == nullptr) return {domain, authority, Error(ErrorCode::not_found, fmt::format("'{}' is not in `acme`", authority))};
    auto name = dns::Name::parse(domain);
    if (!name.ok()) return {domain, authority, std::move(name).error()};
    if (auto reached = ports_.reachable(*name, authority); !reached.ok()) return {domain, authority, std::move(reached).error(), false};
    return {domain, authority, order_site(domain, *ca, ports_.keys, authority == "self-signed" ? nullptr : &ports_.journal)};
}

SnapshotArrival SiteWorkers::written(std::uint64_t generation) {
    auto result = agent::write_snapshot(ports_.store, ports_.keys, ports_.clock, ports_.snapshot, generation);
    if (!result.ok()) return {generation, std::move(result).error(), {}};
    if (auto taken = ports_.endpoint.take_snapshot(); !taken.ok()) return {generation, std::move(taken).error().in_context("serving the new snapshot"), {}};
    return {generation, result->sites, std::move(result->unopened), ports_.endpoint.taken_within()};
}

} // namespace mxseal::agent
