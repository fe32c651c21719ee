// HostState: everything mxseal remembers of one MX host. Facts and intents with their instants; what they mean at a given
// moment (key states, host state, waits) is derived (view.hpp, delays.hpp), never stored.
#pragma once

#include "rotation/decision.hpp"
#include "rotation/tlsa/ledger.hpp"
#include "rotation/tlsa/observation.hpp"
#include "rotation/types.hpp"

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace mxseal::rotation::tlsa {

// When the CA suggests to renew a certificate (RFC 9773 section 4.2).
struct RenewalWindow {
    Instant start{}, end{};
    bool operator==(const RenewalWindow&) const = default;
};

// What the CA said of one certificate's renewal (E-13).
struct Renewal {
    Bytes certificate;                    // SHA-256 of the leaf it is about; of another one it says nothing
    std::optional<RenewalWindow> window;  // the last valid one; absent: the CA told none
    std::optional<Instant> at;            // drawn in that window when it was first told
    Instant ask_again{};
    std::string trouble;                  // why the last answer could not be used; empty: it could
    bool operator==(const Renewal&) const = default;
};

// A key of the host, from its making to its removal; the hash stays for ever.
struct Key {
    SpkiHash spki;
    Algorithm algorithm = Algorithm::ecdsa_p256;
    std::string description;              // "RSA 4096"
    bool adopted = false;
    bool compromised = false;             // the key that an emergency roll retires
    Instant generated{};                  // or adopted
    std::optional<Instant> published;     // first complete version that holds its record
    std::optional<Instant> ready;         // every held version has held it since
    std::optional<Instant> active;        // every endpoint was first seen with it
    std::optional<Instant> retired;       // every endpoint was first seen without it
    std::optional<Instant> removed;       // first complete version without its record, after retirement
    std::optional<Chain> chain;           // of the newest certificate in the vault
    std::optional<Renewal> renewal;       // of that certificate, or of the one before
    std::optional<Instant> brought;       // an ACME client brought it and wants it served: rolled to as soon as it may be
    std::optional<Instant> overdue;       // it was said that no client has renewed the certificate in time
    bool operator==(const Key&) const = default;
};

// The keys of one algorithm: what is served and what comes next.
struct Line {
    Algorithm algorithm = Algorithm::ecdsa_p256;
    std::optional<SpkiHash> current;
    std::vector<SpkiHash> next;           // the standby first; a second one only while a roll is under way
};

enum class RollKind { planned, emergency };
std::string_view to_string(RollKind kind);

// One roll, from the request to the removal of the old record.
struct Roll {
    RollKind kind = RollKind::planned;
    Algorithm line = Algorithm::ecdsa_p256;
    std::optional<SpkiHash> from;         // absent: an algorithm is added
    SpkiHash to;                          // set with the switch
    Instant requested{};
    std::string why;                      // "rotate_every 90d", "operator root"
    std::optional<std::string> accepted_risk;
    std::optional<Instant> grown;         // the record of the following standby is on the primary
    std::optional<Instant> intent;        // the switch was decided: from here on both keys may be served
    std::optional<Instant> earliest;      // the first instant at which all waits of the switch were over
    std::optional<Instant> verified;      // a whole round showed the new key on every endpoint
    int confirmations = 0;                // such rounds, observe_every apart
    std::optional<Instant> last_confirmed;
    Instant old_seen{};                   // last time the old key may have been served
    std::optional<Instant> back;          // rolling back was decided
    std::string back_why;                 // empty: an operator asked
    std::optional<Instant> cleanup_intent;
};

struct RollRequest {
    RollKind kind = RollKind::planned;
    SpkiHash retire;
    Instant at{};
    std::string why;
    std::optional<std::string> accepted_risk;
};

// What the MTA's files are meant to hold, and how far that has come.
enum class DeployPurpose { first, renewal, roll, back, repair };
std::string_view to_string(DeployPurpose purpose);
struct Deployment {
    DeployPurpose purpose = DeployPurpose::first;
    std::vector<SpkiHash> keys;                 // one a line
    std::vector<Bytes> certificates;            // SHA-256 of each leaf, same order
    Instant intent{};
    std::optional<Instant> written;             // files in place; the last time that this was done
    std::optional<Instant> reloaded;            // and the MTA took notice without an error; absent: the old pair may still be served
    std::optional<Instant> shown;               // every endpoint presents it
};

// One TLSA write that was sent or is about to be.
struct Write {
    std::uint16_t port = 25;
    dns::TlsaSet base, target;
    Instant intent{};
    bool first = false;                         // the owner had none: taken back if an endpoint does not match (W3)
    std::optional<Instant> answered;            // the provider's answer came; rounds started later show what became of it
};

struct EndpointView {
    std::uint16_t port = 25;
    std::string address;
    std::string sni;                            // "base", "none", "other"; empty in `trouble` of the endpoint as a whole
    std::optional<SpkiHash> key;
    std::string trouble;                        // no STARTTLS, unreachable, ...; empty: fine
};

// The wire as the last round of probes saw it.
struct Wire {
    std::optional<Instant> at;                  // end of the last round
    std::vector<Chain> chains;                  // distinct chains on free handshakes
    std::vector<EndpointView> endpoints;
    std::string trouble;                        // first thing wrong: an endpoint without answer, STARTTLS or match
    bool reachable = false;                     // every endpoint answered with a chain
    bool sound = false;                         // reachable, and every chain matches every held version
};

struct Halt {
    Reason reason;
    Instant since{};
    bool by_operator = false;
};

// The actions that can be under way; each at most once a host.
enum class Task { observe, probe, read_file, generate, certificate, write, deploy, validate_time, renewal_info };
std::string_view to_string(Task task);

struct HostState {
    std::vector<Ledger> ledgers;                // one a port
    std::vector<Key> keys;
    std::vector<Line> lines;
    std::optional<Instant> adopted;             // the served pair is mxseal's to manage (or mxseal's own is on the wire)
    bool own_pair = false;                      // nothing could be adopted: mxseal made the pair and waits for the MTA
    int precheck_rounds = 0;                    // whole rounds of probes that matched, before the first write (W3)
    std::optional<Instant> last_precheck_round;
    std::optional<Instant> first_complete;      // of any version with our records
    std::optional<Roll> roll;
    std::vector<RollRequest> requests;
    std::optional<Deployment> deployment;
    std::optional<Write> write;                 // cleared when the primary shows it or a round contradicts it
    std::map<SpkiHash, Instant> seen_on_wire;   // last probe that saw the key
    std::vector<Instant> repairs;               // our records were gone and were added again
    std::optional<Halt> halt;
    std::optional<Instant> off_since;           // dane: off, records gone everywhere at (W4)
    std::optional<Ttl> ttl_asked;               // the TTL of the last write: a provider may serve another, and is not asked twice

    // Learned again after each start: not stored.
    std::set<Task> under_way;
    std::map<Task, Retry> retries;              // stored, so that back-off survives
    Wire wire;
    Instant started_at{};                       // of this process
    std::optional<Instant> observed_at;         // end of the last round of this process
    std::string observe_trouble;                // why the last round cannot be used
    Security address_security = Security::indeterminate;
    std::string address_detail;
    bool dnssec_rollover = false;
    std::optional<Instant> time_validated;      // in this process
    std::string time_trouble;                   // why it could not be
    bool file_read = false;
    std::vector<std::pair<SpkiHash, std::string>> file_keys; // pairs found in the MTA's file: key, description
    std::string file_trouble;
};

const Key* find_key(const HostState& state, const SpkiHash& spki);
Key* find_key(HostState& state, const SpkiHash& spki);
const Line* find_line(const HostState& state, Algorithm algorithm);
Line* find_line(HostState& state, Algorithm algorithm);

} // namespace mxseal::rotation::tlsa
