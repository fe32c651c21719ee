// Challenges: what a CA may ask the endpoint for while a certificate is ordered. An immutable set, replaced as a whole.
#pragma once

#include "base/result.hpp"
#include "mta-sts-server/site.hpp"

#include <map>
#include <string>
#include <string_view>

namespace mxseal::server {

struct Challenges {
    struct TlsAlpn {
        Bytes certificate; // DER
        KeyPair key;
    };
    // RFC 8555 section 8.3 (E-18): by host name, then token, the key authorization.
    std::map<std::string, std::map<std::string, std::string, std::less<>>, std::less<>> http{};
    // RFC 8737 (E-19): by name, the certificate with its acmeIdentifier.
    std::map<std::string, TlsAlpn, std::less<>> tls_alpn{};
};

// RFC 8555 section 8.3: a token is base64url text. Anything else never comes near the map.
bool is_acme_token(std::string_view text);

// The certificate of RFC 8737 section 3 for `name`: self-signed, that one SAN, the digest of the key authorization as a critical
// acmeIdentifier, a new key, valid for a day.
Result<Challenges::TlsAlpn> make_tls_alpn(const std::string& name, std::string_view key_authorization);

} // namespace mxseal::server
