// TlsClient::dane_accepts: OpenSSL's own DANE verifier over a chain that was already received.
//
// Several versions are judged over one handshake: each gets an SSL object that only carries its records, and a
// verification of the received chain with them, as the library does within a handshake.
#include "agent/observe/tls_client.hpp"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>

#include <chrono>

namespace mxseal::agent {
namespace {

struct FreeSsl { void operator()(SSL* ssl) const { SSL_free(ssl); } };
struct FreeStore { void operator()(X509_STORE* store) const { X509_STORE_free(store); } };
struct FreeVerification { void operator()(X509_STORE_CTX* verification) const { X509_STORE_CTX_free(verification); } };

Error failed(std::string_view what) {
    ERR_clear_error();
    return {ErrorCode::internal, "OpenSSL: " + std::string(what) + " failed"};
}

// How many of the records are usable. What OpenSSL cannot use or parse (wrong digest length, unknown selector) is unusable, as
// it is for a sender (RFC 7671 section 4).
int add_usable(SSL* ssl, const dns::TlsaSet& version) {
    int usable = 0;
    for (const dns::TlsaRecord& record : version.records()) {
        // RFC 7672 section 3.1.3: usages 0 and 1 are unusable with SMTP.
        if (record.usage != 2 && record.usage != 3) continue;
        const int added = SSL_dane_tlsa_add(ssl, record.usage, record.selector, record.matching_type, record.data.data(), record.data.size());
        if (added == 1) ++usable;
    }
    ERR_clear_error();
    return usable;
}

bool prepare(X509_STORE_CTX* verification, SSL* ssl, Instant now) {
    if (X509_STORE_CTX_set_default(verification, "ssl_server") != 1) return false;
    X509_VERIFY_PARAM* param = X509_STORE_CTX_get0_param(verification);
    // The name to match, RFC 7672 section 3.2.3: the TLSA base domain, which SSL_dane_enable put there.
    if (X509_VERIFY_PARAM_set1(param, SSL_get0_param(ssl)) != 1) return false;
    X509_VERIFY_PARAM_set_time(param, std::chrono::system_clock::to_time_t(now)); // dates count for DANE-TA(2)
    X509_STORE_CTX_set0_dane(verification, SSL_get0_dane(ssl));
    return true;
}

} // namespace

Result<bool> TlsClient::dane_accepts(const TlsSession& session, const dns::TlsaSet& version, const dns::Name& base_domain, Instant now) const {
    const std::unique_ptr<SSL, FreeSsl> ssl(SSL_new(context_.get()));
    if (!ssl || SSL_dane_enable(ssl.get(), base_domain.text().c_str()) != 1) return failed("SSL_dane_enable");
    // RFC 7672 section 3.1.1: with DANE-EE(3) no name checks.
    SSL_dane_set_flags(ssl.get(), DANE_FLAG_NO_DANE_EE_NAMECHECKS);
    // RFC 7672 section 2.2: only unusable records means TLS without authentication.
    if (add_usable(ssl.get(), version) == 0) return true;

    const std::unique_ptr<X509_STORE, FreeStore> no_anchors(X509_STORE_new());
    const std::unique_ptr<X509_STORE_CTX, FreeVerification> verification(X509_STORE_CTX_new());
    if (!no_anchors || !verification) return failed("X509_STORE_CTX_new");
    X509* leaf = SSL_get0_peer_certificate(session.get());
    if (X509_STORE_CTX_init(verification.get(), no_anchors.get(), leaf, SSL_get_peer_cert_chain(session.get())) != 1 ||
        !prepare(verification.get(), ssl.get(), now))
        return failed("X509_STORE_CTX_init");
    const bool accepted = X509_verify_cert(verification.get()) == 1;
    ERR_clear_error();
    return accepted;
}

} // namespace mxseal::agent
