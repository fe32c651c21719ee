// Policy: what the configuration says of one host, as rotation needs it. Names are those of `timing` and `hosts`.
#pragma once

#include "base/time.hpp"
#include "rotation/types.hpp"

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

namespace mxseal::rotation::tlsa {

struct Policy {
    std::string host;
    std::vector<std::uint16_t> ports{25};
    std::vector<Algorithm> algorithms{Algorithm::ecdsa_p256};
    Duration rotate_every = std::chrono::hours(90 * 24);
    Ttl tlsa_ttl{3600};
    bool dane = true;
    bool publicly_trusted = true;  // `certificate` names an ACME entry: a self-made certificate is replaced at once
    bool brings_certificates = true; // false: `certificate: external`, a renewal hook brings them
    bool makes_keys = true;        // false: `external: {keys: client}`, keys come with the certificates, and there is no standby of mxseal's
    bool asks_renewal_info = false; // `certificate` names an ACME entry: its CA is asked when it wants certificates renewed (RFC 9773)
    std::string deploy_hint;       // the line to set in the MTA: "smtpd_tls_chain_files = /etc/postfix/tls/mx1.pem"

    Duration safety_margin = std::chrono::minutes(16);
    Duration resolver_min_ttl = std::chrono::hours(1);
    Duration stale_margin = std::chrono::hours(72);
    Duration emergency_stale_margin{0};
    Duration anycast_margin = std::chrono::minutes(5);
    Duration unseen_ttl = std::chrono::hours(24);
    Duration stagger = std::chrono::hours(24);
    Duration rollback_hold = std::chrono::hours(24);
    Duration unreachable_grace = std::chrono::hours(1);
    Duration observe_every = std::chrono::minutes(1);
    Duration monitor_every = std::chrono::hours(1);
};

// Between two tries of what fails, unless the peer asks for more.
inline Duration longest_pause(const Policy& policy) { return std::max(policy.monitor_every, policy.observe_every); }

// Rounds that declare a version complete (requirements 0, T_all) and a switch confirmed (W2).
constexpr int kRounds = 3;
// RFC 8767 section 4: resolvers may cap a TTL at seven days; older sightings of a TTL cannot matter any more (W5).
constexpr Duration kTtlLookBack = std::chrono::hours(7 * 24);
// DESIGN.md, Interface: the pace of observation in waits longer than a few rounds.
constexpr Duration kLongWaitPace = std::chrono::minutes(15);

} // namespace mxseal::rotation::tlsa
