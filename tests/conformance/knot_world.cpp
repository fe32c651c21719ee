// Knot DNS as a child process on loopback, with a signed zone that takes updates.
#include "tests/conformance/child_process.hpp"
#include "tests/conformance/provider_world.hpp"
#include "tests/temporary_folder.hpp"

#include <filesystem>
#include <iostream>
#include <stdexcept>

#include <fmt/format.h>

namespace mxseal::conformance {

namespace {

constexpr const char* kKnotd = "/usr/sbin/knotd";
constexpr const char* kSecret = "bXhzZWFsLWNvbmZvcm1hbmNlLXRlc3Qta2V5LTMyIQ==";

std::string configuration(const std::filesystem::path& folder, std::uint16_t port) {
    return fmt::format(R"(
server:
  listen: 127.0.0.1@{1}
  rundir: {0}
database:
  storage: {0}/db
key:
  - id: mxseal
    algorithm: hmac-sha256
    secret: {2}
acl:
  - id: update
    key: mxseal
    action: [update, transfer]
policy:
  - id: lab
    algorithm: ecdsap256sha256
    single-type-signing: on
template:
  - id: default
    storage: {0}
    file: "%s.zone"
    acl: update
    dnssec-signing: on
    dnssec-policy: lab
zone:
  - domain: example.test
  - domain: unsigned.test
    dnssec-signing: off
)",
                       folder.string(), port, kSecret);
}

constexpr const char* kZoneFile = R"($ORIGIN example.test.
$TTL 300
@ SOA ns hostmaster 1 3600 600 86400 300
@ NS ns
ns A 127.0.0.1
sub NS ns.elsewhere.test.
*.wild TXT "made from a wildcard"
*.alias CNAME ns
)";

constexpr const char* kUnsignedZoneFile = R"($ORIGIN unsigned.test.
$TTL 300
@ SOA ns hostmaster 1 3600 600 86400 300
@ NS ns
ns A 127.0.0.1
*.wild TXT "made from a wildcard"
real.wild TXT "stands there"
*.alias CNAME ns
real.alias CNAME ns.elsewhere.test.
deep DNAME elsewhere.test.
)";

class KnotWorld final : public PrimaryWorld {
public:
    KnotWorld() : port_(free_port()) {
        std::filesystem::create_directory(folder_.path() / "db");
        folder_.write("knot.conf", configuration(folder_.path(), port_));
        folder_.write("example.test.zone", kZoneFile);
        folder_.write("unsigned.test.zone", kUnsignedZoneFile);
        server_ = std::make_unique<ChildProcess>(std::vector<std::string>{kKnotd, "-c", folder_.path() / "knot.conf"}, folder_.path() / "log");
        make_driver();
        // Up to 20 s: a loaded machine signs slowly.
        for (int i = 0; i < 200; ++i) {
            if (dns::exchange(primary(), {apex_, dns::Type::soa}).ok()) return;
            pause_ms(100);
        }
        throw std::runtime_error("knotd does not answer");
    }

    dns::Endpoint primary() const override { return {"127.0.0.1", port_}; }
    dns::TsigKey key() const override { return dns::TsigKey::make("mxseal", "hmac-sha256", Secret(std::string_view(kSecret))).value(); }

private:
    TemporaryFolder folder_;
    std::uint16_t port_;
    std::unique_ptr<ChildProcess> server_;
};

bool is_installed() {
    if (std::filesystem::exists(kKnotd)) return true;
    std::cout << "LEFT OUT: " << kKnotd << " is not installed, so nothing was tried against Knot DNS\n";
    return false;
}

} // namespace

ProviderWorld* the_world() {
    static const std::unique_ptr<KnotWorld> world = is_installed() ? std::make_unique<KnotWorld>() : nullptr;
    return world.get();
}

} // namespace mxseal::conformance
