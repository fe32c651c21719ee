#include "agent/keys/spki.hpp"

#include "agent/keys/openssl.hpp"

#include <openssl/asn1.h>
#include <openssl/evp.h>
#include <openssl/objects.h>
#include <openssl/x509.h>

#include <algorithm>
#include <array>

#include <fmt/format.h>

namespace mxseal::agent {

namespace {

using rotation::Algorithm;

Error refuse_form(std::string_view what) {
    return Error(ErrorCode::unsupported,
                 fmt::format("the key {}; mxseal serves RSA (rsaEncryption) and EC keys on a named curve with an uncompressed point, because "
                             "the TLSA digest of other encodings changes between tools: make a new key",
                             what));
}

// compressed points and explicit parameters have several encodings, hence several digests, for one key.
Result<Algorithm> check_ec(const X509_ALGOR* algorithm, ByteView point) {
    int parameter_type = 0;
    X509_ALGOR_get0(nullptr, &parameter_type, nullptr, algorithm);
    if (parameter_type != V_ASN1_OBJECT) return refuse_form("has explicit EC parameters in place of a named curve");
    if (point.empty() || point[0] != 0x04) return refuse_form("has a compressed EC point");
    return Algorithm::ecdsa_p256;
}

Result<Algorithm> check_form(X509_PUBKEY* key) {
    ASN1_OBJECT* oid = nullptr;
    const unsigned char* data = nullptr;
    int size = 0;
    X509_ALGOR* algorithm = nullptr;
    X509_PUBKEY_get0_param(&oid, &data, &size, &algorithm, key);
    switch (OBJ_obj2nid(oid)) {
    case NID_rsaEncryption: return Algorithm::rsa_2048;
    // the same modulus under the RSASSA-PSS OID has another digest.
    case NID_rsassaPss: return refuse_form("is an RSASSA-PSS key");
    case NID_X9_62_id_ecPublicKey: return check_ec(algorithm, {data, static_cast<std::size_t>(size)});
    default: return refuse_form("is neither RSA nor EC");
    }
}

Result<Spki> read_spki(X509_PUBKEY* key) {
    auto algorithm = check_form(key);
    if (!algorithm) return algorithm.error();
    unsigned char* der = nullptr;
    int size = i2d_X509_PUBKEY(key, &der);
    if (size <= 0) return openssl::failure(ErrorCode::internal, "the public key cannot be encoded");
    Spki spki{Bytes(der, der + size), {}, *algorithm};
    OPENSSL_free(der);
    spki.hash.digest = sha256(spki.der);
    return spki;
}

Bytes der_of(x509_st* certificate) {
    unsigned char* der = nullptr;
    int size = i2d_X509(certificate, &der);
    Bytes out(der, der + std::max(size, 0));
    OPENSSL_free(der);
    return out;
}

} // namespace

Result<Spki> spki_of_key(evp_pkey_st* key) {
    X509_PUBKEY* made = nullptr;
    X509_PUBKEY_set(&made, key);
    openssl::PublicKey holder(made);
    if (!holder) return openssl::failure(ErrorCode::invalid, "the key has no public part");
    return read_spki(holder.get());
}

Result<Spki> spki_of_certificate(x509_st* certificate) {
    X509_PUBKEY* key = X509_get_X509_PUBKEY(certificate);
    if (key == nullptr) return Error(ErrorCode::invalid, "the certificate has no public key");
    auto spki = read_spki(key);
    if (!spki) return spki;
    // senders digest the octets in the certificate; OpenSSL writes them anew, which may differ if they were not DER.
    Bytes whole = der_of(certificate);
    if (std::search(whole.begin(), whole.end(), spki->der.begin(), spki->der.end()) == whole.end())
        return refuse_form("is not encoded as DER in its certificate");
    return spki;
}

Result<rotation::SpkiHash> checked_spki_hash(std::string_view hex) {
    auto hash = rotation::SpkiHash::from_hex(hex);
    if (!hash)
        return Error(ErrorCode::invalid, fmt::format("'{}' is not the SHA-256 of a key: it must have 64 hexadecimal digits", escape_untrusted(hex, 80)));
    // published in the wild by scripts whose openssl command printed nothing, or only a line end.
    for (std::string_view nothing : {std::string_view(""), std::string_view("\n"), std::string_view("\0", 1)})
        if (hash->digest == sha256(view_of(nothing)))
            return Error(ErrorCode::invalid, fmt::format("{} is the SHA-256 of nothing, not of a key: the command that made it failed", hash->hex()));
    return *hash;
}

} // namespace mxseal::agent
