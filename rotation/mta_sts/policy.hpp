// Policy: what the configuration says of one mail domain, as rotation needs it. Names are those of `timing`, `profiles` and `domains`.
#pragma once

#include "rotation/mta_sts/body.hpp"

#include <algorithm>
#include <string>
#include <vector>

namespace mxseal::rotation::mta_sts {

struct Policy {
    std::string domain;
    Mode mode = Mode::testing;                     // that is wanted in the end; none ends MTA-STS by C-36
    bool at_once = false;                          // enforce without C-35's gate
    std::chrono::seconds max_age{2'419'200};       // that is wanted in the end (C-11)
    Ttl txt_ttl{3600};                             // C-07
    std::string txt_target;                        // C-38: the record that many domains share, `_mta-sts.<domain>` being an alias of it; empty: an own record
    std::vector<std::string> patterns;             // `mta_sts.mx`; empty: the names of the MX RRset (C-13)
    std::vector<std::string> mx_goal;              // `domains.D.mx`, host names; empty: the MX RRset as it stands
    bool manage_mx = false;                        // mxseal may write the MX RRset
    bool manage_txt = true;                        // mxseal may write the TXT record; else the operator is asked to

    Duration safety_margin = std::chrono::minutes(16);
    Duration resolver_min_ttl = std::chrono::hours(1);
    Duration stale_margin = std::chrono::hours(72);
    Duration unseen_ttl = std::chrono::hours(24);        // of address records, which mxseal neither writes nor reads the TTL of
    Duration anycast_margin = std::chrono::minutes(5);
    Duration policy_refresh = std::chrono::hours(24);
    Duration proxy_margin = std::chrono::seconds(60);    // T_p: what a reverse proxy may still answer with (C-23)
    Duration testing_for = std::chrono::hours(24 * 28);  // C-35: clean own probes before enforce
    Duration quiet_for = std::chrono::hours(24 * 7);     // C-35: between two steps of max_age
    Duration observe_every = std::chrono::minutes(1);
    Duration monitor_every = std::chrono::hours(1);
};

// Between two tries of what fails, unless the peer asks for more.
inline Duration longest_pause(const Policy& policy) { return std::max(policy.monitor_every, policy.observe_every); }

} // namespace mxseal::rotation::mta_sts
