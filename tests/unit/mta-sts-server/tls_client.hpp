// TlsClient: fetches from the endpoint as a sender would, blocking, with limits of its own; and sends what a sender never would.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>

struct ssl_ctx_st;
struct ssl_st;

namespace mxseal::server::testing {

struct Fetched {
    bool handshake = false;
    bool trusted = false;      // chain and name verified against the CA that was given
    bool close_notify = false; // the answer's end was said, not cut
    int alert = 0;             // that the server sent in place of a handshake; 0: none
    std::string protocol;      // "TLSv1.3"
    std::string alpn;
    std::string raw;           // everything that was answered
    double connect_ms = 0;     // until the connection stood
    int status = 0;
    std::map<std::string, std::string> headers; // names in lower case
    std::string body;
};

struct Wish {
    std::uint16_t port = 0;
    std::string address = "127.0.0.1";
    std::string from;                   // bind to this address first
    std::string sni;                    // empty: none is sent
    std::string request;                // as it goes out
    std::string ca_pem;                 // empty: nothing is verified
    std::string alpn;                   // in wire form
    int version_max = 0;                // TLS1_2_VERSION; 0: any
    bool tls = true;
    int timeout_ms = 5000;              // of each read and write
};

Fetched fetch(const Wish& wish);
std::string get(const std::string& host, const std::string& path = "/.well-known/mta-sts.txt", const std::string& more = "");
// A connected socket with time limits, or -1.
int connect_to(const Wish& wish);
Fetched parse_answer(const std::string& raw);

} // namespace mxseal::server::testing
