#include "agent/observe/endpoint_probe.hpp"

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

bool fail_smtp(EndpointProbe& probe, Failure failure, std::string_view step, const SmtpReply& reply) {
    return fail(probe, failure, std::string(step) + ": the server answered \"" + escape_untrusted(reply.text()) + "\"");
}

TextChannel channel_over(TcpStream& stream, const Deadline& deadline) {
    return {[&stream, deadline](std::string_view text) { return stream.send_all(view_of(text), deadline); },
            [&stream, deadline]() -> Result<std::string> {
                std::array<std::uint8_t, 4096> buffer{};
                Result<std::size_t> got = stream.receive(buffer, deadline);
                if (!got) return std::move(got).error();
                if (*got == 0) return Error(ErrorCode::transient, "the server closed the connection", Retry::transient());
                return to_text(ByteView(buffer).first(*got));
            }};
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
    if (implicit_tls() || start_tls(*stream, seen.probe)) shake(*stream, offer, seen);
    return seen;
}

bool EndpointProber::start_smtp(SmtpDialog& dialog, EndpointProbe& probe) {
    Result<SmtpReply> greeting = dialog.read_reply();
    if (!greeting) return fail(probe, Failure::unreachable, "greeting: " + greeting.error().to_string());
    if (greeting->code != 220) return fail_smtp(probe, Failure::unreachable, "greeting", *greeting);
    Result<SmtpReply> ehlo = dialog.command("EHLO " + options_.ehlo_name);
    if (!ehlo) return fail(probe, Failure::unreachable, "EHLO: " + ehlo.error().to_string());
    if (ehlo->code != 250) return fail_smtp(probe, Failure::no_starttls, "EHLO", *ehlo);
    if (ehlo->offers("STARTTLS")) return true;
    (void)dialog.command("QUIT");
    return fail(probe, Failure::no_starttls, "the answer to EHLO does not offer STARTTLS (A-18: it must, to every client)");
}

bool EndpointProber::start_tls(TcpStream& stream, EndpointProbe& probe) {
    SmtpDialog dialog(channel_over(stream, deadline_));
    if (!start_smtp(dialog, probe)) return false;
    Result<SmtpReply> ready = dialog.command("STARTTLS");
    if (!ready) return fail(probe, Failure::unreachable, "STARTTLS: " + ready.error().to_string());
    // RFC 3207 section 4: 220 alone means that TLS may begin.
    if (ready->code != 220) return fail_smtp(probe, Failure::no_starttls, "STARTTLS", *ready);
    // what follows the 220 in plain text was put there by somebody without the key. None of it is used.
    if (dialog.has_leftover() || stream.has_unread())
        return fail(probe, Failure::handshake, "plain text follows the reply to STARTTLS: somebody on the way injects it, or the server is broken");
    return true;
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
