// Outside: the port through which the runtime acts on the world. The real one (workers.hpp) hands each action to a bounded pool;
// the simulation answers in virtual time. Every started action ends in exactly one arrival, unless the process dies first.
#pragma once

#include "agent/observe/observer.hpp"
#include "rotation/tlsa/action.hpp"
#include "rotation/tlsa/event.hpp"

#include <string>
#include <variant>

namespace mxseal::agent {

struct HostArrival {
    std::string host;
    rotation::tlsa::Event event;
};
using Arrival = std::variant<HostArrival, MxObservation>;

class Outside {
public:
    virtual ~Outside() = default;
    virtual void start(const std::string& host, const rotation::tlsa::Action& action) = 0; // never blocks
    virtual void observe_mx(const dns::Name& domain) = 0;                                  // never blocks
};

} // namespace mxseal::agent
