// What the core asks the world to do. Each action ends in exactly one event (event.hpp) or in a restart; repeating one after a restart
// does no harm.
#pragma once

#include "rotation/mta_sts/state.hpp"

#include <variant>

namespace mxseal::rotation::mta_sts {

struct Observe {};                          // one round over TXT and MX at every authoritative address -> Observed
struct Fetch {                              // one round over every address of every replica -> Fetched
    std::vector<std::string> departed{};    // that resolvers may still hold: fetched from too, where the name has them no more
};
struct Serve {                              // what the endpoint serves from now on -> Served; absent: the name is not served any more
    std::optional<PolicyBody> body;
    Instant intent{};                       // echoed by Served
};
struct WriteTxt {                           // compare-and-swap at _mta-sts.<domain> -> TxtWritten
    Values base, target;
    Ttl ttl{0};
};
struct WriteMx {                            // compare-and-swap at <domain> -> MxWritten
    Values base, target;
    Ttl ttl{0};
};

using Action = std::variant<Observe, Fetch, Serve, WriteTxt, WriteMx>;
Task task_of(const Action& action);

} // namespace mxseal::rotation::mta_sts
