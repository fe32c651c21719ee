// HttpTransport: the port for outbound HTTPS (ACME, provider APIs, policy fetches). One client for all: libcurl in http_curl.cpp.
// send() blocks; any thread. TLS is always verified; redirects are never followed; bodies are capped (G-04).
#pragma once

#include "base/result.hpp"
#include "base/time.hpp"

#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace mxseal {

struct HttpRequest {
    std::string method = "GET";
    std::string url;                                           // https only
    std::vector<std::pair<std::string, std::string>> headers;  // names in lower case
    std::string body;
    Duration timeout = std::chrono::seconds(30);               // for everything together
    std::size_t body_limit = 1 << 20;                          // octets; more is `protocol`
    std::string connect_to;                                    // an address to go to in place of the name's, at the port of the URL; empty: the name's
    std::string trusted_pem;                                   // certificates trusted for this request in place of the transport's roots; empty: those
    bool public_only = false;                                  // G-04: a target that is_private_address() is `refused`, after resolution
};

struct HttpResponse {
    int status = 0;
    std::vector<std::pair<std::string, std::string>> headers;  // names in lower case
    std::string body;
    std::string peer_address;                                  // whom we spoke to; empty where a transport cannot tell
    const std::string* header(std::string_view name) const;    // first of that name, or null
};

class HttpTransport {
public:
    virtual ~HttpTransport() = default;
    // Any status is a value. transient: no connection or no answer in time, nothing sent;
    // ambiguous: the connection broke after the request was sent; protocol: TLS refused, body too long;
    // refused: public_only and the target is not; invalid: the request itself.
    virtual Result<HttpResponse> send(const HttpRequest& request) = 0;
};

// Loopback, private, link-local, shared, multicast and the like (IANA special-purpose registries, RFC 6890): nothing that a stranger's
// URL may send us to. Text that is no address is not private.
bool is_private_address(std::string_view address);

struct CurlOptions {
    std::string ca_file;     // PEM roots in place of the system's; empty: the system's
    std::string user_agent;
};
std::unique_ptr<HttpTransport> make_curl_transport(CurlOptions options);

} // namespace mxseal
