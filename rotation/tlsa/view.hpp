// What a HostState means at a moment: the words of `status`. Derived, never stored.
#pragma once

#include "rotation/tlsa/delays.hpp"
#include "rotation/tlsa/policy.hpp"
#include "rotation/tlsa/state.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace mxseal::rotation::tlsa {

// DESIGN.md, Interface.
enum class HostPhase { absent, precheck, waiting_for_mta, publishing, steady, certificate_pending, switching, verifying, cleanup, halted };
std::string_view to_string(HostPhase phase);
// `reason` is the one of the last decision: a code that begins with "halt." shows as halted.
HostPhase phase_of(const HostState& state, const Policy& policy, const Reason& reason);

// RFC 7583 section 3.1, as DESIGN.md names them.
enum class KeyState { generated, published, ready, active, retired, removed };
std::string_view to_string(KeyState state);
KeyState state_of(const HostState& state, const Key& key);

enum class KeyRole { current, next, retired };
std::string_view to_string(KeyRole role);
KeyRole role_of(const HostState& state, const SpkiHash& key);

// Between the intent of a switch (or of going back) and its proof: INV-4 counts such hosts.
bool is_switching(const HostState& state);
// Why the host counts as unhealthy for its group; empty: healthy. A host not looked at since the start is not known to be healthy.
std::string unhealthy_because(const HostState& state, const Policy& policy);
// A roll that waits for its turn.
bool wants_switch(const HostState& state);

} // namespace mxseal::rotation::tlsa
