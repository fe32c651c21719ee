// TlsClient: OpenSSL as a TLS client that looks at whatever chain it is shown, and as a DANE verifier.
//
// Nothing is trusted here and no handshake fails for a certificate: judging is the caller's. TLS 1.2 and later, no
// session is ever resumed. A TlsClient may be used from any thread, a TlsSession by one.
#pragma once

#include "agent/observe/observer.hpp"
#include "agent/observe/tcp_stream.hpp"
#include "base/dns/tlsa.hpp"
#include "base/result.hpp"
#include "rotation/types.hpp"

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

struct ssl_ctx_st;
struct ssl_st;

namespace mxseal::agent {

struct TlsOffer {
    enum class Versions { tls12_and_later, tls12_only };
    std::optional<std::string> sni;
    std::optional<rotation::Algorithm> only; // cipher suites and signature algorithms of this key family alone
    Versions versions = Versions::tls12_and_later;
};

class TlsSession {
public:
    bool is_tls13() const;
    ssl_st* get() const { return ssl_.get(); }
    Status send(std::string_view text, const Deadline& deadline);
    // At least one octet; `transient` at the deadline, `protocol` when the peer closed or broke TLS.
    Result<std::string> receive(const Deadline& deadline);

private:
    friend class TlsClient;
    struct Free { void operator()(ssl_st* ssl) const; };
    TlsSession(ssl_st* ssl, TcpStream& stream) : ssl_(ssl), stream_(&stream) {}
    Status handshake(const Deadline& deadline);
    Status flush(const Deadline& deadline);
    Status feed(const Deadline& deadline); // waits for octets of the peer
    // After a call of OpenSSL returned `result` <= 0: done when it can be called again.
    Status advance(int result, const Deadline& deadline);

    std::unique_ptr<ssl_st, Free> ssl_;
    TcpStream* stream_;
};

class TlsClient {
public:
    static Result<TlsClient> create();

    // `protocol`: the peer refused by a TLS alert or broke the protocol; `transient`: the connection ended or no answer in time.
    Result<TlsSession> handshake(TcpStream& stream, const TlsOffer& offer, const Deadline& deadline) const;

    // The chain that `session` was shown.
    Result<rotation::Chain> chain_of(const TlsSession& session, const dns::Name& host, Instant now) const;

    // Whether a DANE SMTP client (RFC 7672) would accept what `session` was shown under the TLSA records `version`.
    // An empty set, or one without a usable record, asks for nothing.
    Result<bool> dane_accepts(const TlsSession& session, const dns::TlsaSet& version, const dns::Name& base_domain, Instant now) const;

private:
    struct Free { void operator()(ssl_ctx_st* context) const; };
    explicit TlsClient(ssl_ctx_st* context) : context_(context) {}
    std::unique_ptr<ssl_ctx_st, Free> context_;
};

} // namespace mxseal::agent
