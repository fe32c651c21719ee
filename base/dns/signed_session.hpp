// Signed messages to one primary over one TCP connection. Blocks; call it from a worker.
//
// An answer counts only when its TSIG verifies (F-07, F-08).
#pragma once

#include "base/dns/query.hpp"
#include "base/dns/socket.hpp"
#include "base/dns/tsig.hpp"
#include "base/result.hpp"
#include "base/time.hpp"

#include <string>
#include <string_view>
#include <utility>

namespace mxseal::dns {

struct SignedAnswer {
    Message message; // believe it only when `tsig` is verified
    TsigVerdict tsig;
};

// One TCP connection to a primary, each message signed. The key and the clock must outlive it.
class SignedSession {
public:
    // `transient`: nothing was sent.
    static Result<SignedSession> open(const Endpoint& server, const TsigKey& key, const Clock& clock, const Deadline& deadline);

    // Errors are those of the connection (`transient`) and of what is no DNS message for this request (`protocol`).
    Result<SignedAnswer> exchange(ByteView request, const Deadline& deadline);

    // A query whose verified answer comes back; otherwise auth_failed, clock_skew, not_managed (an unsigned REFUSED or NOTAUTH),
    // protocol or transient.
    Result<Message> ask(const Question& question, const Deadline& deadline);

    // The server's clock, from the TSIG of its answer to `question`, also when it finds our clock wrong.
    Result<Instant> ask_time(const Question& question, const Deadline& deadline);

private:
    SignedSession(TcpConnection connection, Endpoint server, const TsigKey& key, const Clock& clock)
        : connection_(std::move(connection)), server_(std::move(server)), key_(&key), clock_(&clock) {}
    Result<SignedAnswer> ask_signed(const Question& question, const Deadline& deadline);

    TcpConnection connection_;
    Endpoint server_;
    const TsigKey* key_;
    const Clock* clock_;
};

// The server's clock and ours, and by how much they differ.
Error clock_skew(const std::string& where, Instant server, Instant ours);
// BADKEY or BADSIG: a hint that the key is unknown there or that the secrets differ.
Error key_refused(const std::string& where, const TsigKey& key, std::string_view what);

} // namespace mxseal::dns
