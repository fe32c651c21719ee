// Pairs that an ACME client brings through its renewal hook (`certificate: external`): what becomes of one. The client decides when it
// renews and with which key; when a key goes live is decided here as for mxseal's own keys (W1, A-30 without the standby of mxseal's).
#pragma once

#include "rotation/tlsa/policy.hpp"
#include "rotation/tlsa/state.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace mxseal::rotation::tlsa {

enum class PairFate {
    renewal,  // a key in use or waiting: its newer certificate is taken
    standby,  // a new key: published, and switched to when every cache holds it (W1)
    offered,  // the host is not adopted yet: served already, or the first one of a new host
    same,     // taken before
    older,    // an older certificate than the one that is here: the hooks came out of order
    refused,
};
std::string_view to_string(PairFate fate);

struct PairJudgement {
    PairFate fate = PairFate::refused;
    std::string sentence; // what is done with it and why

    // Its key and chain belong into the vault, and PairBrought to the core.
    bool taken() const { return fate == PairFate::renewal || fate == PairFate::standby || fate == PairFate::offered; }
};

// `pair` with its chain. Pure: the hook asks before anything is stored, the core again when it takes the pair.
PairJudgement judge_pair(const HostState& state, const Policy& policy, const Key& pair, Instant now);

// The host is at rest: its client has the next turn.
Reason client_renews(const Key& key);
// E-14 for clients: when a certificate that its client has not renewed is called overdue.
Instant overdue_at(const Chain& chain);

// The key of each line that a client's next certificate should be for, where mxseal makes the keys: the current one, or the next one once a roll
// is due and every cache holds its record.
std::vector<SpkiHash> keys_for_client(const HostState& state, Instant now, const Policy& policy);

} // namespace mxseal::rotation::tlsa
