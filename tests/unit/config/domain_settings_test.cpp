#include "tests/unit/config/texts.hpp"

using namespace mxseal;
using namespace mxseal::agent;

namespace {

constexpr const char* kProfiles = "endpoint: {certificate: self-signed}\n"
                                  "profiles:\n"
                                  "  default: {mta_sts: {mode: enforce}, tls_rpt: {rua: [\"mailto:a@example.org\"]}}\n"
                                  "  slow: {mta_sts: {mode: enforce, max_age: 4w, mx: [\"*.MX.example.org\"]}, certificate: self-signed}\n"
                                  "  reports: {tls_rpt: {rua: [\"mailto:b@example.org\"]}}\n";

std::optional<PolicySettings> settings(const std::string& domain, const std::string& profiles = kProfiles) {
    Config config = config_of(parse_config(profiles + "domains:\n  example.org: " + domain + "\n", "mxseal.yaml"));
    return settings_of(config, config.domains.at(*dns::Name::parse("example.org")));
}

} // namespace

TEST_CASE("a domain without a profile takes `default`, and nothing is wanted where there is none", "[config][domains]") {
    auto plain = settings("{}");
    REQUIRE(plain);
    CHECK(plain->profile == "default");
    CHECK(plain->mode == PolicyMode::enforce);
    CHECK(plain->max_age == std::chrono::seconds(604'800));
    CHECK(plain->certificate == "self-signed");
    CHECK(plain->rua == std::vector<std::string>{"mailto:a@example.org"});
    CHECK_FALSE(settings("{}", ""));
    CHECK_FALSE(settings("{profile: reports}"));
}

TEST_CASE("a domain's own keys stand above its profile's, each by itself", "[config][domains]") {
    auto own = settings("{profile: slow, mta_sts: {mode: testing}, mx: [mx9.example.org], manage_mx: on}");
    REQUIRE(own);
    CHECK(own->mode == PolicyMode::testing);
    CHECK(own->max_age == std::chrono::seconds(4 * 604'800));
    CHECK(own->mx_patterns == std::vector<std::string>{"*.mx.example.org"});
    CHECK(own->mx_goal.front().text() == "mx9.example.org");
    CHECK(own->manage_mx);
    CHECK(settings("{mta_sts: {mx: [mx1.example.org]}}", "")->mode == PolicyMode::testing);
    CHECK(settings("{mta_sts: {mode: none}}")->max_age == std::chrono::seconds(86'400));
}

TEST_CASE("a domain of the store has its profile's settings, and none when the profile is gone", "[config][domains]") {
    Config config = config_of(parse_config(kProfiles, "mxseal.yaml"));
    CHECK(settings_of(config, "slow")->max_age == std::chrono::seconds(4 * 604'800));
    CHECK_FALSE(settings_of(config, "gone"));
}

TEST_CASE("the snapshot stands in the state folder unless the file says where", "[config][domains]") {
    CHECK(config_of(parse_config("state: /var/lib/x\nendpoint: {}\n", "mxseal.yaml")).endpoint->snapshot == "/var/lib/x/endpoint.snapshot");
    CHECK(config_of(parse_config("endpoint: {snapshot: /srv/s}\n", "mxseal.yaml")).endpoint->snapshot == "/srv/s");
    CHECK_FALSE(config_of(parse_config("state: /var/lib/x\n", "mxseal.yaml")).endpoint);
}

TEST_CASE("MX patterns are names, or names below `*.`", "[config][domains]") {
    CHECK(mx_pattern("MX1.Example.org") == "mx1.example.org");
    CHECK(mx_pattern("*.example.org") == "*.example.org");
    for (const char* wrong : {"", "*", "*.", "mx*.example.org", "a.*.example.org", "mx1.example.org.", "192.0.2.1", "2001:db8::1", "mx_1.example.org", "-a.example.org", "bücher.example"}) {
        INFO(wrong);
        CHECK_FALSE(mx_pattern(wrong));
    }
}

TEST_CASE("mail domains are host names of two labels with room for mta-sts before them", "[config][domains]") {
    CHECK(parse_mail_domain("Example.ORG.")->text() == "example.org");
    for (std::string wrong : {"", ".", "org", "a_b.example", "192.0.2.1", "-a.example", "a..b", "bücher.example", "a b.example"}) {
        INFO(wrong);
        CHECK(parse_mail_domain(wrong).error().code() == ErrorCode::invalid);
    }
    std::string label(60, 'a');
    auto longest = label + "." + label + "." + label + "." + label;
    CHECK_FALSE(parse_mail_domain(longest + ".example"));
    CHECK(parse_mail_domain(longest).ok());
}
