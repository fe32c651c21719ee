#include "mta-sts-server/tls_session.hpp"

#include "mta-sts-server/served_name.hpp"
#include "mta-sts-server/tls_callbacks.hpp"

#include <array>
#include <span>

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

namespace mxseal::server {

struct TlsCallbacks {
    static TlsSession& session_of(SSL* ssl) { return *static_cast<TlsSession*>(SSL_get_app_data(ssl)); }

    static int client_hello(SSL* ssl, int*, void*) {
        const unsigned char* list = nullptr;
        std::size_t size = 0;
        // E-19: tls-alpn-01 only for who offers exactly that; nobody else sees the certificate of a challenge.
        if (SSL_client_hello_get0_ext(ssl, TLSEXT_TYPE_application_layer_protocol_negotiation, &list, &size) == 1) session_of(ssl).challenge_ = offers_only_acme({list, size});
        return SSL_CLIENT_HELLO_SUCCESS;
    }

    static bool take(SSL* ssl, const LoadedSite& site) {
        return SSL_use_certificate(ssl, site.certificate.get()) == 1 && SSL_use_PrivateKey(ssl, site.key.get()) == 1 && (!site.issuers || SSL_set1_chain(ssl, site.issuers.get()) == 1);
    }

    static int refuse(TlsSession& session, TlsSession::Refusal refusal, int alert, int* out) {
        session.refusal_ = refusal;
        *out = alert;
        return SSL_TLSEXT_ERR_ALERT_FATAL;
    }

    static int server_name(SSL* ssl, int* alert, void*) {
        auto& session = session_of(ssl);
        const char* text = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
        // C-22: never a certificate of somebody else.
        if (text == nullptr) return refuse(session, TlsSession::Refusal::no_name, SSL_AD_UNRECOGNIZED_NAME, alert);
        const auto name = served_name(text);
        if (!name) return refuse(session, TlsSession::Refusal::unknown_name, SSL_AD_UNRECOGNIZED_NAME, alert);
        auto site = session.challenge_ ? session.shelf_.find_challenge(*name) : session.shelf_.find(*name);
        if (site && !*site) return refuse(session, TlsSession::Refusal::unknown_name, SSL_AD_UNRECOGNIZED_NAME, alert);
        if (site && take(ssl, **site)) {
            session.site_ = std::move(site).value();
            return SSL_TLSEXT_ERR_OK;
        }
        session.trouble_ = site ? openssl_failure(ErrorCode::invalid, "OpenSSL does not take the certificate of " + *name) : std::move(site).error();
        return refuse(session, TlsSession::Refusal::broken_site, SSL_AD_INTERNAL_ERROR, alert);
    }

    static int protocol(SSL* ssl, const unsigned char** out, unsigned char* size, const unsigned char* list, unsigned int list_size, void*) {
        static constexpr std::array<unsigned char, 11> kAcme{10, 'a', 'c', 'm', 'e', '-', 't', 'l', 's', '/', '1'};
        static constexpr std::array<unsigned char, 9> kHttp{8, 'h', 't', 't', 'p', '/', '1', '.', '1'};
        const bool challenge = session_of(ssl).challenge_;
        unsigned char* chosen = nullptr;
        const std::span<const unsigned char> ours = challenge ? std::span<const unsigned char>(kAcme) : std::span<const unsigned char>(kHttp);
        const auto agreed = SSL_select_next_proto(&chosen, size, ours.data(), static_cast<unsigned>(ours.size()), list, list_size);
        *out = chosen;
        // RFC 7301 section 3.2: no_application_protocol, when nothing that we speak is offered.
        return agreed == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_ALERT_FATAL;
    }
};

void install_callbacks(ssl_ctx_st* context) {
    SSL_CTX_set_client_hello_cb(context, TlsCallbacks::client_hello, nullptr);
    SSL_CTX_set_tlsext_servername_callback(context, TlsCallbacks::server_name);
    SSL_CTX_set_alpn_select_cb(context, TlsCallbacks::protocol, nullptr);
}

void TlsSession::Free::operator()(ssl_st* session) const { SSL_free(session); }

std::unique_ptr<TlsSession> TlsSession::make(const TlsContext& context, SiteShelf& shelf, Wire& wire) {
    std::unique_ptr<TlsSession> made(new TlsSession(shelf));
    made->session_.reset(SSL_new(context.get()));
    BIO* bio = BIO_new(context.wire_method());
    if (!made->session_ || bio == nullptr) {
        BIO_free(bio);
        return nullptr;
    }
    BIO_set_data(bio, &wire);
    BIO_set_init(bio, 1);
    SSL_set_bio(made->session_.get(), bio, bio);
    SSL_set_app_data(made->session_.get(), made.get());
    SSL_set_accept_state(made->session_.get());
    return made;
}

TlsSession::Step TlsSession::handshake() {
    ERR_clear_error();
    const int result = SSL_do_handshake(session_.get());
    if (result == 1) return Step::done;
    return SSL_get_error(session_.get(), result) == SSL_ERROR_WANT_READ ? Step::wants_more : Step::failed;
}

TlsSession::Step TlsSession::read(std::string& into, std::size_t most) {
    std::array<char, 4096> block;
    while (into.size() < most) {
        ERR_clear_error();
        const int count = SSL_read(session_.get(), block.data(), static_cast<int>(std::min(block.size(), most - into.size())));
        if (count <= 0) return SSL_get_error(session_.get(), count) == SSL_ERROR_WANT_READ ? Step::wants_more : Step::failed;
        into.append(block.data(), static_cast<std::size_t>(count));
        if (SSL_pending(session_.get()) == 0 && SSL_has_pending(session_.get()) == 0) return Step::done;
    }
    return Step::done;
}

void TlsSession::answer(std::string_view octets) {
    ERR_clear_error();
    // The wire takes everything, so one call writes all of it.
    if (octets.empty() || SSL_write(session_.get(), octets.data(), static_cast<int>(octets.size())) > 0) SSL_shutdown(session_.get());
    ERR_clear_error();
}

} // namespace mxseal::server
