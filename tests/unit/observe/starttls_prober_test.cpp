#include "agent/observe/starttls_prober.hpp"

#include "agent/keys/certificates.hpp"
#include "tests/unit/observe/fake_smtp_server.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <set>

using namespace mxseal;
using namespace mxseal::agent;
using namespace mxseal::observe_test;
using rotation::Algorithm;
using rotation::tlsa::EndpointProbe;
using rotation::tlsa::ProbeRound;
using Failure = EndpointProbe::Failure;
using Sni = EndpointProbe::Sni;

namespace {

const dns::Name kHost = dns::Name::parse("mx1.example.test").value();

struct Pairs {
    Pair ecdsa = make_pair_of(Algorithm::ecdsa_p256, kHost.text());
    Pair rsa = make_pair_of(Algorithm::rsa_2048, kHost.text());
};
const Pairs& pairs() {
    static const Pairs both;
    return both;
}

std::unique_ptr<StartTlsProber> make_prober(ProberOptions options = {}) {
    static const SystemClock clock;
    return StartTlsProber::create(clock, std::move(options)).value();
}

ProberOptions hasty() {
    ProberOptions options;
    options.endpoint_limit = std::chrono::milliseconds(300);
    return options;
}

ProbeTarget target_at(const FakeSmtpServer& server, std::vector<Algorithm> algorithms = {Algorithm::ecdsa_p256}) {
    return {kHost, {server.port()}, {"127.0.0.1"}, std::move(algorithms), {}};
}

std::vector<EndpointProbe> forced(const ProbeRound& round) {
    std::vector<EndpointProbe> found;
    std::copy_if(round.endpoints.begin(), round.endpoints.end(), std::back_inserter(found), [](const EndpointProbe& probe) { return probe.forced.has_value(); });
    return found;
}

bool all_fail_with(const ProbeRound& round, Failure failure) {
    return !round.endpoints.empty() && std::all_of(round.endpoints.begin(), round.endpoints.end(), [&](const EndpointProbe& probe) {
        return probe.failure == failure && !probe.chain && !probe.detail.empty() && !probe.absent_algorithm;
    });
}

} // namespace

TEST_CASE("a healthy endpoint is probed with each SNI and each algorithm, and shows its chain") {
    const FakeSmtpServer server(Behaviour::normal, {&pairs().ecdsa});
    const ProbeRound round = make_prober()->probe(target_at(server));
    CHECK(round.error.empty());
    REQUIRE(round.endpoints.size() == 4);
    CHECK(round.endpoints[0].sni == Sni::base);
    CHECK(round.endpoints[1].sni == Sni::none);
    CHECK(round.endpoints[2].sni == Sni::other);
    CHECK(round.endpoints[3].forced == Algorithm::ecdsa_p256);
    for (const EndpointProbe& probe : round.endpoints) {
        INFO(probe.detail);
        CHECK(probe.failure == Failure::none);
        REQUIRE(probe.chain);
        CHECK(probe.chain->key == pairs().ecdsa.key.spki());
        CHECK(probe.chain->algorithm == Algorithm::ecdsa_p256);
        CHECK(probe.chain->names_host);
        CHECK(probe.port == server.port());
        CHECK(probe.address == "127.0.0.1");
    }
    CHECK(round.started <= round.finished);
}

TEST_CASE("a probe says EHLO, STARTTLS and QUIT, never resumes a session, and shows three server names") {
    const FakeSmtpServer server(Behaviour::normal, {&pairs().ecdsa});
    (void)make_prober()->probe(target_at(server));
    const auto commands = server.commands();
    const std::set<std::string> distinct(commands.begin(), commands.end());
    CHECK(distinct == std::set<std::string>{"EHLO probe.mxseal.invalid", "STARTTLS", "tls QUIT"});
    const auto names = server.server_names();
    CHECK(std::set<std::string>(names.begin(), names.end()) == std::set<std::string>{"mx1.example.test", "", "other.mxseal.invalid"});
    CHECK(server.resumed() == 0);
}

TEST_CASE("a server with two pairs shows each of them when the algorithm is forced") {
    const FakeSmtpServer server(Behaviour::normal, {&pairs().ecdsa, &pairs().rsa});
    const auto probes = forced(make_prober()->probe(target_at(server, {Algorithm::rsa_2048, Algorithm::ecdsa_p256})));
    REQUIRE(probes.size() == 2);
    CHECK(probes[0].forced == Algorithm::ecdsa_p256);
    CHECK(probes[0].chain.value().key == pairs().ecdsa.key.spki());
    CHECK(probes[1].forced == Algorithm::rsa_2048);
    CHECK(probes[1].chain.value().key == pairs().rsa.key.spki());
}

TEST_CASE("a configured algorithm that the server does not have is absent, not broken") {
    const FakeSmtpServer server(Behaviour::normal, {&pairs().ecdsa});
    const auto probes = forced(make_prober()->probe(target_at(server, {Algorithm::ecdsa_p256, Algorithm::rsa_2048})));
    REQUIRE(probes.size() == 2);
    CHECK(probes[0].failure == Failure::none);
    CHECK_FALSE(probes[0].absent_algorithm);
    CHECK(probes[1].failure == Failure::handshake);
    CHECK(probes[1].absent_algorithm);
    CHECK_FALSE(probes[1].chain);
}

TEST_CASE("a pair of an algorithm that nobody configured is seen all the same") {
    const FakeSmtpServer server(Behaviour::normal, {&pairs().ecdsa, &pairs().rsa});
    const auto probes = forced(make_prober()->probe(target_at(server, {Algorithm::ecdsa_p256})));
    REQUIRE(probes.size() == 2);
    CHECK(probes[1].forced == Algorithm::rsa_2048);
    CHECK(probes[1].chain.value().key == pairs().rsa.key.spki());
}

TEST_CASE("each version is judged as a DANE sender would judge it") {
    const FakeSmtpServer server(Behaviour::normal, {&pairs().ecdsa});
    const rotation::Chain chain = read_chain(view_of(pairs().ecdsa.certificate), kHost, SystemClock().wall()).value();
    const dns::TlsaRecord good = rotation::record_of(chain.key);
    const dns::TlsaRecord foreign{3, 1, 1, Bytes(32, 0xab)};
    const dns::TlsaRecord whole{3, 0, 1, chain.certificates[0].certificate_sha256};
    const dns::TlsaRecord pkix{1, 1, 1, Bytes(32, 0xab)};
    const dns::TlsaRecord short_digest{3, 1, 1, Bytes(31, 0xab)};
    const dns::TlsaRecord anchor{2, 1, 1, Bytes(32, 0xab)};
    const dns::TlsaRecord own_anchor{2, 0, 1, chain.certificates[0].certificate_sha256};
    const dns::TlsaRecord sha512{3, 1, 2, chain.certificates[0].spki_sha512};
    const auto port = server.port();
    const auto named = [&](std::string name, std::vector<dns::TlsaRecord> records) {
        return std::pair<std::uint16_t, NamedVersion>{port, {std::move(name), dns::TlsaSet(std::move(records))}};
    };
    ProbeTarget target = target_at(server);
    target.versions = {named("current", {good}),
                       named("current and next", {good, foreign}),
                       named("foreign", {foreign}),
                       named("empty", {}),
                       named("only PKIX-EE", {pkix}),
                       named("only a short digest", {short_digest}),
                       named("whole certificate", {whole}),
                       named("unknown anchor", {anchor}),
                       named("anchor beside the key", {anchor, good}),
                       named("self as anchor", {own_anchor}),
                       named("SHA2-512", {sha512}),
                       {static_cast<std::uint16_t>(port + 1), {"of another port", dns::TlsaSet({foreign})}}};
    for (const EndpointProbe& probe : make_prober()->probe(target).endpoints) {
        INFO(probe.detail);
        CHECK(probe.failure == Failure::none);
        CHECK(probe.mismatches == std::vector<std::string>{"foreign", "unknown anchor", "self as anchor"}); // a leaf is no anchor
    }
}

TEST_CASE("plain text behind the reply to STARTTLS is a failed handshake with its reason") {
    const FakeSmtpServer server(Behaviour::injects, {&pairs().ecdsa});
    const ProbeRound round = make_prober(hasty())->probe(target_at(server));
    CHECK(all_fail_with(round, Failure::handshake));
    CHECK(round.endpoints.at(0).detail.find("plain text follows") != std::string::npos);
}

TEST_CASE("an endpoint without usable STARTTLS says so for every handshake, and is asked once") {
    const auto behaviour = GENERATE(Behaviour::no_starttls, Behaviour::refuses_starttls);
    const FakeSmtpServer server(behaviour, {&pairs().ecdsa});
    const ProbeRound round = make_prober(hasty())->probe(target_at(server));
    CHECK(round.endpoints.size() == 4);
    CHECK(all_fail_with(round, Failure::no_starttls));
    const auto commands = server.commands();
    CHECK(std::count(commands.begin(), commands.end(), "EHLO probe.mxseal.invalid") == 1);
}

TEST_CASE("an endpoint that cannot be talked to is unreachable, within its limit") {
    const auto behaviour = GENERATE(Behaviour::silent, Behaviour::garbage, Behaviour::endless_line, Behaviour::endless_reply,
                                    Behaviour::greets_with_554, Behaviour::closes);
    const FakeSmtpServer server(behaviour, {&pairs().ecdsa});
    const ProbeRound round = make_prober(hasty())->probe(target_at(server));
    CHECK(round.endpoints.size() == 4);
    CHECK(all_fail_with(round, Failure::unreachable));
    CHECK(round.finished - round.started < std::chrono::seconds(3));
}

TEST_CASE("a server that breaks TLS fails the handshake and hides no algorithm") {
    const FakeSmtpServer server(Behaviour::tls_garbage, {&pairs().ecdsa});
    const ProbeRound round = make_prober()->probe(target_at(server));
    CHECK(all_fail_with(round, Failure::handshake));
}

TEST_CASE("where nobody listens the endpoint is unreachable at once") {
    std::uint16_t port = 0;
    { port = FakeSmtpServer(Behaviour::closes, {&pairs().ecdsa}).port(); }
    const ProbeRound round = make_prober()->probe({kHost, {port}, {"127.0.0.1"}, {Algorithm::ecdsa_p256}, {}});
    CHECK(all_fail_with(round, Failure::unreachable));
}

TEST_CASE("one dead address does not hide the others, and each port is probed") {
    const FakeSmtpServer first(Behaviour::normal, {&pairs().ecdsa});
    const FakeSmtpServer second(Behaviour::normal, {&pairs().rsa});
    ProbeTarget target = target_at(first);
    target.ports.push_back(second.port());
    target.addresses = {"127.0.0.1", "127.0.0.2", "no address"};
    const ProbeRound round = make_prober()->probe(target);
    CHECK(std::count_if(round.endpoints.begin(), round.endpoints.end(), [](const EndpointProbe& probe) { return probe.failure == Failure::unreachable; }) == 16);
    std::set<rotation::SpkiHash> keys;
    for (const EndpointProbe& probe : round.endpoints)
        if (probe.chain) keys.insert(probe.chain->key);
    CHECK(keys == std::set<rotation::SpkiHash>{pairs().ecdsa.key.spki(), pairs().rsa.key.spki()});
}

TEST_CASE("on a port of implicit TLS the handshake comes first") {
    const FakeSmtpServer server(Behaviour::implicit_tls, {&pairs().ecdsa});
    ProberOptions options;
    options.implicit_tls_ports = {server.port()};
    const ProbeRound round = make_prober(options)->probe(target_at(server));
    REQUIRE(round.endpoints.size() == 4);
    for (const EndpointProbe& probe : round.endpoints) CHECK(probe.failure == Failure::none);
}

TEST_CASE("a round without addresses is an error, not a success") {
    const ProbeRound round = make_prober()->probe({kHost, {25}, {}, {Algorithm::ecdsa_p256}, {}});
    CHECK(round.endpoints.empty());
    CHECK_FALSE(round.error.empty());
}

TEST_CASE("what a round has no time for counts as unreachable") {
    const FakeSmtpServer server(Behaviour::normal, {&pairs().ecdsa});
    ProberOptions options;
    options.round_limit = Duration{0};
    const ProbeRound round = make_prober(options)->probe(target_at(server));
    CHECK(all_fail_with(round, Failure::unreachable));
    CHECK(server.commands().empty());
}
