// A chain as DER, the form in which the endpoint's snapshot holds it.
#pragma once

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "base/time.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace mxseal::agent {

struct DerChain {
    Bytes leaf;
    std::vector<Bytes> issuers;          // the leaf's issuer first
    Instant not_before{}, not_after{};   // of the leaf
};

// From PEM text, leaf first, which the authority has checked already; a self-signed root at the end is left out, for senders have their own
// (RFC 8446 section 4.4.2). `invalid`: no certificate, or one that does not parse.
Result<DerChain> der_chain_of(std::string_view pem);
// One certificate as PEM text; empty when it does not parse.
std::string pem_of(ByteView der);

} // namespace mxseal::agent
