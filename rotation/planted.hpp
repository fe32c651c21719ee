// Planted mistakes: what the simulated internet has to catch. In the product planted() is the constant false and leaves no trace;
// only the library that tests/simulation compiles apart (MXSEAL_PLANTED) can make one of them.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace mxseal::rotation {

enum class Mistake : std::uint8_t {
    configured_ttl,            // the TTL of the configuration counts, not the one that was served
    floor_forgotten,           // resolver_min_ttl is not counted
    stale_margin_forgotten,
    unseen_forgotten,          // what stood there before the first look is not reckoned with
    one_server_not_asked,
    silent_server_has_switched,
    fall_back_ignored,         // a wait does not start again when an older version comes back
    standby_not_held,          // the standby is used though it is not held everywhere
    two_at_once,               // two hosts of a group are switched at once
    unhealthy_group_ignored,
    no_look_before_a_switch,
    cleanup_at_the_switch,     // the old record is removed before the last endpoint shows the new key
    removed_while_served,      // no look at the wire before the old record is removed
    grown_by_replacing,        // the record of the following standby replaces the old one
    rolled_back_too_late,      // back to a key whose record is gone
    cleanup_after_roll_back,   // the clean-up goes on though the old key serves again
    foreign_pair_overwritten,  // the stored pair is put back whatever resolvers hold
    repair_never,              // a record that somebody removed stays away
    retired_key_returns,
    wait_twice,                // every wait for caches counts double
    never_rolls,
    halted_for_ever,           // resume does nothing
    intent_not_stored,         // acts begin without their intent in the store
    clock_trusted,             // a step of the wall clock neither pauses nor lengthens anything
    foreign_pair_left,         // a pair that somebody else put in place stays
    renewal_window_ignored,    // a certificate is renewed when mxseal thinks, whatever its CA says
    brought_pair_deployed_at_once, // a pair that an ACME client brings is served before its TLSA is held
    // of the order of policies (mta_sts/)
    id_before_body,            // the id is changed before every replica serves the body
    one_replica_enough,        // ... when the first one serves it
    id_used_again,             // an older body comes back under its older id
    mx_added_at_once,          // a host enters the MX RRset while senders hold policies without it
    narrowed_at_once,          // the policy loses a host that resolvers still answer with
    old_hosts_leave_early,     // hosts leave while senders hold policies that cover no other
    withdrawn_early,           // `mode: none` is thought to be known to everybody at once
    id_fall_back_ignored,      // a name server that answers with the former id again changes nothing
    shared_id_before_last_body, // the id of a shared record is changed before all who share it are served everywhere
};
constexpr std::size_t kMistakes = static_cast<std::size_t>(Mistake::shared_id_before_last_body) + 1;

#ifdef MXSEAL_PLANTED
bool planted(Mistake mistake);
#else
constexpr bool planted(Mistake) { return false; }
#endif

} // namespace mxseal::rotation
