// What senders may still hold (C-29): the policies in their caches and the MX RRsets in their resolvers.
#pragma once

#include "rotation/mta_sts/policy.hpp"
#include "rotation/mta_sts/state.hpp"

#include <optional>
#include <string>
#include <vector>

namespace mxseal::rotation::mta_sts {

// Host names of an MX RRset, sorted, each once; RFC 7505's "." is none.
std::vector<std::string> hosts_of(const Values& mx);
// ... of every version that some resolver may hold.
std::vector<std::string> held_hosts(const DomainState& state, Instant now, const Policy& policy);

// E_hard: no sender can use it any more; absent: some node may still serve it.
std::optional<Instant> hard_end(const PastBody& past, const Policy& policy);

// When `host` may enter the MX RRset (C-30), as far as policies are concerned; the wait with its arithmetic.
struct Admission {
    bool allowed = false;
    Reason reason;
};
Admission may_enter(const DomainState& state, const std::string& host, Instant now, const Policy& policy);
// The part of it that past policies rule: whether no sender can hold one that lacks the host.
Admission known_to_senders(const DomainState& state, const std::string& host, Instant now, const Policy& policy);
// Whether senders find a host that their policy covers when only `left` stand in the MX RRset (C-32, C-33).
Admission may_remain_alone(const DomainState& state, const std::vector<std::string>& left, Instant now, const Policy& policy);
// C-36: since when no sender can hold a policy of the domain.
Admission may_withdraw(const DomainState& state, Instant now, const Policy& policy);

} // namespace mxseal::rotation::mta_sts
