// Site: what is served under one name, with its certificate and key as octets. How it stands in a file is snapshot_record.hpp's.
#pragma once

#include "base/bytes.hpp"
#include "base/secret.hpp"

#include <array>
#include <string>
#include <vector>

namespace mxseal::server {

// ECDSA P-256, as raw numbers: OpenSSL 3.0 needs 400 us to read a PEM key, and 3 us to take these. The endpoint's keys are
// made by mxseal, so no other kind is needed.
struct KeyPair {
    Secret scalar;                          // 32 octets, big endian
    std::array<std::uint8_t, 65> point{};   // uncompressed (SEC 1 section 2.3.3): 04, X, Y
};

struct Site {
    std::string name;                       // of the host, in lower case without a final dot: "mta-sts.example.org"
    std::string policy;                     // the body, at most kPolicyBytesMax octets (RFC 8461 section 3.2)
    Bytes certificate;                      // DER of the leaf
    KeyPair key;
    std::vector<Bytes> issuers;             // DER, the leaf's issuer first; without the root
};

} // namespace mxseal::server
