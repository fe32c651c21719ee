// DnsChallengePublisher: dns-01 values through the DNS drivers (E-05, E-17), awaited at every authoritative server.
#pragma once

#include "agent/acme/authority.hpp"
#include "agent/acme/sleeper.hpp"
#include "agent/observe/observer.hpp"
#include "providers/driver.hpp"

#include <functional>

namespace mxseal::agent {

class DnsChallengePublisher final : public ChallengePublisher {
public:
    // `target_of` finds the zone, its drivers and servers of a name, from the configuration.
    DnsChallengePublisher(Observer& observer, Sleeper& sleeper, std::function<Result<ObservationTarget>(const dns::Name&)> target_of)
        : observer_(observer), sleeper_(sleeper), target_of_(std::move(target_of)) {}

    Status publish(const dns::Name& name, const std::string& value) override;
    Status remove(const dns::Name& name, const std::string& value) override;

private:
    Observer& observer_;
    Sleeper& sleeper_;
    std::function<Result<ObservationTarget>(const dns::Name&)> target_of_;
};

} // namespace mxseal::agent
