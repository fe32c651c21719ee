// A small DNS of real servers on loopback, all on one high port: a root and test. on one Knot, the zones below on another, and an
// Unbound in front that knows their ports. Zones are signed by the test itself.
//
// 127.0.0.1 the parents, 127.0.0.2 .. .4 the zones, 127.0.0.5 a server with faults (FaultyServer), 127.0.0.6 a Knot that has some of the
// zones with other records, 127.0.0.9 nobody.
#pragma once

#include "agent/observe/authoritative_observer.hpp"
#include "agent/observe/validating_resolver.hpp"
#include "tests/conformance/child_process.hpp"
#include "tests/temporary_folder.hpp"
#include "tests/unit/observe/faulty_server.hpp"
#include "tests/unit/observe/zone_signer.hpp"

#include <memory>
#include <string>
#include <vector>

namespace mxseal::observe_test {

class DnsWorld {
public:
    // Nothing when Knot or Unbound is not installed; throws when they do not start.
    static DnsWorld* get();

    agent::ValidatingResolver& resolver() { return *resolver_; }
    agent::ObserverOptions options() const;
    agent::ResolverOptions resolver_options() const;
    std::uint16_t port() const { return port_; }
    const std::filesystem::path& folder() const { return folder_.path(); }
    Instant now() const { return now_; }
    dns::ZoneKeys keys_of(const std::string& zone);
    dns::Message ask(const std::string& address, const std::string& name, dns::Type type) const;

private:
    struct Zone {
        std::string name;
        std::string records;             // what stands in it
        std::string delegation;          // NS and glue in test.
        bool is_signed = true, has_ds = true;
        Signing signing;
        std::string elsewhere;           // what 127.0.0.6 has in it; empty: it does not serve the zone
    };
    DnsWorld();
    std::vector<Zone> zones() const;
    static std::vector<Zone> policy_zones();
    void write_zones();
    void write_configuration();
    void start();

    TemporaryFolder folder_;
    std::uint16_t port_, unbound_port_;
    Instant now_;
    std::vector<std::string> names_;        // of the zones below test.
    std::vector<std::string> elsewhere_names_; // those of them that 127.0.0.6 serves
    std::unique_ptr<conformance::ChildProcess> parents_, children_, elsewhere_, unbound_;
    std::unique_ptr<FaultyServer> faulty_;
    std::unique_ptr<agent::ValidatingResolver> resolver_;
};

} // namespace mxseal::observe_test
