// OpenSSL's C handles as owning types, and its error queue as an Error. For the .cpp files of this folder and agent/acme.
#pragma once

#include "base/bytes.hpp"
#include "base/result.hpp"

#include <memory>
#include <string>
#include <string_view>

struct bio_st;
struct evp_pkey_st;
struct stack_st_X509;
struct x509_st;
struct X509_pubkey_st;
struct X509_req_st;

namespace mxseal::agent::openssl {

struct Free {
    void operator()(bio_st* handle) const;
    void operator()(evp_pkey_st* handle) const;
    void operator()(stack_st_X509* handle) const; // with its certificates
    void operator()(x509_st* handle) const;
    void operator()(X509_pubkey_st* handle) const;
    void operator()(X509_req_st* handle) const;
};
using Bio = std::unique_ptr<bio_st, Free>;
using Key = std::unique_ptr<evp_pkey_st, Free>;
using Certificates = std::unique_ptr<stack_st_X509, Free>;
using Certificate = std::unique_ptr<x509_st, Free>;
using PublicKey = std::unique_ptr<X509_pubkey_st, Free>;
using SigningRequest = std::unique_ptr<X509_req_st, Free>;

// Chains of a handshake or a CA are three or four long; ten leaves room (our choice, it bounds our work).
inline constexpr int kChainCertificatesMax = 10;
// G-04: what is read as a chain, at most.
inline constexpr std::size_t kChainBytesMax = 256 * 1024;

// "what: reason of OpenSSL"; empties the thread's error queue.
Error failure(ErrorCode code, std::string_view what);

Bio read_only(ByteView bytes);
std::string text_of(bio_st* memory); // what was written to a memory BIO

// For PEM readers: refuses encrypted input in place of asking the terminal.
int no_password(char*, int, int, void*);

// All certificates in PEM text, in its order, other blocks skipped; at least one, at most kChainCertificatesMax per
// `chains`. `invalid` otherwise.
Result<Certificates> read_certificates(ByteView pem, int chains = 1);
std::string pem_of(x509_st* certificate);

} // namespace mxseal::agent::openssl
