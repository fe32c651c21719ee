// What the core asks the world to do. Each action ends in exactly one event (event.hpp) or in a restart; repeating one after
// a restart does no harm.
#pragma once

#include "rotation/tlsa/ledger.hpp"
#include "rotation/tlsa/state.hpp"

#include <variant>
#include <vector>

namespace mxseal::rotation::tlsa {

struct Observe {};                                   // one round over every authoritative address -> Observed
struct Probe {                                       // one round over every endpoint -> Probed
    std::vector<std::pair<std::uint16_t, Held>> versions; // to verify the served chains against
};
struct ReadFile {};                                  // the MTA's file: which pairs are in it -> FileRead (pairs are imported)
struct GenerateKey {                                 // -> KeyGenerated, sealed in the store
    Algorithm algorithm = Algorithm::ecdsa_p256;
};
struct ObtainCertificate {                           // -> CertificateObtained or CertificateFailed
    SpkiHash key;
};
struct WriteTlsa {                                   // compare-and-swap from base to target -> TlsaWritten
    std::uint16_t port = 25;
    dns::TlsaSet base, target;
    Ttl ttl{0};
};
struct Deploy {                                      // key and chain of each of `keys` -> Deployed
    std::vector<SpkiHash> keys;
};
struct ValidateTime {};                              // compare the clock with an authenticated one -> TimeChecked
struct AskRenewalInfo {                              // when the CA wants this certificate renewed (RFC 9773) -> RenewalInfoTold
    SpkiHash key;
    Bytes certificate;                               // SHA-256 of the leaf
};

using Action = std::variant<Observe, Probe, ReadFile, GenerateKey, ObtainCertificate, WriteTlsa, Deploy, ValidateTime, AskRenewalInfo>;
Task task_of(const Action& action);

} // namespace mxseal::rotation::tlsa
