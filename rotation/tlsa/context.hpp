// Internal to step(): what its parts share. One Context lives for one call.
#pragma once

#include "rotation/tlsa/step.hpp"

namespace mxseal::rotation::tlsa {

struct Context {
    HostState& state;
    const Instant now;
    const Policy& policy;
    const Group& group;
    Decision& out;

    bool idle(Task task) const { return !state.under_way.contains(task); }
    // Not under way, and its back-off is over; otherwise the end of the back-off becomes a wake time.
    bool may_start(Task task);
    void start(Action action);          // marks it under way
    void wake_at(Instant at);           // the earliest of all counts; one that is over does not
    void waits(Reason reason);          // the first one of a decision stays
    void note(std::string event, std::vector<std::pair<std::string, std::string>> fields, std::string sentence);
    // Back-off of a task: doubling from observe_every up to monitor_every, or what the peer asked for.
    void failed(Task task, const Failure& failure);
    void succeeded(Task task) { state.retries.erase(task); }
};

// events.cpp
void apply(Context& context, const Event& event);
// requests.cpp: what operators ask for
void apply(Context& context, const OperatorRoll& event);
void apply(Context& context, const OperatorRollBack& event);
void apply(Context& context, const OperatorHalt& event);
void apply(Context& context, const OperatorResume& event);
// watch.cpp: when to look at the world
void keep_watch(Context& context);
Duration pace(const HostState& state, const Policy& policy);
bool looked_just_now(Context& context, Urgency urgency); // DNS, wire and clock; starts what is missing
// gates.cpp: what forbids a step, as a reason
std::optional<Reason> dns_refuses(const HostState& state, const Policy& policy);
// G-13: the store may be older than the world (a restored backup). Until every name server has answered since the start, a pair that is
// presented is replaced only where no server that answers has a version which it matches.
std::optional<Reason> unseen_server(const Context& context, const Chain& served);
std::optional<Reason> clock_refuses(const HostState& state, Urgency urgency);
std::optional<Reason> signatures_refuse(const HostState& state, const Policy& policy, Instant now);
std::optional<Reason> group_refuses(const Context& context, const Roll& roll);
std::optional<Reason> chain_refused(const HostState& state, const Policy& policy, Instant now, const Chain& before, const Chain& after, Urgency urgency);
// adopt.cpp: from an unknown host to one whose pair is ours
bool adopted(Context& context);                // true once it is; else does the next step towards it
// certificates.cpp: keys and their certificates
void keep_keys(Context& context);
bool certificate_is_due(const Key& key, const Policy& policy, Instant now);
std::optional<Instant> certificate_due_at(const Key& key, const Policy& policy);
// brought.cpp: pairs that an ACME client brings
void apply(Context& context, const PairBrought& event);
void settle_brought(Context& context);         // those that came before the host was adopted take their places
void take_over_unpinned(Context& context);     // dane: off, and no cache holds a record: the client's new key is deployed as it comes
std::optional<Reason> keep_client_awake(Context& context); // a certificate that nobody renews in time: said, and paged by the log
// renewal.cpp: when the CA wants certificates renewed (RFC 9773)
void apply(Context& context, const RenewalInfoTold& event);
void keep_asking(Context& context);
const Renewal* renewal_of(const Key& key);     // what the CA said of the newest certificate; null: nothing yet
// `own`: when the certificate would be renewed without a word of the CA.
Instant renewal_due_at(const Key& key, Instant own);
Reason renewal_due(const Key& key, Instant due); // the same with its arithmetic, for `plan`
// deployment.cpp: the MTA's files
void deploy(Context& context, DeployPurpose purpose, std::vector<SpkiHash> keys);
bool redeploy(Context& context);               // the unfinished deployment goes out again; false: not before something else, which is said
std::optional<Reason> back_refused(const Context& context, const Roll& roll); // why the former pair must not go back
std::vector<SpkiHash> pair_before(const HostState& state, const Roll& roll);  // what was in service before the roll's switch; the roll has a `from`
bool keep_deployed(Context& context);          // false: a deployment is on its way and the host waits for it
bool shows(const HostState& state, const Deployment& deployment, const ProbeRound& seen);
// records.cpp: the TLSA RRsets
dns::TlsaSet wanted_records(const HostState& state, const Policy& policy);
bool keep_records(Context& context);           // true: every primary holds what is wanted
void mend_records(Context& context);           // of a halted host: records of the served keys that somebody took away are added again
void write_records(Context& context, const Ledger& ledger, dns::TlsaSet target);
bool withdraw(Context& context);               // dane: off (W4)
// rolling.cpp, switching.cpp, cleanup.cpp: the roll under way
struct Ready {
    bool records = false;                      // keep_records() was true
    bool deployed = false;                     // keep_deployed() was true
};
void begin_roll(Context& context);
void keep_rolling(Context& context, Ready ready);
void keep_switching(Context& context, Roll& roll);
void keep_rolling_back(Context& context, Roll& roll);
void keep_cleaning(Context& context, Roll& roll, Ready ready);
Duration verify_patience(const Policy& policy);

std::vector<SpkiHash> served_keys(const HostState& state); // current key of each line
const Bytes& leaf_digest(const Chain& chain);              // SHA-256 of the leaf

} // namespace mxseal::rotation::tlsa
