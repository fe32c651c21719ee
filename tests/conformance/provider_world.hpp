// What the driver suite runs against: one provider with a zone to write in. Each test program links one of memory_world.cpp,
// knot_world.cpp and named_world.cpp.
#pragma once

#include "base/dns/query.hpp"
#include "base/dns/tsig.hpp"
#include "base/time.hpp"
#include "providers/driver.hpp"

#include <cstdint>
#include <memory>
#include <string>

namespace mxseal::conformance {

class ProviderWorld {
public:
    virtual ~ProviderWorld() = default;
    virtual providers::DnsDriver& driver() = 0;
    virtual void put(const providers::Rrset& rrset) = 0; // a foreign hand
    virtual std::uint64_t serial() = 0;                  // moves with every change of the zone

    providers::Zone zone() const { return {apex_, "", std::nullopt}; }
    // "_25._tcp.h7.example.test": another one at each call.
    dns::Name fresh_owner();

protected:
    dns::Name apex_ = dns::Name::parse("example.test").value();

private:
    int owners_ = 0;
};

// A world with a real primary on loopback.
class PrimaryWorld : public ProviderWorld {
public:
    virtual dns::Endpoint primary() const = 0;
    virtual dns::TsigKey key() const = 0;
    // A driver at another place (a proxy), with another key or another clock.
    std::unique_ptr<providers::DnsDriver> driver_at(std::vector<dns::Endpoint> servers, dns::TsigKey key, const Clock& clock) const;
    providers::DnsDriver& driver() override { return *driver_; }
    void put(const providers::Rrset& rrset) override;
    std::uint64_t serial() override;

protected:
    void make_driver() { driver_ = driver_at({primary()}, key(), clock_); }

private:
    SystemClock clock_;
    std::unique_ptr<providers::DnsDriver> driver_;
};

// The world of this program, started at the first call; null when its server is not installed here (said once on the terminal).
ProviderWorld* the_world();

} // namespace mxseal::conformance
