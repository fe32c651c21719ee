// Certificates as PEM text in and facts out.
#pragma once

#include "agent/keys/private_key.hpp"
#include "base/dns/name.hpp"
#include "base/result.hpp"
#include "base/time.hpp"
#include "rotation/types.hpp"

#include <optional>
#include <string>
#include <string_view>
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
// The same as PEM text, with the first name as CN where it is short enough: for clients of others, some of which look there.
Result<std::string> make_csr_pem(const PrivateKey& key, const std::vector<dns::Name>& names);

// A self-signed leaf for `certificate: self-signed`, PEM, valid for `lifetime` from an hour before `now`.
Result<std::string> make_self_signed(const PrivateKey& key, const std::vector<dns::Name>& names, Instant now, Duration lifetime);

// Checks what a CA delivered (E-10): each certificate signs the one before, the leaf's SPKI is `key`'s (A-06, aborts on
// mismatch), the SAN set is `names`, notBefore <= now + 5 min, and no private key stands in the text.
Result<rotation::Chain> check_issued(std::string_view pem_chain, const PrivateKey& key, const std::vector<dns::Name>& names, Instant now);

// RFC 9773 section 4.1: how a CA is asked about the leaf of `pem_chain`: "<authority key identifier>.<serial number>", both base64url. Absent where the
// leaf has no authority key identifier, as a self-signed one. `invalid` when there is no certificate or one does not parse.
Result<std::optional<std::string>> renewal_id(std::string_view pem_chain);

} // namespace mxseal::agent
