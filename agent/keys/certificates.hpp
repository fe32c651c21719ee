// Certificates as PEM text in and facts out.
#pragma once

#include "agent/keys/private_key.hpp"
#include "base/dns/name.hpp"
#include "base/result.hpp"
#include "base/time.hpp"
#include "rotation/types.hpp"

#include <string>
#include <vector>

struct stack_st_X509;
struct x509_st;

namespace mxseal::agent {

// The chain in `pem`, leaf first, private keys in it ignored; `invalid` when there is no certificate or one does not parse.
Result<rotation::Chain> read_chain(ByteView pem, const dns::Name& host, Instant now);
// The same from OpenSSL's objects (leaf first), for what a peer presents in a handshake.
Result<rotation::Chain> facts_of(x509_st* leaf, stack_st_X509* chain_with_leaf, const dns::Name& host, Instant now);

// DER PKCS#10 request for the names (DNS SANs; no CN needed), signed by `key` with SHA-256. No must-staple (E-12).
Result<Bytes> make_csr(const PrivateKey& key, const std::vector<dns::Name>& names);

// A self-signed leaf for `certificate: self-signed`, PEM, valid for `lifetime` from an hour before `now`.
Result<std::string> make_self_signed(const PrivateKey& key, const std::vector<dns::Name>& names, Instant now, Duration lifetime);

// Checks what a CA delivered (E-10): each certificate signs the one before, the leaf's SPKI is `key`'s (A-06, aborts on
// mismatch), the SAN set is `names`, notBefore <= now + 5 min, and no private key stands in the text.
Result<rotation::Chain> check_issued(std::string_view pem_chain, const PrivateKey& key, const std::vector<dns::Name>& names, Instant now);

} // namespace mxseal::agent
