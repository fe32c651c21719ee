// The name of a key: SHA-256 over its DER SubjectPublicKeyInfo, and the refusal of what only looks like it.
#pragma once

#include "base/result.hpp"
#include "rotation/types.hpp"

struct evp_pkey_st;
struct X509_pubkey_st;
struct x509_st;

namespace mxseal::agent {

struct Spki {
    Bytes der;
    rotation::SpkiHash hash;
    rotation::Algorithm algorithm = rotation::Algorithm::ecdsa_p256;
};

// Of a private or public key, as i2d_PUBKEY writes it.
Result<Spki> spki_of_key(evp_pkey_st* key);
// Of a certificate, as it stands in it.
Result<Spki> spki_of_certificate(x509_st* certificate);

// A digest that came as text (an operator's, a foreign tool's). `invalid`: not 64 hexadecimal digits, or a digest of
// something that is no key.
Result<rotation::SpkiHash> checked_spki_hash(std::string_view hex);

} // namespace mxseal::agent
