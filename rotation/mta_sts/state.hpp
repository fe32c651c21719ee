// DomainState: everything mxseal remembers of one mail domain's policy. Facts and intents with their instants; what senders may hold
// at a given moment is derived (cached.hpp), never stored.
#pragma once

#include "rotation/decision.hpp"
#include "rotation/mta_sts/ledger.hpp"

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace mxseal::rotation::mta_sts {

// The body that the endpoint is meant to serve, and how far its id has come (C-28).
struct Serving {
    PolicyBody body;
    Instant intent{};                     // from here on any node may serve it
    std::optional<std::uint64_t> generation; // of the first snapshot that holds it: older ones may still be on their way to a replica
    std::optional<Instant> live;          // T_p: every address served it in one round
    std::optional<std::string> id;        // the id that announces it
    std::optional<Instant> bump_intent;   // from here on any name server may answer with the id
    std::optional<Instant> complete;      // T_t: every name server answers with it
    bool disturbed = false;               // another body was seen under this id: the next stable one gets a new id (C-06)
    std::optional<std::string> outdated{}; // C-38: the id of the shared record when every address served the body: one after it announces it
};

// A body that senders may hold although the endpoint is to serve another one.
struct PastBody {
    PolicyBody body;
    std::optional<Instant> last_served;   // L: no node serves it from then on; absent: some may
    std::optional<Instant> replaced;      // T_t of the first id under which another body stands everywhere
};

// An address of mta-sts.<domain>.
struct EndpointAddress {
    std::string address;
    std::optional<Instant> gone_since;    // first round that did not find it; absent: the last one did
};

// The actions that can be under way; each at most once a domain.
enum class Task { observe, fetch, serve, write_txt, write_mx };
std::string_view to_string(Task task);

struct DomainState {
    RrsetLedger txt, mx;
    std::vector<std::string> ids;         // ever used or found, never used again (C-05)
    std::optional<Serving> serving;
    std::vector<PastBody> past;
    std::vector<EndpointAddress> addresses; // some resolver may hand out each of them (C-28)
    std::string shares;                   // C-38: the record that announces its policy is that of others too; empty: its own
    std::optional<Instant> withdrawn;     // C-36: the TXT record was removed; intent
    std::optional<Instant> clean_since;   // own fetches and MX hosts were fine in every look since then (C-35)
    std::map<Task, Retry> retries;

    // Learned again after each start: not stored.
    std::set<Task> under_way;
    std::optional<Instant> observed_at, fetched_at; // start of the last round of this process
    std::optional<std::string> txt_alias; // of the last round
    bool asks = false;                    // the last decision asked the operator for a change: looked for each observe_every
    std::string observe_trouble, fetch_trouble;     // why the last round cannot be used, or what was wrong in it
};

} // namespace mxseal::rotation::mta_sts
