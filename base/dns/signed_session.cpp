#include "base/dns/signed_session.hpp"

#include "base/dns/wire.hpp"

#include <optional>

#include <fmt/format.h>

namespace mxseal::dns {

namespace {

using Kind = TsigVerdict::Kind;

constexpr int kRefused = 5, kNotAuth = 9;

// Our choice: a server that sends more answers than this to nothing we asked is broken.
constexpr int kStrayAnswersMax = 4;

std::uint16_t id_of(ByteView message) { return static_cast<std::uint16_t>(message[0] << 8 | message[1]); }
int opcode_of(ByteView message) { return message[2] >> 3 & 0x0f; }

std::string place_of(const Endpoint& server, const Question& question) {
    return fmt::format("{} {} at {}", question.name.text(), to_string(question.type), server.to_string());
}

// Nothing when the verdict lets the answer to a query count.
std::optional<Error> fault_of(const SignedAnswer& answer, const std::string& where, const TsigKey& key, const Clock& clock) {
    const TsigVerdict& tsig = answer.tsig;
    int rcode = answer.message.rcode;
    switch (tsig.kind) {
    case Kind::verified: return std::nullopt;
    case Kind::bad_time:
    case Kind::out_of_time: return clock_skew(where, *tsig.server_time, clock.wall());
    case Kind::refused_key:
    case Kind::refused_signature: return key_refused(where, key, tsig.why);
    case Kind::absent: break;
    case Kind::wrong:
        return Error(ErrorCode::protocol,
                     fmt::format("{}: the answer's signature does not verify with the TSIG key {}: {}", where, key.name.text(), tsig.why),
                     Retry::transient());
    }
    // Servers say without a signature that they do not serve a name (providers.md 1.1); who forges it only stops us.
    if (rcode == kRefused || rcode == kNotAuth)
        return Error(ErrorCode::not_managed, fmt::format("{}: the server does not serve this name ({}, unsigned)", where, rcode_text(rcode)));
    return Error(ErrorCode::auth_failed, fmt::format("{}: the server answered {} without a signature, so it does not know the TSIG key {}; "
                                                     "check the key's name and secret on both sides",
                                                     where, rcode_text(rcode), key.name.text()));
}

} // namespace

Error clock_skew(const std::string& where, Instant server, Instant ours) {
    auto skew = std::chrono::floor<std::chrono::seconds>(ours) - server;
    bool ahead = skew > Duration(0);
    return Error(ErrorCode::clock_skew,
                 fmt::format("{}: our clock is {} {} the server's ({} there, {} here); mend the clock that is wrong (NTP)", where,
                             mxseal::to_string(Duration(ahead ? skew : -skew)), ahead ? "ahead of" : "behind", to_rfc3339(server), to_rfc3339(ours)),
                 Retry::transient());
}

Error key_refused(const std::string& where, const TsigKey& key, std::string_view what) {
    return Error(ErrorCode::auth_failed,
                 fmt::format("{}: the server refused the TSIG key {} ({}, {}); nothing was changed; check name, algorithm and secret on both sides, "
                             "and that the server lets this key reach the zone",
                             where, key.name.text(), to_string(key.algorithm), what));
}

Result<SignedSession> SignedSession::open(const Endpoint& server, const TsigKey& key, const Clock& clock, const Deadline& deadline) {
    auto connection = TcpConnection::open(server, deadline);
    if (!connection.ok()) return std::move(connection).error();
    return SignedSession(std::move(*connection), server, key, clock);
}

Result<SignedAnswer> SignedSession::exchange(ByteView request, const Deadline& deadline) {
    auto sealed = tsig_sign(request, *key_, clock_->wall());
    if (!sealed.ok()) return std::move(sealed).error();
    if (auto sent = connection_.send(sealed->wire, deadline); !sent.ok()) return std::move(sent).error();
    for (int i = 0; i < kStrayAnswersMax; ++i) {
        auto wire = connection_.receive(deadline);
        if (!wire.ok()) return std::move(wire).error();
        auto parsed = parse_message(*wire);
        if (!parsed.ok()) return std::move(parsed).error();
        if (!parsed->response || parsed->id != id_of(request) || parsed->opcode != opcode_of(request)) continue;
        return SignedAnswer{std::move(parsed->message), tsig_verify(*wire, *key_, sealed->mac, clock_->wall())};
    }
    return Error(ErrorCode::protocol, fmt::format("{}: the server answered only what was not asked", server_.to_string()), Retry::transient());
}

Result<SignedAnswer> SignedSession::ask_signed(const Question& question, const Deadline& deadline) {
    auto request = query_message(random_id(), question, false, true);
    if (!request.ok()) return std::move(request).error();
    return exchange(*request, deadline);
}

Result<Message> SignedSession::ask(const Question& question, const Deadline& deadline) {
    auto answer = ask_signed(question, deadline);
    if (!answer.ok()) return std::move(answer).error();
    if (auto fault = fault_of(*answer, place_of(server_, question), *key_, *clock_)) return std::move(*fault);
    return std::move(answer->message);
}

Result<Instant> SignedSession::ask_time(const Question& question, const Deadline& deadline) {
    auto answer = ask_signed(question, deadline);
    if (!answer.ok()) return std::move(answer).error();
    const TsigVerdict& tsig = answer->tsig;
    // RFC 8945 section 5.2.3: BADTIME is signed too and holds the server's time.
    if (tsig.kind == Kind::verified || tsig.kind == Kind::bad_time) return *tsig.server_time;
    return std::move(*fault_of(*answer, place_of(server_, question), *key_, *clock_));
}

} // namespace mxseal::dns
