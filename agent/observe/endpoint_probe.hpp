// All handshakes with one endpoint, one after the other: a polite client is one client.
#pragma once

#include "agent/observe/smtp_dialog.hpp"
#include "agent/observe/starttls_prober.hpp"

#include <vector>

namespace mxseal::agent {

class EndpointProber {
public:
    EndpointProber(const Clock& clock, const ProberOptions& options, const TlsClient& tls, const ProbeTarget& target,
                   std::string address, std::uint16_t port)
        : clock_(clock), options_(options), tls_(tls), target_(target), address_(std::move(address)), port_(port),
          deadline_(clock, options.endpoint_limit) {}

    std::vector<rotation::tlsa::EndpointProbe> run();

private:
    using EndpointProbe = rotation::tlsa::EndpointProbe;
    struct Seen {
        EndpointProbe probe;
        bool refused_by_tls = false; // the handshake ended by an alert or a rule of TLS, not by silence
        bool tls13 = false;
    };

    Seen free_handshake(EndpointProbe::Sni sni);
    void force(rotation::Algorithm algorithm, bool works_otherwise, std::vector<EndpointProbe>& probes);
    Seen forced_handshake(rotation::Algorithm algorithm, TlsOffer::Versions versions);
    std::vector<EndpointProbe> all_like(const EndpointProbe& first) const;

    Seen connect_and_shake(EndpointProbe probe, TlsOffer offer);
    bool begin_tls(TcpStream& stream, EndpointProbe& probe);
    void shake(TcpStream& stream, const TlsOffer& offer, Seen& seen);
    void judge(const TlsSession& session, EndpointProbe& probe) const;
    void say_goodbye(TlsSession& session) const;
    bool implicit_tls() const { return options_.implicit_tls_ports.contains(port_); }
    std::optional<std::string> name_for(EndpointProbe::Sni sni) const;

    const Clock& clock_;
    const ProberOptions& options_;
    const TlsClient& tls_;
    const ProbeTarget& target_;
    const std::string address_;
    const std::uint16_t port_;
    const Deadline deadline_;
};

} // namespace mxseal::agent
