#include "agent/observe/starttls_prober.hpp"

#include "agent/observe/bounded_parallel.hpp"
#include "agent/observe/endpoint_probe.hpp"

namespace mxseal::agent {
namespace {

using rotation::tlsa::EndpointProbe;
using rotation::tlsa::ProbeRound;

struct EndpointJob {
    std::string address;
    std::uint16_t port;
    std::vector<EndpointProbe> probes;
};

std::vector<EndpointJob> jobs_of(const ProbeTarget& target) {
    std::vector<EndpointJob> jobs;
    for (const std::string& address : target.addresses)
        for (const std::uint16_t port : target.ports) jobs.push_back({address, port, {}});
    return jobs;
}

std::vector<EndpointProbe> not_begun(const EndpointJob& job) {
    EndpointProbe probe;
    probe.address = job.address;
    probe.port = job.port;
    probe.failure = EndpointProbe::Failure::unreachable;
    probe.detail = "not tried: the round had used up its time on other endpoints";
    return {probe};
}

} // namespace

Result<std::unique_ptr<StartTlsProber>> StartTlsProber::create(const Clock& clock, ProberOptions options) {
    Result<TlsClient> tls = TlsClient::create();
    if (!tls) return std::move(tls).error();
    return std::unique_ptr<StartTlsProber>(new StartTlsProber(clock, std::move(options), std::move(tls).value()));
}

ProbeRound StartTlsProber::probe(const ProbeTarget& target) {
    ProbeRound round;
    round.started = clock_.wall();
    std::vector<EndpointJob> jobs = jobs_of(target);
    if (jobs.empty()) round.error = target.host.text() + " has no address or no port to probe";
    const Deadline deadline(clock_, options_.round_limit);
    for_each_bounded(jobs.size(), options_.threads, [&](std::size_t index) {
        EndpointJob& job = jobs[index];
        job.probes = deadline.over() ? not_begun(job) : EndpointProber(clock_, options_, tls_, target, job.address, job.port).run();
    });
    for (EndpointJob& job : jobs)
        round.endpoints.insert(round.endpoints.end(), std::make_move_iterator(job.probes.begin()), std::make_move_iterator(job.probes.end()));
    round.finished = clock_.wall();
    return round;
}

} // namespace mxseal::agent
