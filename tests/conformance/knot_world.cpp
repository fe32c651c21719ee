// Knot DNS as a child process on loopback, with a signed zone that takes updates.
#include "tests/conformance/provider_world.hpp"

#include <filesystem>

#include <fmt/format.h>

namespace mxseal::conformance {

namespace {

constexpr const char* kKnotd = "/usr/sbin/knotd";

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
                       folder.string(), port, kTsigSecret);
}

class KnotWorld final : public PrimaryWorld {
public:
    KnotWorld() {
        std::filesystem::create_directory(folder_ / "db");
        start({kKnotd, "-c", folder_.write("knot.conf", configuration(folder_.path(), port_))});
    }
};

} // namespace

ProviderWorld* the_world() {
    static const std::unique_ptr<KnotWorld> world = is_installed(kKnotd, "Knot DNS") ? std::make_unique<KnotWorld>() : nullptr;
    return world.get();
}

} // namespace mxseal::conformance
