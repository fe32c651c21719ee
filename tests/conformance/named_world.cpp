// BIND as a child process on loopback, with a signed zone that takes updates.
#include "tests/conformance/provider_world.hpp"

#include <filesystem>

#include <fmt/format.h>

namespace mxseal::conformance {

namespace {

constexpr const char* kNamed = "/usr/sbin/named";

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
                       folder.string(), port, kTsigSecret);
}

class NamedWorld final : public PrimaryWorld {
public:
    NamedWorld() { start({kNamed, "-g", "-c", folder_.write("named.conf", configuration(folder_.path(), port_))}); }
};

} // namespace

ProviderWorld* the_world() {
    static const std::unique_ptr<NamedWorld> world = is_installed(kNamed, "BIND") ? std::make_unique<NamedWorld>() : nullptr;
    return world.get();
}

} // namespace mxseal::conformance
