// Config: the whole configuration as values, checked before anything starts (DESIGN.md, Interface).
//
// load_config() reads one YAML file. It collects every mistake, not only the first; each says file, line, the value and
// what is allowed. Nothing is created, no server is asked.
#pragma once

#include "agent/config/domain_config.hpp"
#include "agent/deploy/deployer.hpp"
#include "agent/observe/observer.hpp"
#include "base/dns/name.hpp"
#include "base/dns/query.hpp"
#include "base/result.hpp"
#include "base/secret.hpp"
#include "base/time.hpp"
#include "rotation/types.hpp"

#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace mxseal::agent {

// `timing`: the names and defaults of requirements.md section 0.
struct Timing {
    Duration safety_margin = std::chrono::minutes(16);
    Duration resolver_min_ttl = std::chrono::hours(1);
    Duration stale_margin = std::chrono::hours(72);
    Duration emergency_stale_margin{0};
    Duration anycast_margin = std::chrono::minutes(5);
    Duration unseen_ttl = std::chrono::hours(24);       // at most 7d
    Duration stagger = std::chrono::hours(24);
    Duration rollback_hold = std::chrono::hours(24);
    Duration unreachable_grace = std::chrono::hours(1);
    Duration policy_refresh = std::chrono::hours(24);
    Duration proxy_margin = std::chrono::seconds(60);   // C-23: what a reverse proxy before the endpoint may still answer with
    Duration testing_for = std::chrono::hours(24 * 28); // C-35: clean looks before a policy goes from testing to enforce
    Duration quiet_for = std::chrono::hours(24 * 7);    // C-35: between two steps of max_age
    Duration observe_every = std::chrono::minutes(1);   // at least 1s
    Duration monitor_every = std::chrono::hours(1);
};

struct ResolverConfig {
    std::vector<dns::Endpoint> forward;                 // empty: full recursion
    std::vector<std::filesystem::path> trust_anchors{"/usr/share/dns/root.key"};
    std::optional<std::filesystem::path> root_hints;
};

struct AcmeConfig {
    std::string name;
    std::string directory;                              // https URL
    std::vector<std::string> contact;
    std::string challenge = "dns-01";                   // or http-01, tls-alpn-01: for the endpoint's names alone (E-18, E-19)
    bool accept_terms = false;
    std::optional<std::filesystem::path> ca_file;
};

struct ProviderConfig {
    std::string name;
    std::string type;                                   // "rfc2136"
    std::vector<dns::Endpoint> servers;                 // primaries, in order
    std::string tsig_name, tsig_algorithm = "hmac-sha256"; // hmac-sha256, -sha384, -sha512
    std::filesystem::path tsig_secret_file;             // base64, one line
};

struct ZoneConfig {
    dns::Name name;
    std::vector<std::string> providers;                 // names in `providers`
    std::vector<ExtraNameServer> nameservers;
};

// How an ACME client of the operator's takes part (`certificate: external`).
enum class KeyMaker { client, mxseal };
struct ExternalConfig {
    KeyMaker keys = KeyMaker::client;                   // mxseal: the client is given the key and its signing request
    std::optional<std::filesystem::path> folder;        // where they are put; absent: <state>/handover/<host>
};

struct HostConfig {
    dns::Name name;
    dns::Name zone;                                     // the longest match among `zones`
    std::vector<std::uint16_t> ports{25};
    std::vector<rotation::Algorithm> keys{rotation::Algorithm::ecdsa_p256};
    std::string certificate;                            // a name in `acme`, "self-signed" or "external"
    ExternalConfig external;                            // where certificate is "external"
    Duration rotate_every = std::chrono::hours(90 * 24);
    Ttl tlsa_ttl{3600};                                 // 1..86400; below 300 a warning
    std::vector<DeployTarget> deploy;                   // at least one, unless dane is off
    std::vector<std::string> backends;                  // addresses beside A and AAAA
    bool dane = true;
    int line = 0;
};

struct Config {
    std::filesystem::path file;
    std::filesystem::path state{"/var/lib/mxseal"};
    ResolverConfig resolver;
    Timing timing;
    std::map<std::string, AcmeConfig> acme;
    std::map<std::string, ProviderConfig> providers;
    std::map<dns::Name, ZoneConfig> zones;
    std::map<dns::Name, HostConfig> hosts;
    std::optional<EndpointConfig> endpoint;             // absent: no policy is served
    std::map<std::string, ProfileConfig> profiles;
    std::map<dns::Name, DomainConfig> domains;          // those of the file; thousands more stand in the store
    std::vector<std::string> warnings;                  // "mxseal.yaml:14: tlsa_ttl 60s is below 300s ..."
};

// One line a mistake: "mxseal.yaml:14: hosts.mx1.example.org.tlsa_ttl '90x' ...; allowed: ...".
struct ConfigMistakes {
    std::vector<std::string> lines;
};

// --config FILE, else $MXSEAL_CONFIG, else /etc/mxseal/mxseal.yaml.
std::filesystem::path config_path(const std::string& from_command_line);

// Whether this machine is asked for what the file names: secrets and their modes, accounts, programs, folders.
enum class Machine { asked, left_alone };

std::variant<Config, ConfigMistakes> load_config(const std::filesystem::path& file, Machine machine = Machine::asked);
// From text, as if read from `file`; relative paths count from its folder. The machine is left alone.
std::variant<Config, ConfigMistakes> parse_config(const std::string& text, const std::filesystem::path& file);

// A secret from its file: `invalid` when the file is readable by group or others (group of the process excepted: 0640), or
// when it is missing. Names without '/' are looked up in $CREDENTIALS_DIRECTORY first. One final newline is cut.
Result<Secret> read_secret_file(const std::filesystem::path& file);

} // namespace mxseal::agent
