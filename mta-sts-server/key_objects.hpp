// OpenSSL's objects from raw octets and back. The quick ways in are here, and why they are safe.
#pragma once

#include "base/result.hpp"
#include "mta-sts-server/site.hpp"

#include <memory>
#include <string_view>

struct ec_group_st;
struct evp_pkey_st;
struct ossl_lib_ctx_st;
struct ossl_provider_st;
struct stack_st_X509;
struct x509_st;

namespace mxseal::server {

struct FreeOpenssl {
    void operator()(ec_group_st* handle) const;
    void operator()(evp_pkey_st* handle) const;
    void operator()(x509_st* handle) const;
    void operator()(stack_st_X509* handle) const; // with its certificates
    void operator()(ossl_lib_ctx_st* handle) const;
    void operator()(ossl_provider_st* handle) const;
};
using KeyHandle = std::unique_ptr<evp_pkey_st, FreeOpenssl>;
using CertificateHandle = std::unique_ptr<x509_st, FreeOpenssl>;
using ChainHandle = std::unique_ptr<stack_st_X509, FreeOpenssl>;

// Reads key pairs and certificates; one for each thread.
class ObjectReader {
public:
    static Result<ObjectReader> make();

    // `invalid`: the point is not on the curve, or the scalar is not below its order. That the two belong together is
    // checked where a pair comes from (key_pair_of), not here: it would cost a multiplication on the curve.
    Result<KeyHandle> key(const KeyPair& pair) const;
    // The leaf with `key`, made of `pair`, as its public key, which OpenSSL therefore need not decode. `invalid` when it does not
    // parse or is a certificate for another key.
    Result<CertificateHandle> leaf(ByteView der, const KeyPair& pair, evp_pkey_st* key) const;
    Result<ChainHandle> issuers(const std::vector<Bytes>& ders) const;

private:
    std::unique_ptr<ec_group_st, FreeOpenssl> curve_; // making P-256 anew takes ten times as long as copying it
    std::unique_ptr<ossl_lib_ctx_st, FreeOpenssl> without_algorithms_;
    std::unique_ptr<ossl_provider_st, FreeOpenssl> null_provider_;
};

// The raw numbers of a P-256 private key; `unsupported` for any other.
Result<KeyPair> key_pair_of(evp_pkey_st* key);

// A site from PEM text, as a CA delivers it: chain leaf first. `invalid`: nothing there, or the leaf is of another key.
Result<Site> site_from_pem(std::string name, std::string policy, std::string_view key_pem, std::string_view chain_pem);

// "what: reason of OpenSSL"; empties the thread's queue of errors.
Error openssl_failure(ErrorCode code, std::string_view what);

} // namespace mxseal::server
