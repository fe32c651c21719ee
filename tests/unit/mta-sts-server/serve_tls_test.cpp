// The TLS of a real `mxseal serve`: what sslscan finds (Debian's package; scripts/bootstrap installs it), and what it does not look for.
#include "serve_process.hpp"

#include <cstdio>
#include <set>

#include <openssl/ssl.h>

using namespace mxseal;
using namespace mxseal::server;
using namespace mxseal::server::testing;

namespace {

// Its XML, one element a line.
std::vector<std::string> scan(std::uint16_t port) {
    const auto command = std::string("sslscan --xml=- --show-sigs --sni-name=") + kName + " 127.0.0.1:" + std::to_string(port) + " 2>&1";
    FILE* out = ::popen(command.c_str(), "r");
    REQUIRE(out != nullptr);
    std::vector<std::string> lines;
    char block[4096];
    while (std::fgets(block, sizeof block, out) != nullptr) lines.emplace_back(block);
    INFO("sslscan failed; is it installed? scripts/bootstrap --build does it");
    REQUIRE(::pclose(out) == 0);
    return lines;
}

std::string attribute(const std::string& element, const std::string& name) {
    const auto at = element.find(" " + name + "=\"");
    if (at == std::string::npos) return {};
    const auto begin = at + name.size() + 3;
    return element.substr(begin, element.find('"', begin) - begin);
}

// `attributes` of every element `name`, joined by blanks.
std::multiset<std::string> elements(const std::vector<std::string>& lines, const std::string& name, const std::vector<std::string>& attributes) {
    std::multiset<std::string> out;
    for (const auto& line : lines) {
        if (line.find("<" + name + " ") == std::string::npos) continue;
        std::string text;
        for (const auto& wanted : attributes) text += (text.empty() ? "" : " ") + attribute(line, wanted);
        out.insert(text);
    }
    return out;
}

using Set = std::multiset<std::string>;

// One connection over TLS 1.2 or 1.3 which offers a session that it got before.
class Visitor {
public:
    Visitor(std::uint16_t port, int version) : context_(SSL_CTX_new(TLS_client_method())), ssl_(nullptr) {
        SSL_CTX_set_min_proto_version(context_, version);
        SSL_CTX_set_max_proto_version(context_, version);
        ssl_ = SSL_new(context_);
        SSL_set_tlsext_host_name(ssl_, kName.c_str());
        Wish wish;
        wish.port = port;
        socket_ = connect_to(wish);
        SSL_set_fd(ssl_, socket_);
    }
    Visitor(const Visitor&) = delete;
    Visitor& operator=(const Visitor&) = delete;
    ~Visitor() {
        SSL_free(ssl_);
        SSL_CTX_free(context_);
        ::close(socket_);
    }
    bool visit(SSL_SESSION* offered = nullptr) { // true: policy fetched, its end said
        if (offered != nullptr) SSL_set_session(ssl_, offered);
        const auto request = get(kName);
        if (SSL_connect(ssl_) != 1 || SSL_write(ssl_, request.data(), static_cast<int>(request.size())) <= 0) return false;
        char block[4096];
        int count;
        while ((count = SSL_read(ssl_, block, sizeof block)) > 0) {}
        return SSL_get_error(ssl_, count) == SSL_ERROR_ZERO_RETURN;
    }
    SSL* get_ssl() { return ssl_; }

private:
    SSL_CTX* context_;
    SSL* ssl_;
    int socket_ = -1;
};

} // namespace

TEST_CASE("sslscan finds TLS 1.2 and 1.3 with forward secrecy and AEAD, and nothing weak") {
    ServeWorld world;
    const Process process = world.serve();
    REQUIRE(world.ask().status == 200);
    const auto lines = scan(world.https);
    // G-08: TLS 1.2 and 1.3 only.
    CHECK(elements(lines, "protocol", {"type", "version", "enabled"}) == Set{"ssl 2 0", "ssl 3 0", "tls 1.0 0", "tls 1.1 0", "tls 1.2 1", "tls 1.3 1"});
    // RFC 9325 section 4.2: AEAD, and keys that are agreed on anew each time.
    CHECK(elements(lines, "cipher", {"sslversion", "cipher"}) == Set{"TLSv1.2 ECDHE-ECDSA-AES128-GCM-SHA256", "TLSv1.2 ECDHE-ECDSA-AES256-GCM-SHA384", "TLSv1.2 ECDHE-ECDSA-CHACHA20-POLY1305",
                                                                     "TLSv1.3 TLS_AES_128_GCM_SHA256", "TLSv1.3 TLS_AES_256_GCM_SHA384", "TLSv1.3 TLS_CHACHA20_POLY1305_SHA256"});
    const std::set<std::string> sane{"x25519", "secp256r1 (NIST P-256)", "secp384r1 (NIST P-384)"};
    const auto groups = elements(lines, "group", {"name"});
    CHECK(groups.count("x25519") > 0);
    for (const auto& group : groups) CHECK(sane.count(group) == 1);
    const auto signatures = elements(lines, "connection-signature-algorithm", {"name"});
    CHECK(signatures == Set{"ecdsa_secp256r1_sha256"});
    // RFC 9325 sections 3.3 and 3.5: no compression, no renegotiation.
    CHECK(elements(lines, "renegotiation", {"supported"}) == Set{"0"});
    for (const auto& compression : elements(lines, "compression", {"supported"})) CHECK(compression == "0");
    const auto heartbleed = elements(lines, "heartbleed", {"vulnerable"});
    CHECK(heartbleed.count("0") == 2);
    CHECK(heartbleed.size() == 2);
    CHECK(world.ask().status == 200);
}

TEST_CASE("no session can be taken up again, by ticket or by number") {
    ServeWorld world;
    const Process process = world.serve();
    for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
        Visitor first(world.https, version);
        REQUIRE(first.visit());
        SSL_SESSION* session = SSL_get1_session(first.get_ssl());
        CHECK(SSL_SESSION_has_ticket(session) == 0);
        unsigned size = 1;
        SSL_SESSION_get_id(session, &size);
        CHECK(size == 0);
        CHECK(SSL_SESSION_is_resumable(session) == 0);
        Visitor second(world.https, version);
        CHECK(second.visit(session));
        CHECK(SSL_session_reused(second.get_ssl()) == 0);
        SSL_SESSION_free(session);
    }
}
