// TSIG (RFC 8945): signs a finished message, and judges what comes back. Pure: `now` is handed in, nothing is sent here.
//
// ldns 1.8.3 is not used for this: it signs with the time of the system only, accepts messages signed hours ago and MACs of any
// length (F-08). The signature is one HMAC over octets that are at hand, so it stands here.
#pragma once

#include "base/bytes.hpp"
#include "base/dns/name.hpp"
#include "base/result.hpp"
#include "base/secret.hpp"
#include "base/time.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace mxseal::dns {

// RFC 8945 section 10: what we send and what we accept.
inline constexpr std::chrono::seconds kTsigFudge{300};

// RFC 8945 section 6 has more; MD5 and SHA-1 are refused (F-08).
enum class TsigAlgorithm { hmac_sha256, hmac_sha384, hmac_sha512 };
std::string_view to_string(TsigAlgorithm algorithm); // "hmac-sha256"

struct TsigKey {
    Name name;
    TsigAlgorithm algorithm = TsigAlgorithm::hmac_sha256;
    Secret secret; // raw octets, not base64

    // From the texts of the configuration: `base64` as keymgr and tsig-keygen print it. `invalid` says what is wrong, never the secret.
    static Result<TsigKey> make(std::string_view name, std::string_view algorithm, const Secret& base64);
};

struct SignedMessage {
    Bytes wire;
    Bytes mac; // the answer's MAC covers it
};

// `message`: a complete DNS message without TSIG; its id is the original id.
Result<SignedMessage> tsig_sign(ByteView message, const TsigKey& key, Instant now);

// The same for an answer, over the MAC of its request (RFC 8945 section 5.3). For servers in tests.
struct TsigAnswer {
    int error = 0;              // 18 BADTIME: `other` holds the server's time
    Bytes other;
    std::size_t mac_octets = 0; // 0: all of them
};
Result<SignedMessage> tsig_sign_answer(ByteView message, const TsigKey& key, Instant now, ByteView request_mac, const TsigAnswer& answer = {});

struct TsigVerdict {
    enum class Kind {
        verified,     // from the holder of the key, for our request, now
        bad_time,     // verified too, and says that our clock is off: server_time holds its own
        out_of_time,  // the MAC is right, but the time signed is not within the fudge of now
        refused_key,  // unsigned, says BADKEY: a hint, not a fact
        refused_signature, // unsigned, says BADSIG or BADTRUNC: a hint, not a fact
        absent,       // no TSIG at all
        wrong,        // a TSIG that does not verify, or one that is malformed
    };
    Kind kind = Kind::absent;
    std::optional<Instant> server_time; // whole seconds, in verified, bad_time and out_of_time
    std::string why;                    // for people
};

// Judges the answer to a message that was signed with `key` and has `request_mac`.
TsigVerdict tsig_verify(ByteView answer, const TsigKey& key, ByteView request_mac, Instant now);

} // namespace mxseal::dns
