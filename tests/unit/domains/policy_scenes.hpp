// One domain in the small world of policy_world.hpp, under a profile of this configuration.
#pragma once

#include "tests/unit/domains/policy_world.hpp"

#include <string>
#include <vector>

namespace mxseal::agent::tests {

inline constexpr const char* kText = "providers: {ours: {type: rfc2136, server: 127.0.0.1, tsig: {name: k, secret_file: k}}}\n"
                              "zones: {example.org: {provider: ours}}\n"
                              "endpoint: {certificate: self-signed}\n"
                              "profiles:\n"
                              "  default: {mta_sts: {mode: enforce, max_age: 4w}}\n"
                              "  shared: {mta_sts: {mode: enforce, at_once: true, max_age: 1w, txt_target: _mta-sts.group.example.org}}\n"
                              "  testing: {mta_sts: {mode: testing}}\n"
                              "  at_once: {mta_sts: {mode: enforce, at_once: true, max_age: 1w}}\n"
                              "  none: {mta_sts: {mode: none}}\n"
                              "  reports: {mta_sts: {mode: testing}, tls_rpt: {rua: [\"mailto:r@example.org\"]}}\n";
inline const std::string kDomain = "example.org";

struct Scene {
    explicit Scene(const std::string& profile = "default", const std::string& domain = kDomain) : world(kText), name(domain) {
        auto& model = world.domains[name];
        model.mx = {{"10 mx1.example.org"}, {"10 mx1.example.org"}};
        use(profile);
        world.start();
    }
    void use(const std::string& profile) {
        settings = *settings_of(world.config, profile);
        world.wanted[name] = &settings;
        if (world.keeper) world.want(name, settings);
    }
    PolicyScene::Domain& model() { return world.domains[name]; }
    Json command(const std::string& change, std::vector<std::string> hosts) {
        Json list = Json::array();
        for (const auto& host : hosts) list.push(host);
        auto answer = world.keeper->request(Json::object({{"command", "mx"}, {"change", change}, {"domain", name}, {"hosts", std::move(list)}, {"who", "op"}}));
        INFO((answer.ok() ? "" : answer.error().to_string()));
        REQUIRE(answer.ok());
        return std::move(*answer);
    }
    PolicyScene world;
    std::string name;
    PolicySettings settings;
};

using Story = std::vector<std::string>;

} // namespace mxseal::agent::tests
