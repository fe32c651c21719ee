#include "tls_client.hpp"

#include <algorithm>
#include <cctype>
#include <chrono>
#include <csignal>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

namespace mxseal::server::testing {

namespace {

constexpr std::size_t kAnswerMax = 1 << 20;

bool fill(sockaddr_storage& out, socklen_t& size, const std::string& address, std::uint16_t port) {
    auto& v4 = reinterpret_cast<sockaddr_in&>(out);
    auto& v6 = reinterpret_cast<sockaddr_in6&>(out);
    if (::inet_pton(AF_INET, address.c_str(), &v4.sin_addr) == 1) {
        v4.sin_family = AF_INET;
        v4.sin_port = htons(port);
        size = sizeof v4;
        return true;
    }
    if (::inet_pton(AF_INET6, address.c_str(), &v6.sin6_addr) != 1) return false;
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(port);
    size = sizeof v6;
    return true;
}

void trust(SSL_CTX* context, const std::string& pem) {
    BIO* text = BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size()));
    X509* root = PEM_read_bio_X509(text, nullptr, nullptr, nullptr);
    X509_STORE_add_cert(SSL_CTX_get_cert_store(context), root);
    X509_free(root);
    BIO_free(text);
}

void read_plain(int socket, std::string& raw) {
    char block[4096];
    for (ssize_t count; raw.size() < kAnswerMax && (count = ::recv(socket, block, sizeof block, 0)) > 0;) raw.append(block, static_cast<std::size_t>(count));
}

} // namespace

int connect_to(const Wish& wish) {
    // OpenSSL writes without MSG_NOSIGNAL, and the endpoint closes on whom it does not like.
    std::signal(SIGPIPE, SIG_IGN);
    sockaddr_storage address{}, from{};
    socklen_t size = 0, from_size = 0;
    if (!fill(address, size, wish.address, wish.port)) return -1;
    const int socket = ::socket(address.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (socket < 0) return -1;
    const timeval limit{wish.timeout_ms / 1000, (wish.timeout_ms % 1000) * 1000};
    ::setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    ::setsockopt(socket, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
    const int on = 1;
    ::setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on); // a request right behind the handshake does not wait for an ACK
    const bool bound = wish.from.empty() || (fill(from, from_size, wish.from, 0) && ::bind(socket, reinterpret_cast<sockaddr*>(&from), from_size) == 0);
    if (bound && ::connect(socket, reinterpret_cast<sockaddr*>(&address), size) == 0) return socket;
    ::close(socket);
    return -1;
}

Fetched parse_answer(const std::string& raw) {
    Fetched out;
    out.raw = raw;
    const auto end = raw.find("\r\n\r\n");
    if (end == std::string::npos || !raw.starts_with("HTTP/1.1 ")) return out;
    out.status = std::atoi(raw.c_str() + 9);
    for (auto at = raw.find("\r\n") + 2; at < end + 2;) {
        const auto line_end = raw.find("\r\n", at);
        const auto line = raw.substr(at, line_end - at);
        const auto colon = line.find(": ");
        std::string name = line.substr(0, colon);
        std::transform(name.begin(), name.end(), name.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
        out.headers[name] = colon == std::string::npos ? "" : line.substr(colon + 2);
        at = line_end + 2;
    }
    out.body = raw.substr(end + 4);
    return out;
}

std::string get(const std::string& host, const std::string& path, const std::string& more) { return "GET " + path + " HTTP/1.1\r\nHost: " + host + "\r\n" + more + "\r\n"; }

Fetched fetch(const Wish& wish) {
    Fetched out;
    const auto begin = std::chrono::steady_clock::now();
    const int socket = connect_to(wish);
    const double connect_ms = std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - begin).count();
    out.connect_ms = connect_ms;
    if (socket < 0) return out;
    if (!wish.tls) {
        std::string raw;
        if (::send(socket, wish.request.data(), wish.request.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(wish.request.size())) read_plain(socket, raw);
        ::close(socket);
        return parse_answer(raw);
    }
    SSL_CTX* context = SSL_CTX_new(TLS_client_method());
    SSL_CTX_set_options(context, SSL_OP_NO_TICKET);
    if (!wish.ca_pem.empty()) trust(context, wish.ca_pem);
    if (wish.version_max != 0) SSL_CTX_set_max_proto_version(context, wish.version_max);
    if (!wish.alpn.empty()) SSL_CTX_set_alpn_protos(context, reinterpret_cast<const unsigned char*>(wish.alpn.data()), static_cast<unsigned>(wish.alpn.size()));
    SSL* ssl = SSL_new(context);
    if (!wish.sni.empty()) SSL_set_tlsext_host_name(ssl, wish.sni.c_str());
    SSL_set1_host(ssl, wish.sni.c_str());
    SSL_set_fd(ssl, socket);
    ERR_clear_error();
    bool handshake = SSL_connect(ssl) == 1;
    std::string raw;
    if (handshake) {
        out.trusted = SSL_get_verify_result(ssl) == X509_V_OK && !wish.ca_pem.empty();
        if (!wish.request.empty()) SSL_write(ssl, wish.request.data(), static_cast<int>(wish.request.size()));
        char block[4096];
        int count = 0;
        while (raw.size() < kAnswerMax && (count = SSL_read(ssl, block, sizeof block)) > 0) raw.append(block, static_cast<std::size_t>(count));
        out.close_notify = SSL_get_error(ssl, count) == SSL_ERROR_ZERO_RETURN;
    }
    int alert = 0;
    while (const unsigned long error = ERR_get_error())
        if (ERR_GET_LIB(error) == ERR_LIB_SSL && ERR_GET_REASON(error) > SSL_AD_REASON_OFFSET) alert = ERR_GET_REASON(error) - SSL_AD_REASON_OFFSET;
    const unsigned char* protocol = nullptr;
    unsigned size = 0;
    SSL_get0_alpn_selected(ssl, &protocol, &size);
    const bool trusted = out.trusted, closed = out.close_notify;
    out = parse_answer(raw);
    out.connect_ms = connect_ms;
    out.handshake = handshake;
    out.trusted = trusted;
    out.close_notify = closed;
    out.alert = alert;
    out.protocol = SSL_get_version(ssl);
    out.alpn.assign(reinterpret_cast<const char*>(protocol), size);
    SSL_free(ssl);
    SSL_CTX_free(context);
    ::close(socket);
    return out;
}

} // namespace mxseal::server::testing
