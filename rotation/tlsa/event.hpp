// What happens to a host: ends of actions, operators, the clock. Any event is legal in any state; repeating one changes nothing.
#pragma once

#include "rotation/tlsa/observation.hpp"
#include "rotation/tlsa/state.hpp"

#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace mxseal::rotation::tlsa {

struct Started {};              // the process came up: actions under way are unknown, the world has to be looked at again
struct TimeReached {};
struct PolicyChanged {};        // the configuration was read again
struct Observed { DnsObservation seen; };
struct Probed { ProbeRound seen; };
struct FileRead {
    std::vector<Key> keys;      // with their chains, imported into the vault
    std::optional<Failure> failure;
};
struct KeyGenerated { std::optional<Key> key; std::optional<Failure> failure; Algorithm algorithm = Algorithm::ecdsa_p256; };
struct CertificateObtained { SpkiHash key; Chain chain; };
struct CertificateFailed { SpkiHash key; Failure failure; };
struct TlsaWritten {
    enum class Outcome { written, lost_race, unknown, failed };
    Outcome outcome = Outcome::written;
    std::optional<Failure> failure;
};
struct Deployed {
    std::optional<Failure> failure;
    bool file_changed = true;
    std::vector<Chain> chains;  // what was put there: the vault may hold a newer certificate than the core heard of before a crash
};
struct TimeChecked {
    std::optional<Failure> failure;   // nobody to ask
    std::optional<Duration> skew;     // ours minus theirs
};
// As the CA said it; what of it counts, the core decides.
struct RenewalInfoTold {
    SpkiHash key;
    Bytes certificate;                // of the AskRenewalInfo
    std::optional<RenewalWindow> window; // absent: the CA offers none, or could not be asked
    Instant drawn{};                  // uniformly random in the window (RFC 9773 section 4.2): the core has no dice
    std::optional<Duration> retry_after;
    std::string explanation;          // address of a page for people; the CA's text, cut and escaped already
    std::string trouble;              // why there is no window; empty: the CA does not offer any
};
// An ACME client's hook brought a key with a certificate (`certificate: external`); both are in the vault. Its judgement (brought.hpp) is the reply.
struct PairBrought { Key pair; };
// The wall clock ran `forward` ahead of the boot clock (more than a minute): waits are lengthened by as much (0.1).
struct ClockStepped { Duration forward{0}; };

struct OperatorRoll {
    RollKind kind = RollKind::planned;
    std::optional<SpkiHash> retire;   // absent: the current key of each line, or the roll under way
    std::string who;
    std::optional<std::string> accepted_risk;
};
struct OperatorRollBack { std::string who; };
struct OperatorHalt { std::string who; std::string why; };
struct OperatorResume { std::string who; };

using Event = std::variant<Started, TimeReached, PolicyChanged, Observed, Probed, FileRead, KeyGenerated, CertificateObtained, CertificateFailed,
                           TlsaWritten, Deployed, TimeChecked, RenewalInfoTold, PairBrought, ClockStepped, OperatorRoll, OperatorRollBack, OperatorHalt, OperatorResume>;

} // namespace mxseal::rotation::tlsa
