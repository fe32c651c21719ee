#include "tests/unit/acme/tls_server.hpp"

#include "agent/keys/certificates.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <stdexcept>

namespace mxseal::testing {

namespace {

void write_certificate(ssl_ctx_st* context, const TemporaryFolder& folder) {
    auto key = agent::PrivateKey::generate(rotation::Algorithm::ecdsa_p256).value();
    auto pem = agent::make_self_signed(key, {dns::Name::parse("localhost").value()}, SystemClock().wall(), std::chrono::hours(1)).value();
    SSL_CTX_use_certificate_chain_file(context, folder.write("ca.pem", pem).c_str());
    SSL_CTX_use_PrivateKey(context, key.get());
}

} // namespace

TlsServer::TlsServer(std::string answer) : answer_(std::move(answer)), context_(SSL_CTX_new(TLS_server_method())) {
    signal(SIGPIPE, SIG_IGN);
    write_certificate(context_, folder_);
    listener_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    if (bind(listener_, reinterpret_cast<sockaddr*>(&address), size) != 0 || listen(listener_, 8) != 0) throw std::runtime_error("no loopback port");
    getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size);
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this] { serve(); });
}

TlsServer::~TlsServer() {
    stop_ = true;
    thread_.join();
    close(listener_);
    SSL_CTX_free(context_);
}

std::string TlsServer::url(const std::string& path, const std::string& host) const { return "https://" + host + ":" + std::to_string(port_) + path; }

void TlsServer::answer_with(std::string answer) {
    std::lock_guard lock(mutex_);
    answer_ = std::move(answer);
}

std::vector<std::string> TlsServer::requests() const {
    std::lock_guard lock(mutex_);
    return requests_;
}

void TlsServer::serve() {
    while (!stop_) {
        pollfd ready{listener_, POLLIN, 0};
        if (poll(&ready, 1, 20) > 0) serve_one(accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC));
    }
}

void TlsServer::serve_one(int peer) {
    timeval limit{2, 0};
    setsockopt(peer, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    SSL* tls = SSL_new(context_);
    SSL_set_fd(tls, peer);
    std::string request, answer;
    std::array<char, 4096> buffer{};
    if (SSL_accept(tls) == 1) {
        while (request.find("\r\n\r\n") == std::string::npos) {
            int size = SSL_read(tls, buffer.data(), static_cast<int>(buffer.size()));
            if (size <= 0) break;
            request.append(buffer.data(), static_cast<std::size_t>(size));
        }
        std::lock_guard lock(mutex_);
        if (!request.empty()) requests_.push_back(request);
        answer = answer_;
    }
    if (answer == "silence") SSL_read(tls, buffer.data(), static_cast<int>(buffer.size()));
    if (!answer.empty() && answer != "silence") {
        SSL_write(tls, answer.data(), static_cast<int>(answer.size()));
        SSL_shutdown(tls);
    }
    SSL_free(tls);
    close(peer);
}

} // namespace mxseal::testing
