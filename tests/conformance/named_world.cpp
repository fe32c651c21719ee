// BIND as a child process on loopback, with a signed zone that takes updates.
#include "tests/conformance/child_process.hpp"
#include "tests/conformance/provider_world.hpp"
#include "tests/temporary_folder.hpp"

#include <filesystem>
#include <iostream>
#include <stdexcept>

#include <fmt/format.h>

namespace mxseal::conformance {

namespace {

constexpr const char* kNamed = "/usr/sbin/named";
constexpr const char* kSecret = "bXhzZWFsLWNvbmZvcm1hbmNlLXRlc3Qta2V5LTMyIQ==";

std::string configuration(const std::filesystem::path& folder, std::uint16_t port) {
    return fmt::format(R"(
options {{
  directory "{0}";
  pid-file "{0}/named.pid";
  session-keyfile "{0}/session.key";
  listen-on port {1} {{ 127.0.0.1; }};
  listen-on-v6 {{ none; }};
  recursion no;
}};
controls {{ }};
key mxseal {{ algorithm hmac-sha256; secret "{2}"; }};
zone example.test {{
  type primary;
  file "{0}/example.test.zone";
  dnssec-policy default;
  inline-signing no;
  allow-update {{ key mxseal.; }};
}};
zone unsigned.test {{
  type primary;
  file "{0}/unsigned.test.zone";
  allow-update {{ key mxseal.; }};
}};
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

class NamedWorld final : public PrimaryWorld {
public:
    NamedWorld() : port_(free_port()) {
        folder_.write("named.conf", configuration(folder_.path(), port_));
        folder_.write("example.test.zone", kZoneFile);
        folder_.write("unsigned.test.zone", kUnsignedZoneFile);
        server_ = std::make_unique<ChildProcess>(
            std::vector<std::string>{kNamed, "-g", "-c", folder_.path() / "named.conf"}, folder_.path() / "log");
        make_driver();
        // Up to 20 s: a loaded machine signs slowly.
        for (int i = 0; i < 200; ++i) {
            if (dns::exchange(primary(), {apex_, dns::Type::soa}).ok()) return;
            pause_ms(100);
        }
        throw std::runtime_error("named does not answer");
    }

    dns::Endpoint primary() const override { return {"127.0.0.1", port_}; }
    dns::TsigKey key() const override { return dns::TsigKey::make("mxseal", "hmac-sha256", Secret(std::string_view(kSecret))).value(); }

private:
    TemporaryFolder folder_;
    std::uint16_t port_;
    std::unique_ptr<ChildProcess> server_;
};

bool is_installed() {
    if (std::filesystem::exists(kNamed)) return true;
    std::cout << "LEFT OUT: " << kNamed << " is not installed, so nothing was tried against BIND\n";
    return false;
}

} // namespace

ProviderWorld* the_world() {
    static const std::unique_ptr<NamedWorld> world = is_installed() ? std::make_unique<NamedWorld>() : nullptr;
    return world.get();
}

} // namespace mxseal::conformance
