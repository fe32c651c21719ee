#include "agent/observe/endpoint_probe.hpp"

#include "agent/observe/smtp_starttls.hpp"

#include <algorithm>
#include <array>

namespace mxseal::agent {
namespace {

using rotation::Algorithm;
using rotation::tlsa::EndpointProbe;
using Sni = EndpointProbe::Sni;
using Failure = EndpointProbe::Failure;

constexpr std::array kSnis{Sni::base, Sni::none, Sni::other};
constexpr std::array kAlgorithms{Algorithm::ecdsa_p256, Algorithm::rsa_2048};
constexpr std::uint16_t kSubmissionsPort = 465;

bool fail(EndpointProbe& probe, Failure failure, std::string detail) {
    probe.failure = failure;
    probe.detail = std::move(detail);
    return false;
}

Failure failure_of(StartTls::Outcome outcome) {
    switch (outcome) {
    case StartTls::Outcome::unreachable: return Failure::unreachable;
    case StartTls::Outcome::not_offered: return Failure::no_starttls;
    case StartTls::Outcome::injected: return Failure::handshake;
    case StartTls::Outcome::ready: break;
    }
    return Failure::none;
}

bool works(const EndpointProbe& probe) { return probe.failure == Failure::none; }

} // namespace

std::optional<std::string> EndpointProber::name_for(Sni sni) const {
    switch (sni) {
    case Sni::base: return target_.host.text();
    case Sni::none: return std::nullopt;
    case Sni::other: break;
    }
    return options_.other_sni;
}

std::vector<EndpointProbe> EndpointProber::run() {
    const Seen first = free_handshake(Sni::base);
    // What cannot be reached once is not tried again in this round: a dead server costs one time-out.
    if (first.probe.failure == Failure::unreachable || first.probe.failure == Failure::no_starttls) return all_like(first.probe);
    std::vector<EndpointProbe> probes{first.probe};
    probes.push_back(free_handshake(Sni::none).probe);
    probes.push_back(free_handshake(Sni::other).probe);
    const bool works_otherwise = std::all_of(probes.begin(), probes.end(), works);
    for (const Algorithm algorithm : kAlgorithms) force(algorithm, works_otherwise, probes);
    return probes;
}

std::vector<EndpointProbe> EndpointProber::all_like(const EndpointProbe& first) const {
    std::vector<EndpointProbe> probes;
    for (const Sni sni : kSnis) {
        probes.push_back(first);
        probes.back().sni = sni;
    }
    for (const Algorithm algorithm : target_.algorithms) {
        probes.push_back(first);
        probes.back().forced = algorithm;
    }
    return probes;
}

EndpointProber::Seen EndpointProber::free_handshake(Sni sni) {
    EndpointProbe probe;
    probe.sni = sni;
    return connect_and_shake(std::move(probe), {name_for(sni), std::nullopt, TlsOffer::Versions::tls12_and_later});
}

EndpointProber::Seen EndpointProber::forced_handshake(Algorithm algorithm, TlsOffer::Versions versions) {
    EndpointProbe probe;
    probe.forced = algorithm;
    return connect_and_shake(std::move(probe), {name_for(Sni::base), algorithm, versions});
}

// each algorithm by signature algorithms and suites; once more under TLS 1.2 alone, because a server may hold another
// pair for it. That second look is kept only when it shows something else.
void EndpointProber::force(Algorithm algorithm, bool works_otherwise, std::vector<EndpointProbe>& probes) {
    const auto& wanted = target_.algorithms;
    const bool configured = std::find(wanted.begin(), wanted.end(), algorithm) != wanted.end();
    Seen seen = forced_handshake(algorithm, TlsOffer::Versions::tls12_and_later);
    seen.probe.absent_algorithm = works_otherwise && seen.refused_by_tls;
    // An algorithm that is not configured counts only where the server has it: then its chain is one that senders see.
    if (configured || works(seen.probe)) probes.push_back(seen.probe);
    if (!seen.tls13) return;
    const Seen older = forced_handshake(algorithm, TlsOffer::Versions::tls12_only);
    if (works(older.probe) && older.probe.chain != seen.probe.chain) probes.push_back(older.probe);
}

EndpointProber::Seen EndpointProber::connect_and_shake(EndpointProbe probe, TlsOffer offer) {
    Seen seen{std::move(probe)};
    seen.probe.address = address_;
    seen.probe.port = port_;
    Result<TcpStream> stream = TcpStream::connect(address_, port_, deadline_.at_most(options_.connect_limit));
    if (!stream) {
        fail(seen.probe, Failure::unreachable, stream.error().to_string());
        return seen;
    }
    if (implicit_tls() || begin_tls(*stream, seen.probe)) shake(*stream, offer, seen);
    return seen;
}

bool EndpointProber::begin_tls(TcpStream& stream, EndpointProbe& probe) {
    StartTls begun = start_tls(stream, options_.ehlo_name, deadline_);
    return begun.outcome == StartTls::Outcome::ready || fail(probe, failure_of(begun.outcome), std::move(begun.detail));
}

void EndpointProber::shake(TcpStream& stream, const TlsOffer& offer, Seen& seen) {
    Result<TlsSession> session = tls_.handshake(stream, offer, deadline_);
    if (!session) {
        seen.refused_by_tls = session.error().code() == ErrorCode::protocol;
        fail(seen.probe, Failure::handshake, session.error().to_string());
        return;
    }
    seen.tls13 = session->is_tls13();
    judge(*session, seen.probe);
    say_goodbye(*session);
}

void EndpointProber::judge(const TlsSession& session, EndpointProbe& probe) const {
    const Instant now = clock_.wall();
    Result<rotation::Chain> chain = tls_.chain_of(session, target_.host, now);
    if (!chain) {
        fail(probe, Failure::handshake, chain.error().to_string());
        return;
    }
    probe.chain = std::move(chain).value();
    for (const auto& [port, version] : target_.versions) {
        if (port != port_) continue;
        const Result<bool> accepted = tls_.dane_accepts(session, version.records, target_.host, now);
        if (!accepted || !*accepted) probe.mismatches.push_back(version.name);
        if (!accepted) probe.detail = accepted.error().to_string();
    }
}

void EndpointProber::say_goodbye(TlsSession& session) const {
    if (implicit_tls() && port_ != kSubmissionsPort) return;
    const Deadline deadline = deadline_.at_most(options_.quit_limit);
    SmtpDialog dialog({[&](std::string_view text) { return session.send(text, deadline); }, [&] { return session.receive(deadline); }});
    if (implicit_tls() && !dialog.read_reply()) return;
    // The answer is waited for: closing with unread octets resets the connection, and the server would miss the QUIT.
    (void)dialog.command("QUIT");
}

} // namespace mxseal::agent
