// AuthoritativeObserver: the Observer that asks the world's DNS: each authoritative address for itself, with signatures checked
// by the keys that our own validating resolver vouches for (F-09, B-01). Any thread; several rounds at once.
#pragma once

#include "agent/observe/observer.hpp"
#include "agent/observe/observer_options.hpp"
#include "agent/observe/rollover.hpp"
#include "agent/observe/server_questions.hpp"
#include "agent/observe/validating_resolver.hpp"

namespace mxseal::agent {

class AuthoritativeObserver final : public Observer {
public:
    // `clock` and `resolver` outlive the observer.
    AuthoritativeObserver(const Clock& clock, ValidatingResolver& resolver, ObserverOptions options = {})
        : clock_(clock), resolver_(resolver), options_(options) {}

    rotation::tlsa::DnsObservation observe(const ObservationTarget& target) override;
    MxObservation observe_mx(const dns::Name& domain) override;
    Result<std::vector<std::string>> addresses(const dns::Name& host) override;
    Result<bool> txt_is_everywhere(const ObservationTarget& target, const dns::Name& owner, std::string_view value) override;

private:
    struct Surroundings;
    Surroundings look_around(const ObservationTarget& target, const std::vector<OwnerQuestion>& questions, rotation::tlsa::DnsObservation& out);
    ZoneTrust trust_in(const dns::Name& zone);
    std::vector<dns::Record> validated(const dns::Name& name, dns::Type type);
    void judge_addresses(const dns::Name& host, rotation::tlsa::DnsObservation& out);

    const Clock& clock_;
    ValidatingResolver& resolver_;
    const ObserverOptions options_;
    DnskeyMemory dnskeys_;
};

} // namespace mxseal::agent
