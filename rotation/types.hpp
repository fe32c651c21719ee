// Words shared by the two halves of rotation/: keys and chains as facts, without any cryptography.
#pragma once

#include "base/bytes.hpp"
#include "base/dns/name.hpp"
#include "base/dns/tlsa.hpp"
#include "base/time.hpp"

#include <array>
#include <compare>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace mxseal::rotation {

// The key algorithms that mxseal generates. An adopted key of another size counts by its family.
enum class Algorithm { ecdsa_p256, rsa_2048 };
std::string_view to_string(Algorithm algorithm); // "ecdsa-p256", "rsa-2048", as in the configuration
std::optional<Algorithm> parse_algorithm(std::string_view text);

// SHA-256 of a key's DER SubjectPublicKeyInfo: the name of a key everywhere.
struct SpkiHash {
    std::array<std::uint8_t, 32> digest{};

    std::string hex() const { return to_hex(digest); }
    std::string short_hex() const { return hex().substr(0, 8); } // for sentences
    static std::optional<SpkiHash> from_hex(std::string_view text);
    auto operator<=>(const SpkiHash&) const = default;
};

dns::TlsaRecord record_of(const SpkiHash& key); // `3 1 1`

// What a TLSA record can be compared with.
struct CertificateFacts {
    Bytes spki_sha256, spki_sha512;
    Bytes certificate_sha256, certificate_sha512;
    auto operator<=>(const CertificateFacts&) const = default;
};

// A certificate chain as an endpoint presents it, leaf first.
struct Chain {
    SpkiHash key;                               // of the leaf
    Algorithm algorithm = Algorithm::ecdsa_p256; // family of the leaf's key
    std::vector<CertificateFacts> certificates;  // at least the leaf
    Instant not_before{}, not_after{};           // of the leaf
    bool self_signed = false;                    // leaf issued by itself
    bool names_host = false;                     // a DNS-ID of the leaf is the host (RFC 6125)
    bool links = false;                          // each certificate signs the one before it, all within their dates
    auto operator<=>(const Chain&) const = default;
};

} // namespace mxseal::rotation
