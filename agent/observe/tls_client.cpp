#include "agent/observe/tls_client.hpp"

#include "agent/keys/certificates.hpp"

#include <openssl/err.h>
#include <openssl/ssl.h>

#include <array>

namespace mxseal::agent {
namespace {

std::string openssl_reason() {
    const unsigned long code = ERR_peek_error();
    ERR_clear_error();
    const char* reason = code == 0 ? nullptr : ERR_reason_error_string(code);
    return reason == nullptr ? "the peer broke the protocol" : reason;
}

Error no_memory(std::string_view what) { return {ErrorCode::internal, "OpenSSL: " + std::string(what) + " failed"}; }

struct Family {
    const char* tls12_ciphers;
    const char* signature_algorithms;
};

// what a sender offers that knows only one key family.
Family family_of(rotation::Algorithm algorithm) {
    switch (algorithm) {
    case rotation::Algorithm::ecdsa_p256: return {"aECDSA:!aNULL:!eNULL", "ECDSA+SHA256:ECDSA+SHA384:ECDSA+SHA512"};
    case rotation::Algorithm::rsa_2048: break;
    }
    return {"aRSA:!aNULL:!eNULL", "RSA-PSS+SHA256:RSA-PSS+SHA384:RSA-PSS+SHA512:RSA+SHA256:RSA+SHA384:RSA+SHA512"};
}

bool apply_offer(SSL* ssl, const TlsOffer& offer) {
    if (offer.sni && SSL_set_tlsext_host_name(ssl, offer.sni->c_str()) != 1) return false;
    if (offer.versions == TlsOffer::Versions::tls12_only && SSL_set_max_proto_version(ssl, TLS1_2_VERSION) != 1) return false;
    if (!offer.only) return true;
    const Family family = family_of(*offer.only);
    return SSL_set_cipher_list(ssl, family.tls12_ciphers) == 1 && SSL_set1_sigalgs_list(ssl, family.signature_algorithms) == 1;
}

bool use_memory_buffers(SSL* ssl) {
    BIO* in = BIO_new(BIO_s_mem());
    BIO* out = BIO_new(BIO_s_mem());
    if (in == nullptr || out == nullptr) {
        BIO_free(in);
        BIO_free(out);
        return false;
    }
    SSL_set_bio(ssl, in, out);
    return true;
}

} // namespace

void TlsSession::Free::operator()(ssl_st* ssl) const { SSL_free(ssl); }
void TlsClient::Free::operator()(ssl_ctx_st* context) const { SSL_CTX_free(context); }

bool TlsSession::is_tls13() const { return SSL_version(ssl_.get()) == TLS1_3_VERSION; }

Status TlsSession::flush(const Deadline& deadline) {
    BIO* out = SSL_get_wbio(ssl_.get());
    char* data = nullptr;
    const long size = BIO_get_mem_data(out, &data);
    if (size <= 0) return done();
    Status sent = stream_->send_all(view_of({data, static_cast<std::size_t>(size)}), deadline);
    (void)BIO_reset(out);
    return sent;
}

Status TlsSession::feed(const Deadline& deadline) {
    std::array<std::uint8_t, 16384> buffer{};
    Result<std::size_t> got = stream_->receive(buffer, deadline);
    if (!got) return std::move(got).error();
    if (*got == 0) return Error(ErrorCode::transient, "the server closed the connection", Retry::transient());
    const int written = BIO_write(SSL_get_rbio(ssl_.get()), buffer.data(), static_cast<int>(*got));
    if (written != static_cast<int>(*got)) return no_memory("BIO_write");
    return done();
}

Status TlsSession::advance(int result, const Deadline& deadline) {
    const int why = SSL_get_error(ssl_.get(), result);
    const std::string reason = why == SSL_ERROR_WANT_READ ? std::string() : openssl_reason();
    // An alert of ours is sent even when the handshake is over.
    if (Status sent = flush(deadline); !sent) return sent;
    if (why == SSL_ERROR_WANT_READ) return feed(deadline);
    if (why == SSL_ERROR_ZERO_RETURN) return Error(ErrorCode::protocol, "the server ended TLS");
    return Error(ErrorCode::protocol, "TLS: " + reason);
}

Status TlsSession::handshake(const Deadline& deadline) {
    // Each turn needs octets of the peer, and the waits for them end at the deadline.
    while (true) {
        ERR_clear_error();
        const int result = SSL_connect(ssl_.get());
        if (result == 1) return flush(deadline);
        if (Status ready = advance(result, deadline); !ready) return ready;
    }
}

Status TlsSession::send(std::string_view text, const Deadline& deadline) {
    ERR_clear_error();
    const int result = SSL_write(ssl_.get(), text.data(), static_cast<int>(text.size()));
    if (result <= 0) return Error(ErrorCode::protocol, "TLS: " + openssl_reason());
    return flush(deadline);
}

Result<std::string> TlsSession::receive(const Deadline& deadline) {
    std::array<char, 4096> buffer{};
    while (true) {
        ERR_clear_error();
        const int result = SSL_read(ssl_.get(), buffer.data(), static_cast<int>(buffer.size()));
        if (result > 0) return std::string(buffer.data(), static_cast<std::size_t>(result));
        if (Status ready = advance(result, deadline); !ready) return std::move(ready).error();
    }
}

Result<TlsClient> TlsClient::create() {
    TlsClient client(SSL_CTX_new(TLS_client_method()));
    SSL_CTX* context = client.context_.get();
    if (context == nullptr) return no_memory("SSL_CTX_new");
    // TLS 1.2 or later. Level 1, because the probe must see what weak chain a server shows, not refuse it.
    if (SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) != 1) return no_memory("SSL_CTX_set_min_proto_version");
    SSL_CTX_set_security_level(context, 1);
    SSL_CTX_set_verify(context, SSL_VERIFY_NONE, nullptr);
    // a resumed session shows no certificate.
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_options(context, SSL_OP_NO_TICKET);
    if (SSL_CTX_dane_enable(context) != 1) return no_memory("SSL_CTX_dane_enable");
    return client;
}

Result<TlsSession> TlsClient::handshake(TcpStream& stream, const TlsOffer& offer, const Deadline& deadline) const {
    TlsSession session(SSL_new(context_.get()), stream);
    if (session.get() == nullptr || !use_memory_buffers(session.get())) return no_memory("SSL_new");
    if (!apply_offer(session.get(), offer)) return no_memory("setting what is offered");
    if (Status shaken = session.handshake(deadline); !shaken) return std::move(shaken).error();
    return session;
}

Result<rotation::Chain> TlsClient::chain_of(const TlsSession& session, const dns::Name& host, Instant now) const {
    X509* leaf = SSL_get0_peer_certificate(session.get());
    if (leaf == nullptr) return Error(ErrorCode::protocol, "the server showed no certificate");
    return facts_of(leaf, SSL_get_peer_cert_chain(session.get()), host, now);
}

} // namespace mxseal::agent
