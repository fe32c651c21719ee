// JSON Web Signatures as ACME wants them (RFC 7515, RFC 8555 section 6.2): ES256, flattened JSON, one signature.
#pragma once

#include "agent/keys/private_key.hpp"
#include "base/json.hpp"
#include "base/result.hpp"

#include <string>
#include <string_view>

namespace mxseal::agent {

// The key of an account: P-256, never the key of a certificate (E-08).
class AccountKey {
public:
    static Result<AccountKey> generate();
    static Result<AccountKey> from_pem(ByteView pem); // `invalid` unless it is P-256
    Secret to_pem() const { return key_.to_pem(); }

    const Json& jwk() const { return jwk_; }
    const std::string& thumbprint() const { return thumbprint_; } // RFC 7638, SHA-256, base64url
    // r | s, 32 octets each (RFC 7518 section 3.4).
    Result<Bytes> sign(ByteView text) const;

private:
    AccountKey(PrivateKey key, Json jwk);
    static Result<AccountKey> of(PrivateKey key);
    PrivateKey key_;
    Json jwk_;
    std::string thumbprint_;
};

struct JwsHeader {
    std::string url;
    std::string nonce;
    std::string account_url; // `kid`; empty: the key itself as `jwk` (newAccount)
};

// An empty `payload` is POST-as-GET (E-02), "{}" an empty object.
Result<std::string> make_jws(const AccountKey& key, const JwsHeader& header, std::string_view payload);

} // namespace mxseal::agent
