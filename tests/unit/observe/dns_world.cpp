#include "tests/unit/observe/dns_world.hpp"

#include <fmt/format.h>

#include <iostream>
#include <stdexcept>

namespace mxseal::observe_test {
namespace {

constexpr const char* kKnotd = "/usr/sbin/knotd";
constexpr const char* kUnbound = "/usr/sbin/unbound";

// "aa" 32 times: FaultyServer forges these.
const std::string kDigest = std::string(64, 'a');

std::string soa(const std::string& zone) {
    return fmt::format("{0} 3600 IN SOA ns.{1} hostmaster.{1} 7 3600 600 86400 900\n", zone, zone == "." ? "test." : zone);
}

// ns<last octet>.<zone> at 127.0.0.<octet> for each.
std::string servers(const std::string& zone, std::initializer_list<int> octets) {
    std::string text;
    for (const int octet : octets)
        text += fmt::format("{0} 3600 IN NS ns{1}.{0}\nns{1}.{0} 3600 IN A 127.0.0.{1}\n", zone, octet);
    return text;
}

std::string mail_host(const std::string& zone) {
    return fmt::format("mx1.{0} 600 IN A 192.0.2.25\nmx1.{0} 600 IN AAAA 2001:db8::25\n_25._tcp.mx1.{0} 300 IN TLSA 3 1 1 {1}\nmx2.{0} 600 IN A 192.0.2.26\n",
                       zone, kDigest);
}

// The zone files are named after the zones, with `files` before.
std::string knot_configuration(const std::filesystem::path& folder, const std::string& own, const std::string& listen, const std::vector<std::string>& zones,
                               const std::string& files = "") {
    std::string text = fmt::format("server:\n  listen: [{}]\n  rundir: {}/{}\n  udp-workers: 1\n  tcp-workers: 1\n  background-workers: 1\n"
                                   "database:\n  storage: {}/{}/db\nzone:\n",
                                   listen, folder.string(), own, folder.string(), own);
    for (const std::string& zone : zones) text += fmt::format("  - domain: \"{}\"\n    file: \"{}/{}{}zone\"\n", zone, folder.string(), files, zone);
    return text;
}

} // namespace

std::vector<DnsWorld::Zone> DnsWorld::zones() const {
    using namespace std::chrono_literals;
    const Signing good{now_ - 1h, now_ + 24 * 14h, Chain::nsec};
    const Signing expired{now_ - 48h, now_ - 1h, Chain::nsec};
    const auto with = [&](Chain chain) { return Signing{good.inception, good.expiration, chain}; };
    const auto plain = [](const std::string& zone, std::initializer_list<int> octets) {
        return Zone{zone, soa(zone) + servers(zone, octets) + mail_host(zone), servers(zone, octets), true, true, {}, {}};
    };
    std::vector<Zone> all;
    const auto add = [&](Zone zone, const Signing& signing) {
        zone.signing = signing;
        all.push_back(std::move(zone));
    };
    Zone example = plain("example.test.", {2, 3});
    example.records += "example.test. 3600 IN NS ns4.example.test.\nns4.example.test. 3600 IN A 127.0.0.4\n" // not known to the parent
                       "example.test. 600 IN MX 10 mx1.example.test.\nexample.test. 600 IN MX 5 mx2.example.test.\n"
                       "null.example.test. 600 IN MX 0 .\n"
                       "_25._tcp.alias.example.test. 300 IN CNAME _25._tcp.mx1.example.test.\n"
                       "_25._tcp.far.example.test. 300 IN CNAME _25._tcp.mx1.nsec3.test.\n"
                       "host-alias.example.test. 300 IN CNAME mx1.example.test.\n"
                       "*.wild.example.test. 300 IN TLSA 3 1 1 " + kDigest + "\n"
                       "_acme-challenge.example.test. 60 IN TXT \"first\"\n_acme-challenge.example.test. 60 IN TXT \"sec\" \"ond\"\n"
                       "sub.example.test. 3600 IN NS ns.elsewhere.test.\n";
    add(example, good);
    add(plain("nsec3.test.", {2}), with(Chain::nsec3));
    add(plain("optout.test.", {2}), with(Chain::nsec3_opt_out));
    add(plain("costly.test.", {2}), with(Chain::nsec3_many_iterations));
    add(plain("expired.test.", {2}), good);
    all.back().signing = expired;
    Zone insecure = plain("unsigned.test.", {2});
    insecure.is_signed = insecure.has_ds = false;
    add(insecure, good);
    Zone stripped = plain("stripped.test.", {2}); // a DS, but no signatures: bogus as a whole
    stripped.is_signed = false;
    add(stripped, good);
    add(plain("halfdead.test.", {2, 9}), good);
    add(plain("lame.test.", {2, 1}), good);
    Zone faulty = plain("faulty.test.", {2, 5});
    for (const char* how : {"notimp", "refused", "servfail", "silent", "forged"})
        faulty.records += fmt::format("{0}.faulty.test. 600 IN A 192.0.2.27\n_25._tcp.{0}.faulty.test. 300 IN TLSA 3 1 1 {1}\n", how, kDigest);
    add(faulty, good);
    for (Zone& zone : policy_zones()) all.push_back(std::move(zone));
    return all;
}

// Unsigned, for MTA-STS needs no signatures.
std::vector<DnsWorld::Zone> DnsWorld::policy_zones() {
    const auto zone = [](const std::string& name, std::initializer_list<int> octets) {
        return Zone{name, soa(name) + servers(name, octets), servers(name, octets), false, false, {}, {}};
    };
    Zone policy = zone("policy.test.", {2, 3});
    policy.records += "policy.test. 600 IN MX 10 mx1.policy.test.\npolicy.test. 600 IN MX 5 MX2.Policy.test.\nnull.policy.test. 600 IN MX 0 .\n"
                      "_mta-sts.policy.test. 300 IN TXT \"v=STSv1; id=1;\"\n_mta-sts.policy.test. 300 IN TXT \"another \" \"one\\\\\\255\"\n"
                      "_mta-sts.alias.policy.test. 1200 IN CNAME _mta-sts.provider.test.\n"
                      "_mta-sts.inside.policy.test. 60 IN CNAME _mta-sts.policy.test.\n"
                      "_mta-sts.twice.policy.test. 60 IN CNAME _mta-sts.inside.policy.test.\n"
                      "_mta-sts.loop.policy.test. 60 IN CNAME _mta-sts.loop.provider.test.\n"
                      "_mta-sts.broken.policy.test. 60 IN CNAME _mta-sts.stripped.test.\n"
                      "_smtp._tls.policy.test. 600 IN TXT";
    for (int i = 0; i < 10; ++i) policy.records += fmt::format(" \"{}\"", std::string(200, static_cast<char>('a' + i))); // too long for UDP
    policy.records += "\n_mta-sts.c9.policy.test. 60 IN TXT \"v=STSv1; id=9;\"\n";
    for (int i = 0; i < 9; ++i) policy.records += fmt::format("_mta-sts.c{}.policy.test. {} IN CNAME _mta-sts.c{}.policy.test.\n", i, 100 - i, i + 1);
    Zone provider = zone("provider.test.", {2, 6});
    provider.records += "_mta-sts.provider.test. 900 IN TXT \"v=STSv1; id=7;\"\n_mta-sts.loop.provider.test. 60 IN CNAME _mta-sts.loop.policy.test.\n";
    provider.elsewhere = provider.records;
    Zone differs = zone("differs.test.", {2, 6});
    differs.elsewhere = differs.records + "_mta-sts.differs.test. 300 IN TXT \"v=STSv1; id=2;\"\ndiffers.test. 600 IN MX 10 mx2.differs.test.\n"
                                          "_mta-sts.direct.differs.test. 300 IN TXT \"v=STSv1; id=7;\"\n"
                                          "_mta-sts.other.differs.test. 300 IN TXT \"v=STSv1; id=8;\"\n"
                                          "_mta-sts.two.differs.test. 300 IN CNAME _mta-sts.policy.test.\n";
    differs.records += "_mta-sts.differs.test. 300 IN TXT \"v=STSv1; id=1;\"\ndiffers.test. 600 IN MX 10 mx1.differs.test.\n";
    differs.records += "_mta-sts.far.differs.test. 300 IN CNAME _mta-sts.policy.test.\n";
    for (const char* owner : {"direct", "other", "none", "two"}) differs.records += fmt::format("_mta-sts.{}.differs.test. 300 IN CNAME _mta-sts.provider.test.\n", owner);
    Zone troubled = zone("troubled.test.", {1, 2, 9});
    troubled.records += "_mta-sts.troubled.test. 300 IN TXT \"v=STSv1; id=1;\"\n";
    return {policy, provider, differs, troubled};
}

void DnsWorld::write_zones() {
    std::string test = soa("test.") + "test. 3600 IN NS ns.test.\nns.test. 3600 IN A 127.0.0.1\n";
    const Signing good{now_ - std::chrono::hours(1), now_ + std::chrono::hours(24), Chain::nsec};
    for (const Zone& zone : zones()) {
        const ZoneKey key(dns::Name::parse(zone.name).value());
        names_.push_back(zone.name);
        folder_.write(zone.name + "zone", zone.is_signed ? key.sign(zone.records, zone.signing) : zone.records);
        if (!zone.elsewhere.empty()) {
            elsewhere_names_.push_back(zone.name);
            folder_.write("elsewhere-" + zone.name + "zone", zone.elsewhere);
        }
        test += zone.delegation + (zone.has_ds ? key.ds() : "");
        if (zone.name == "expired.test.") folder_.write("expired.key", key.dnskey());
        if (zone.name == "example.test.") folder_.write("example.key", key.dnskey());
    }
    const ZoneKey test_key(dns::Name::parse("test").value()), root_key{dns::Name()};
    folder_.write("test.zone", test_key.sign(test, good));
    const std::string root = soa(".") + ". 3600 IN NS ns.test.\nns.test. 3600 IN A 127.0.0.1\ntest. 3600 IN NS ns.test.\n" + test_key.ds();
    folder_.write(".zone", root_key.sign(root, good));
    folder_.write("root.key", root_key.dnskey());
}

void DnsWorld::write_configuration() {
    for (const char* own : {"parents", "children", "elsewhere"}) std::filesystem::create_directories(folder_.path() / own / "db");
    folder_.write("parents.conf", knot_configuration(folder_.path(), "parents", fmt::format("127.0.0.1@{}", port_), {".", "test."}));
    const std::string listen = fmt::format("127.0.0.2@{0}, 127.0.0.3@{0}, 127.0.0.4@{0}", port_);
    folder_.write("children.conf", knot_configuration(folder_.path(), "children", listen, names_));
    folder_.write("elsewhere.conf", knot_configuration(folder_.path(), "elsewhere", fmt::format("127.0.0.6@{}", port_), elsewhere_names_, "elsewhere-"));
    std::string unbound = fmt::format("server:\n  interface: 127.0.0.1@{}\n  do-daemonize: no\n  use-syslog: no\n  chroot: \"\"\n  username: \"\"\n"
                                      "  pidfile: \"\"\n  directory: \"{}\"\n  module-config: \"iterator\"\n  do-not-query-localhost: no\n"
                                      "  local-zone: \"test.\" nodefault\n  num-threads: 1\n  do-ip6: no\n  cache-max-ttl: 0\n  cache-max-negative-ttl: 0\n"
                                      "remote-control:\n  control-enable: no\n",
                                      unbound_port_, folder_.path().string());
    for (const char* zone : {".", "test."}) unbound += fmt::format("stub-zone:\n  name: \"{}\"\n  stub-addr: 127.0.0.1@{}\n", zone, port_);
    for (const std::string& zone : names_) unbound += fmt::format("stub-zone:\n  name: \"{}\"\n  stub-addr: 127.0.0.2@{}\n", zone, port_);
    folder_.write("unbound.conf", unbound);
}

void DnsWorld::start() {
    const auto path = [&](const char* name) { return (folder_.path() / name).string(); };
    const auto run = [&](std::vector<std::string> command, const char* log) {
        return std::make_unique<conformance::ChildProcess>(command, folder_.path() / log);
    };
    parents_ = run({kKnotd, "-c", path("parents.conf")}, "parents.log");
    children_ = run({kKnotd, "-c", path("children.conf")}, "children.log");
    elsewhere_ = run({kKnotd, "-c", path("elsewhere.conf")}, "elsewhere.log");
    unbound_ = run({kUnbound, "-d", "-c", path("unbound.conf")}, "unbound.log");
    faulty_ = std::make_unique<FaultyServer>("127.0.0.5", port_, dns::Endpoint{"127.0.0.2", port_});
    dns::QueryOptions patient;
    patient.recursion_desired = true;
    // Up to 30 s: the machine may be busy.
    for (int i = 0; i < 300; ++i) {
        const auto answer = dns::exchange({"127.0.0.1", unbound_port_}, {dns::Name::parse("mx1.faulty.test").value(), dns::Type::a}, patient);
        const auto root = dns::exchange({"127.0.0.1", port_}, {dns::Name(), dns::Type::soa});
        const auto elsewhere = dns::exchange({"127.0.0.6", port_}, {dns::Name::parse("differs.test").value(), dns::Type::soa});
        const bool all = root && root->authoritative && elsewhere && elsewhere->authoritative;
        if (answer && answer->rcode == 0 && !answer->answer.empty() && all) return;
        conformance::pause_ms(100);
    }
    throw std::runtime_error("the DNS of the test does not answer");
}

DnsWorld::DnsWorld()
    : port_(conformance::free_port()), unbound_port_(conformance::free_port()),
      now_(std::chrono::floor<std::chrono::seconds>(SystemClock().wall())) {
    write_zones();
    write_configuration();
    start();
    resolver_ = agent::ValidatingResolver::create(resolver_options()).value();
}

agent::ResolverOptions DnsWorld::resolver_options() const {
    agent::ResolverOptions options;
    options.forward = {{"127.0.0.1", unbound_port_}};
    options.trust_anchors = {folder_.path() / "root.key"};
    return options;
}

agent::ObserverOptions DnsWorld::options() const {
    agent::ObserverOptions options;
    options.dns_port = port_;
    options.try_timeout = std::chrono::milliseconds(500);
    options.udp_tries = 2;
    return options;
}

dns::ZoneKeys DnsWorld::keys_of(const std::string& zone) {
    const dns::Name name = dns::Name::parse(zone).value();
    return {name, ask("127.0.0.2", zone, dns::Type::dnskey).answer};
}

dns::Message DnsWorld::ask(const std::string& address, const std::string& name, dns::Type type) const {
    return dns::exchange({address, port_}, {dns::Name::parse(name).value(), type}).value();
}

DnsWorld* DnsWorld::get() {
    if (!std::filesystem::exists(kKnotd) || !std::filesystem::exists(kUnbound)) {
        std::cout << "LEFT OUT: knotd or unbound is not installed, so nothing was asked of real name servers\n";
        return nullptr;
    }
    static const std::unique_ptr<DnsWorld> world(new DnsWorld());
    return world.get();
}

} // namespace mxseal::observe_test
