#include "tests/unit/config/texts.hpp"

using namespace mxseal;
using namespace mxseal::agent;
using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

namespace {

std::string golden(const std::string& name) { return text_of(std::filesystem::path(MXSEAL_SOURCE_DIR) / "tests/golden/config" / name); }

const HostConfig& host_of(const Config& config, const char* name) { return config.hosts.at(*dns::Name::parse(name)); }

} // namespace

TEST_CASE("the example of the design is read into its values", "[config]") {
    Config config = config_of(parse_config(golden("design_example.yaml"), "/etc/mxseal/mxseal.yaml"));
    CHECK(config.state == "/var/lib/mxseal");
    REQUIRE(config.resolver.forward.size() == 1);
    CHECK(config.resolver.forward.front() == dns::Endpoint{"127.0.0.1", 53});
    CHECK(config.timing.safety_margin == minutes(16));
    CHECK(config.acme.at("letsencrypt").accept_terms);
    CHECK(config.acme.at("letsencrypt").contact == std::vector<std::string>{"mailto:hostmaster@example.org"});
    CHECK(config.providers.at("knot").servers == std::vector<dns::Endpoint>{{"192.0.2.53", 53}});
    CHECK(config.providers.at("knot").tsig_name == "mxseal");
    CHECK(config.providers.at("knot").tsig_secret_file == "/etc/mxseal/tsig");
    const HostConfig& host = host_of(config, "mx1.example.org");
    CHECK(host.zone.text() == "example.org");
    CHECK(host.certificate == "letsencrypt");
    CHECK(host.rotate_every == hours(90 * 24));
    CHECK(host.tlsa_ttl == seconds(3600));
    CHECK(host.deploy.front().combined == "/etc/postfix/tls/mx1.pem");
    CHECK(host.deploy.front().reload == std::vector<std::string>{"postfix", "reload"});
    CHECK(host.deploy.front().mode == 0600);
    CHECK(host.line == 13);
    CHECK(config.domains.size() == 1);
}

TEST_CASE("a laboratory's seconds, lists, aliases and modes are read", "[config]") {
    Config config = config_of(parse_config(golden("laboratory.yaml"), "/lab/mxseal.yaml"));
    CHECK(config.state == "/lab/state");
    CHECK(config.acme.at("pebble").ca_file == std::filesystem::path("/lab/pebble.pem"));
    CHECK(config.timing.observe_every == seconds(1));
    CHECK(config.timing.stale_margin == seconds(2));
    CHECK(config.providers.at("second").servers == std::vector<dns::Endpoint>{{"127.0.0.11", 5353}, {"::1", 53}});
    const ZoneConfig& zone = config.zones.begin()->second;
    CHECK(zone.providers == std::vector<std::string>{"knot", "second"});
    REQUIRE(zone.nameservers.size() == 2);
    CHECK(zone.nameservers[0].address == dns::Endpoint{"127.0.0.12", 5353});
    CHECK(zone.nameservers[1].name->text() == "ns.example.test");
    const HostConfig& host = host_of(config, "mx1.example.test");
    CHECK(host.keys.size() == 2);
    CHECK(host.deploy.front().mode == 0640);
    CHECK(host.deploy.front().group == "postfix");
    CHECK(host.deploy.front().reload_timeout == seconds(5));
    CHECK(host.backends == std::vector<std::string>{"127.0.0.21", "::1"});
}

TEST_CASE("what is left out has the defaults of the requirements", "[config]") {
    Config config = config_of(parse_config("zones: {}\n", "mxseal.yaml"));
    CHECK(config.timing.safety_margin == minutes(16));
    CHECK(config.timing.resolver_min_ttl == hours(1));
    CHECK(config.timing.stale_margin == hours(72));
    CHECK(config.timing.emergency_stale_margin == seconds(0));
    CHECK(config.timing.anycast_margin == minutes(5));
    CHECK(config.timing.unseen_ttl == hours(24));
    CHECK(config.timing.stagger == hours(24));
    CHECK(config.timing.observe_every == minutes(1));
    CHECK(config.timing.monitor_every == hours(1));
    CHECK(config.state == "/var/lib/mxseal");
}

TEST_CASE("a host belongs to the closest of the zones", "[config]") {
    std::string text = "providers: {p: {type: rfc2136, server: 192.0.2.1, tsig: {name: k, secret_file: /k}}}\n"
                       "zones: {example.org: {provider: p}, mail.example.org: {provider: p}, org: {provider: p}}\n"
                       "hosts:\n"
                       "  mx.mail.example.org: {certificate: external, deploy: [{combined: /a}]}\n"
                       "  mx.example.org: {certificate: external, deploy: [{combined: /b}]}\n"
                       "  mx.notexample.org: {certificate: external, deploy: [{combined: /c}]}\n";
    Config config = config_of(parse_config(text, "mxseal.yaml"));
    CHECK(host_of(config, "mx.mail.example.org").zone.text() == "mail.example.org");
    CHECK(host_of(config, "mx.example.org").zone.text() == "example.org");
    CHECK(host_of(config, "mx.notexample.org").zone.text() == "org");
}

TEST_CASE("who makes the keys of an external host is read, and settings without an effect are said", "[config]") {
    const auto with = [](const std::string& host) {
        return parse_config("providers: {p: {type: rfc2136, server: 192.0.2.1, tsig: {name: k, secret_file: /k}}}\nzones: {example.org: {provider: p}}\nhosts:\n  mx1.example.org: {" + host + ", deploy: [{combined: /a}]}\n",
                            "mxseal.yaml");
    };
    CHECK(host_of(config_of(with("certificate: external")), "mx1.example.org").external.keys == KeyMaker::client);
    const Config mxseals = config_of(with("certificate: external, rotate_every: 60d, external: {keys: mxseal, folder: /var/lib/x}"));
    CHECK(host_of(mxseals, "mx1.example.org").external.keys == KeyMaker::mxseal);
    CHECK(host_of(mxseals, "mx1.example.org").external.folder == std::filesystem::path("/var/lib/x"));
    CHECK(mxseals.warnings.empty());
    // A client that makes the keys says when they change: a stagger that is longer than rotate_every is no mistake then.
    const Config clients = config_of(with("certificate: external, rotate_every: 1h"));
    REQUIRE(clients.warnings.size() == 1);
    CHECK(clients.warnings.front().find("mxseal.yaml:4: hosts.mx1.example.org.rotate_every does not apply") == 0);
    CHECK(says(with("certificate: external, external: {keys: certbot}"), "allowed: client (it makes its keys as before) or mxseal"));
    CHECK(says(with("certificate: external, external: {folder: /var/lib/x}"), "has no use where the client makes the keys"));
    CHECK(says(with("certificate: self-signed, external: {keys: mxseal}"), "stands beside `certificate: self-signed`"));
}

TEST_CASE("two entries of one CA have one account there, and different contacts are told", "[config]") {
    const auto with = [](const std::string& directory, const std::string& contact) {
        return parse_config("acme:\n  a: {directory: \"https://ca.example/d\", accept_terms: true, contact: [\"mailto:a@example.org\"]}\n  b: {directory: \"https://" + directory +
                                "/d\", accept_terms: true, challenge: http-01, contact: [\"mailto:" + contact + "\"]}\n", "mxseal.yaml");
    };
    constexpr const char* kSaid = "acme.b: other contacts than acme.a, which is the same account at the same CA";
    CHECK(says(with("ca.example", "b@example.org"), kSaid));
    CHECK_FALSE(says(with("ca.example", "a@example.org"), kSaid));
    CHECK_FALSE(says(with("other.example", "b@example.org"), kSaid));
}

TEST_CASE("files that are no configuration are clear errors", "[config]") {
    CHECK(says(parse_config("", "mxseal.yaml"), "is empty"));
    CHECK(says(parse_config("~", "mxseal.yaml"), "is empty"));
    CHECK(says(parse_config(std::string("\x7f""ELF\0\0\x01", 7), "mxseal.yaml"), "no text file"));
    CHECK(says(parse_config(std::string(9 * 1024 * 1024, 'a'), "mxseal.yaml"), "larger than 8 MiB"));
    CHECK(says(parse_config(std::string(100'000, '['), "mxseal.yaml"), "mxseal.yaml:1: "));
    CHECK(says(parse_config("\xff\xfe\x80\x81: \xc3", "mxseal.yaml"), "mxseal.yaml:1: "));
    CHECK(says(parse_config("? [a, b]\n: c\n", "mxseal.yaml"), "a key is a list or a map"));
}

TEST_CASE("any cut of a good file is read or refused, never a crash", "[config]") {
    std::string text = golden("design_example.yaml");
    for (std::size_t length = 0; length < text.size(); length += 7) {
        auto read = parse_config(text.substr(0, length), "mxseal.yaml");
        if (const auto* mistakes = std::get_if<ConfigMistakes>(&read)) CHECK_FALSE(mistakes->lines.empty());
    }
}

TEST_CASE("mistakes beyond two hundred are counted, not listed", "[config]") {
    std::string text;
    for (int i = 0; i < 1000; ++i) text += "wrong" + std::to_string(i) + ": 1\n";
    auto read = parse_config(text, "mxseal.yaml");
    CHECK(std::get<ConfigMistakes>(read).lines.size() == 201);
    CHECK(says(read, "800 more mistakes"));
}

TEST_CASE("a hoster's ten thousand hosts are read in seconds", "[config]") {
    std::string text = "timing: {stagger: 1s}\nproviders: {p: {type: rfc2136, server: 192.0.2.1, tsig: {name: k, secret_file: /k}}}\n"
                       "zones: {example.org: {provider: p}}\nhosts:\n";
    for (int i = 0; i < 10'000; ++i)
        text += "  mx" + std::to_string(i) + ".example.org: {certificate: self-signed, tlsa_ttl: 60s, deploy: [{combined: /tls/" + std::to_string(i) + ".pem}]}\n";
    Config config = config_of(parse_config(text, "mxseal.yaml"));
    CHECK(config.hosts.size() == 10'000);
    CHECK(config.warnings.size() == 201);
}
