#include "tests/unit/observe/fake_smtp_server.hpp"

#include "agent/keys/certificates.hpp"

#include <openssl/pem.h>
#include <openssl/ssl.h>

#include <arpa/inet.h>
#include <csignal>
#include <poll.h>
#include <stdexcept>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

namespace mxseal::observe_test {
namespace {

constexpr int kPatienceMs = 5000;

X509* parse_certificate(const std::string& pem) {
    BIO* bio = BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size()));
    X509* certificate = PEM_read_bio_X509(bio, nullptr, nullptr, nullptr);
    BIO_free(bio);
    return certificate;
}

SSL_CTX* context_with(const std::vector<const Pair*>& pairs) {
    SSL_CTX* context = SSL_CTX_new(TLS_server_method());
    for (const Pair* pair : pairs) {
        X509* certificate = parse_certificate(pair->certificate);
        if (SSL_CTX_use_certificate(context, certificate) != 1 || SSL_CTX_use_PrivateKey(context, pair->key.get()) != 1)
            throw std::runtime_error("the fake server cannot use its pair");
        X509_free(certificate);
    }
    return context;
}

void send_text(int fd, std::string_view text) {
    while (!text.empty()) {
        const ssize_t sent = send(fd, text.data(), text.size(), MSG_NOSIGNAL);
        if (sent <= 0) return;
        text.remove_prefix(static_cast<std::size_t>(sent));
    }
}

// Until the client closes, the server stops, or patience ends.
void wait_for_end(int fd, int stop) {
    char buffer[512];
    while (true) {
        pollfd entries[2] = {{fd, POLLIN, 0}, {stop, POLLIN, 0}};
        if (poll(entries, 2, kPatienceMs) <= 0 || entries[1].revents != 0) return;
        if (recv(fd, buffer, sizeof buffer, 0) <= 0) return;
    }
}

} // namespace

void FakeSmtpServer::FreeContext::operator()(void* context) const { SSL_CTX_free(static_cast<SSL_CTX*>(context)); }

struct FakeSmtpServer::Connection {
    int fd;
    SSL* ssl = nullptr;
    std::string buffer{};

    ~Connection() {
        SSL_free(ssl);
        close(fd);
    }
    void say(std::string_view text) {
        if (ssl == nullptr) return send_text(fd, text);
        (void)SSL_write(ssl, text.data(), static_cast<int>(text.size()));
    }
    std::string line() {
        std::size_t end = buffer.find("\r\n");
        while (end == std::string::npos) {
            char more[512];
            const long got = ssl == nullptr ? recv(fd, more, sizeof more, 0) : SSL_read(ssl, more, sizeof more);
            if (got <= 0) return "";
            buffer.append(more, static_cast<std::size_t>(got));
            end = buffer.find("\r\n");
        }
        std::string text = buffer.substr(0, end);
        buffer.erase(0, end + 2);
        return text;
    }
};

Pair make_pair_of(rotation::Algorithm algorithm, const std::string& name) {
    agent::PrivateKey key = agent::PrivateKey::generate(algorithm).value();
    std::string pem = agent::make_self_signed(key, {dns::Name::parse(name).value()}, SystemClock().wall(), std::chrono::hours(24)).value();
    return {std::move(key), std::move(pem)};
}

FakeSmtpServer::FakeSmtpServer(Behaviour behaviour, std::vector<const Pair*> pairs, std::string address, std::uint16_t port)
    : behaviour_(behaviour), context_(context_with(pairs)), stop_(eventfd(0, EFD_CLOEXEC)) {
    listener_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const int on = 1;
    setsockopt(listener_, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    sockaddr_in where{};
    where.sin_family = AF_INET;
    where.sin_port = htons(port);
    inet_pton(AF_INET, address.c_str(), &where.sin_addr);
    socklen_t size = sizeof where;
    if (bind(listener_, reinterpret_cast<sockaddr*>(&where), size) != 0 || listen(listener_, 64) != 0) throw std::runtime_error("the fake server cannot listen");
    getsockname(listener_, reinterpret_cast<sockaddr*>(&where), &size);
    port_ = ntohs(where.sin_port);
    thread_ = std::thread([this] { serve(); });
}

FakeSmtpServer::~FakeSmtpServer() {
    const std::uint64_t one = 1;
    (void)!write(stop_, &one, sizeof one);
    thread_.join();
    close(listener_);
    close(stop_);
}

std::vector<std::string> FakeSmtpServer::commands() const {
    const std::lock_guard lock(mutex_);
    return commands_;
}

std::vector<std::string> FakeSmtpServer::server_names() const {
    const std::lock_guard lock(mutex_);
    return server_names_;
}

void FakeSmtpServer::note(const std::string& command) {
    if (command.empty()) return;
    const std::lock_guard lock(mutex_);
    commands_.push_back(command);
}

void FakeSmtpServer::serve() {
    sigset_t pipe; // SSL_write to a client that has gone
    sigemptyset(&pipe);
    sigaddset(&pipe, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &pipe, nullptr);
    while (true) {
        pollfd entries[2] = {{listener_, POLLIN, 0}, {stop_, POLLIN, 0}};
        poll(entries, 2, -1);
        if (entries[1].revents != 0) return;
        Connection connection{accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC)};
        timeval patience{kPatienceMs / 1000, 0};
        setsockopt(connection.fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
        talk(connection);
    }
}

void FakeSmtpServer::talk(Connection& connection) {
    switch (behaviour_) {
    case Behaviour::closes: return;
    case Behaviour::silent: return wait_for_end(connection.fd, stop_);
    case Behaviour::garbage:
        connection.say("HTTP/1.1 400 Bad Request\r\n\r\n");
        return wait_for_end(connection.fd, stop_);
    case Behaviour::endless_line:
        for (int i = 0; i < 64; ++i) connection.say(std::string(1024, 'x'));
        return wait_for_end(connection.fd, stop_);
    case Behaviour::greets_with_554: return connection.say("554 no mail here\r\n");
    case Behaviour::implicit_tls: return talk_tls(connection);
    case Behaviour::normal:
    case Behaviour::no_starttls:
    case Behaviour::refuses_starttls:
    case Behaviour::injects:
    case Behaviour::endless_reply:
    case Behaviour::tls_garbage: break;
    }
    if (talk_until_starttls(connection)) talk_tls(connection);
}

bool FakeSmtpServer::talk_until_starttls(Connection& connection) {
    connection.say("220-fake.example.test\r\n220 ESMTP\r\n");
    for (std::string line = connection.line(); !line.empty(); line = connection.line()) {
        note(line);
        if (line.starts_with("EHLO") && behaviour_ == Behaviour::endless_reply) {
            for (int i = 0; i < 200; ++i) connection.say("250-X-MORE\r\n");
        } else if (line.starts_with("EHLO")) {
            connection.say(behaviour_ == Behaviour::no_starttls ? "250-fake\r\n250 SIZE 1000\r\n" : "250-fake\r\n250-starttls\r\n250 SIZE 1000\r\n");
        } else if (line == "STARTTLS" && behaviour_ == Behaviour::refuses_starttls) {
            connection.say("454 TLS not available\r\n");
        } else if (line == "STARTTLS" && behaviour_ == Behaviour::tls_garbage) {
            connection.say("220 go\r\n");
            char hello[1];
            (void)recv(connection.fd, hello, sizeof hello, MSG_WAITALL);
            connection.say("421 what was that?\r\n");
            wait_for_end(connection.fd, stop_);
            return false;
        } else if (line == "STARTTLS") {
            connection.say(behaviour_ == Behaviour::injects ? "220 go\r\n250 injected\r\n" : "220 go\r\n");
            return true;
        } else {
            connection.say("221 bye\r\n");
            return false;
        }
    }
    return false;
}

void FakeSmtpServer::talk_tls(Connection& connection) {
    connection.ssl = SSL_new(static_cast<SSL_CTX*>(context_.get()));
    SSL_set_fd(connection.ssl, connection.fd);
    if (SSL_accept(connection.ssl) != 1) return;
    const char* name = SSL_get_servername(connection.ssl, TLSEXT_NAMETYPE_host_name);
    {
        const std::lock_guard lock(mutex_);
        server_names_.emplace_back(name == nullptr ? "" : name);
    }
    if (SSL_session_reused(connection.ssl) != 0) ++resumed_;
    if (behaviour_ == Behaviour::implicit_tls) connection.say("220 fake\r\n");
    const std::string line = connection.line();
    note("tls " + line);
    connection.say("221 bye\r\n");
}

} // namespace mxseal::observe_test
