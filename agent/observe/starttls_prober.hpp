// StartTlsProber: the Prober that really connects.
//
// It contacts only the addresses it is given (G-05), says EHLO, STARTTLS and QUIT, and sends no mail. probe() blocks for
// one round; any thread, several rounds at once.
#pragma once

#include "agent/observe/observer.hpp"
#include "agent/observe/tls_client.hpp"
#include "base/time.hpp"

#include <chrono>
#include <memory>
#include <set>
#include <string>

namespace mxseal::agent {

struct ProberOptions {
    std::string ehlo_name = "probe.mxseal.invalid";
    std::string other_sni = "other.mxseal.invalid"; // a name that no server knows (RFC 7672 section 8.1)
    // Ports where TLS begins at once (RFC 8314 section 3); all others speak SMTP with STARTTLS.
    std::set<std::uint16_t> implicit_tls_ports{465, 993, 995};
    Duration connect_limit = std::chrono::seconds(30);
    Duration endpoint_limit = std::chrono::seconds(300); // A-61; all handshakes with one address and port
    Duration quit_limit = std::chrono::seconds(2);       // our choice: how long to wait for the answer to QUIT
    Duration round_limit = std::chrono::minutes(15);     // our choice: what has not begun by then counts as unreachable
    std::size_t threads = 8;                             // endpoints of a round at the same time
};

class StartTlsProber final : public Prober {
public:
    // `clock` outlives the prober.
    static Result<std::unique_ptr<StartTlsProber>> create(const Clock& clock, ProberOptions options = {});

    rotation::tlsa::ProbeRound probe(const ProbeTarget& target) override;

private:
    StartTlsProber(const Clock& clock, ProberOptions options, TlsClient tls)
        : clock_(clock), options_(std::move(options)), tls_(std::move(tls)) {}

    const Clock& clock_;
    const ProberOptions options_;
    const TlsClient tls_;
};

} // namespace mxseal::agent
