// What the driver suite runs against: one provider with a zone to write in. Each test program links one of memory_world.cpp,
// knot_world.cpp and named_world.cpp.
#pragma once

#include "base/dns/query.hpp"
#include "base/dns/tsig.hpp"
#include "base/time.hpp"
#include "providers/driver.hpp"
#include "tests/conformance/child_process.hpp"
#include "tests/temporary_folder.hpp"

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

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

constexpr const char* kTsigSecret = "bXhzZWFsLWNvbmZvcm1hbmNlLXRlc3Qta2V5LTMyIQ==";

// A world with a real primary on loopback, in a folder of its own, where the zone files are: example.test, which it signs, and unsigned.test.
class PrimaryWorld : public ProviderWorld {
public:
    PrimaryWorld();
    dns::Endpoint primary() const { return {"127.0.0.1", port_}; }
    dns::TsigKey key() const;
    // A driver at another place (a proxy), with another key or another clock.
    std::unique_ptr<providers::DnsDriver> driver_at(std::vector<dns::Endpoint> servers, dns::TsigKey key, const Clock& clock) const;
    providers::DnsDriver& driver() override { return *driver_; }
    void put(const providers::Rrset& rrset) override;
    std::uint64_t serial() override;

protected:
    // The server's command line. Waits until it serves the zone; throws std::runtime_error when it does not within 20 s.
    void start(const std::vector<std::string>& command);

    TemporaryFolder folder_;
    std::uint16_t port_ = free_port();

private:
    SystemClock clock_;
    std::unique_ptr<ChildProcess> server_;
    std::unique_ptr<providers::DnsDriver> driver_;
};

// Says on the terminal what is left out without it.
bool is_installed(const char* program, const char* product);

// The world of this program, started at the first call; null when its server is not installed here (said once on the terminal).
ProviderWorld* the_world();

} // namespace mxseal::conformance
