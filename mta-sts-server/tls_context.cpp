#include "mta-sts-server/tls_context.hpp"

#include "mta-sts-server/key_objects.hpp"
#include "mta-sts-server/tls_callbacks.hpp"
#include "mta-sts-server/wire.hpp"

#include <algorithm>
#include <cerrno>

#include <openssl/bio.h>
#include <openssl/ssl.h>
#include <sys/socket.h>

namespace mxseal::server {

std::size_t Wire::receive(std::span<std::uint8_t> into) {
    if (allowance == 0) ended = true;
    if (drained || ended) return 0;
    into = into.first(std::min(into.size(), allowance));
    ssize_t count;
    do count = ::recv(socket, into.data(), into.size(), MSG_DONTWAIT);
    while (count < 0 && errno == EINTR);
    if (count == 0 || (count < 0 && errno != EAGAIN)) ended = true;
    drained = count < static_cast<ssize_t>(into.size());
    if (count <= 0) return 0;
    allowance -= static_cast<std::size_t>(count);
    return static_cast<std::size_t>(count);
}

bool Wire::send() {
    std::size_t sent = 0;
    while (sent < out.size()) {
        const auto count = ::send(socket, out.data() + sent, out.size() - sent, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (count < 0 && errno == EINTR) continue;
        if (count < 0 && errno != EAGAIN) return false;
        if (count < 0) break;
        sent += static_cast<std::size_t>(count);
    }
    out.erase(0, sent);
    return true;
}

namespace {

int wire_write(BIO* bio, const char* octets, std::size_t size, std::size_t* written) {
    static_cast<Wire*>(BIO_get_data(bio))->out.append(octets, size);
    *written = size;
    return 1;
}

int wire_read(BIO* bio, char* into, std::size_t size, std::size_t* count) {
    auto& wire = *static_cast<Wire*>(BIO_get_data(bio));
    const std::span<std::uint8_t> room(reinterpret_cast<std::uint8_t*>(into), size);
    BIO_clear_retry_flags(bio);
    if (!wire.at_hand.empty()) {
        *count = std::min(size, wire.at_hand.size());
        std::copy_n(wire.at_hand.begin(), *count, room.begin());
        wire.at_hand = wire.at_hand.subspan(*count);
        return 1;
    }
    *count = wire.receive(room);
    if (*count > 0) return 1;
    if (!wire.ended) BIO_set_retry_read(bio);
    return 0;
}

long wire_control(BIO* bio, int command, long, void*) {
    switch (command) {
    case BIO_CTRL_FLUSH: return 1; // the connection sends, once for each step
    case BIO_CTRL_EOF: return static_cast<Wire*>(BIO_get_data(bio))->ended ? 1 : 0;
    default: return 0;
    }
}

// RFC 9325 section 4.2: forward secrecy and AEAD only. Our keys are ECDSA, so no other kind can be agreed on.
constexpr const char* kSuites12 = "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305";
constexpr const char* kSuites13 = "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256";
constexpr const char* kGroups = "X25519:P-256:P-384";

bool configure(SSL_CTX* context) {
    SSL_CTX_set_options(context, SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_IGNORE_UNEXPECTED_EOF | SSL_OP_CIPHER_SERVER_PREFERENCE);
    SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_AUTO_RETRY);
    // Senders come once a day: a ticket would cost two sends and never be used.
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_read_ahead(context, 1);
    SSL_CTX_set_quiet_shutdown(context, 0);
    // C-41, G-08: TLS 1.2 or 1.3.
    return SSL_CTX_set_num_tickets(context, 0) == 1 && SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) == 1 && SSL_CTX_set_cipher_list(context, kSuites12) == 1 &&
           SSL_CTX_set_ciphersuites(context, kSuites13) == 1 && SSL_CTX_set1_groups_list(context, kGroups) == 1;
}

} // namespace

void TlsContext::Free::operator()(ssl_ctx_st* context) const { SSL_CTX_free(context); }
void TlsContext::Free::operator()(bio_method_st* method) const { BIO_meth_free(method); }

Result<std::unique_ptr<TlsContext>> TlsContext::make() {
    std::unique_ptr<TlsContext> made(new TlsContext);
    made->context_.reset(SSL_CTX_new(TLS_server_method()));
    made->wire_method_.reset(BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "wire"));
    BIO_METHOD* method = made->wire_method_.get();
    const bool wired = method != nullptr && BIO_meth_set_write_ex(method, wire_write) == 1 && BIO_meth_set_read_ex(method, wire_read) == 1 && BIO_meth_set_ctrl(method, wire_control) == 1;
    if (!wired || !made->context_ || !configure(made->context_.get())) return openssl_failure(ErrorCode::internal, "OpenSSL refuses the settings of the endpoint");
    install_callbacks(made->context_.get());
    return made;
}

} // namespace mxseal::server
