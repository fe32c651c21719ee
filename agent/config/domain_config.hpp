// The sections `endpoint`, `profiles` and `domains` as values, and what they come to for one mail domain.
#pragma once

#include "base/dns/name.hpp"
#include "base/time.hpp"
#include "rotation/mta_sts/body.hpp"

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace mxseal::agent {

struct Config;

using PolicyMode = rotation::mta_sts::Mode;

// Where mta-sts.<domain> of every domain is served.
struct EndpointConfig {
    std::vector<std::string> listen;                    // "[::]:443"; empty: the agent only writes the snapshot, for `mxseal serve`
    std::vector<std::string> listen_http;               // "[::]:80", for http-01
    std::string certificate;                            // a name in `acme`, or "self-signed"; empty: each profile says its own
    std::filesystem::path snapshot;                     // default: endpoint.snapshot in the state folder
    bool allow_private = false;                         // G-05: probes may go to loopback, private and link-local addresses
    std::optional<std::filesystem::path> probe_ca_file; // roots for the fetch probe in place of the system's
    int line = 0;
};

// Keys of a profile, each of which a domain may set anew. Absent: not said here.
struct ProfileConfig {
    struct MtaSts {
        std::optional<PolicyMode> mode;
        std::optional<std::chrono::seconds> max_age;    // 0..31557600 s (C-11)
        std::optional<Ttl> txt_ttl;
        std::optional<bool> at_once;
        std::optional<dns::Name> txt_target;            // C-38: the TXT record that the domains share
        std::vector<std::string> mx;                    // patterns (C-12); empty: they follow the MX RRset
    };
    std::optional<MtaSts> mta_sts;                      // absent: no policy is asked for here
    std::vector<std::string> rua;                       // of tls_rpt
    std::string certificate;                            // a name in `acme`, or "self-signed"; empty: the endpoint's
    int line = 0;
};

struct DomainConfig {
    dns::Name name;
    std::optional<std::string> profile{};
    ProfileConfig own{};
    std::vector<dns::Name> mx{};                        // the MX set that is wanted in the end; empty: as it is
    bool manage_mx = false;
    int line = 0;
};

// The profile of a domain that names none.
inline constexpr std::string_view kDefaultProfile = "default";

// What holds for one domain: its profile, and its own keys above it. Absent: no policy is wanted for it.
struct PolicySettings {
    PolicyMode mode = PolicyMode::testing;              // our choice: nothing is refused for a policy that nobody tried
    std::chrono::seconds max_age{86400};                // C-11: enforce 604800, else 86400
    Ttl txt_ttl{3600};
    bool at_once = false;
    std::optional<dns::Name> txt_target;                // C-38: `_mta-sts.<domain>` is meant to be an alias of it; absent: an own record
    std::vector<std::string> mx_patterns;               // empty: follow `mx_goal`, else the MX RRset
    std::vector<dns::Name> mx_goal;
    bool manage_mx = false;
    std::vector<std::string> rua;
    std::string certificate;                            // a name in `acme`, or "self-signed"
    std::string profile;
    bool operator==(const PolicySettings&) const = default;
};

std::optional<PolicySettings> settings_of(const Config& config, const DomainConfig& domain);
// Of a domain that stands in the store; `profile` may be unknown, as after an edit of the file: then nothing is wanted.
std::optional<PolicySettings> settings_of(const Config& config, const std::string& profile);

// RFC 8461 section 3.2 (C-12): `["*."] Domain` as A-labels, no address, no final dot; the form that is served, or nothing.
std::optional<std::string> mx_pattern(std::string_view text);
// A mail domain as it is named in the file, the store and on the command line: a host name of two labels at least (RFC 1123 section 2.1)
// that leaves room for `mta-sts.` before it. `invalid` says what is wrong.
Result<dns::Name> parse_mail_domain(std::string_view text);

} // namespace mxseal::agent
