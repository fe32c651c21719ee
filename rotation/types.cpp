#include "rotation/types.hpp"

#include <algorithm>

namespace mxseal::rotation {

std::string_view to_string(Algorithm algorithm) {
    switch (algorithm) {
    case Algorithm::ecdsa_p256: return "ecdsa-p256";
    case Algorithm::rsa_2048: return "rsa-2048";
    }
    return "";
}

std::optional<Algorithm> parse_algorithm(std::string_view text) {
    for (Algorithm algorithm : {Algorithm::ecdsa_p256, Algorithm::rsa_2048})
        if (to_string(algorithm) == text) return algorithm;
    return std::nullopt;
}

std::optional<SpkiHash> SpkiHash::from_hex(std::string_view text) {
    auto bytes = mxseal::from_hex(text);
    if (!bytes.ok() || bytes->size() != 32) return std::nullopt;
    SpkiHash hash;
    std::copy(bytes->begin(), bytes->end(), hash.digest.begin());
    return hash;
}

dns::TlsaRecord record_of(const SpkiHash& key) { return dns::dane_ee_spki_sha256(key.digest); }

} // namespace mxseal::rotation
