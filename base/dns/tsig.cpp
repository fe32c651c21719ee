#include "base/dns/tsig.hpp"

#include "base/dns/tsig_record.hpp"

#include <algorithm>
#include <array>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <fmt/format.h>

namespace mxseal::dns {

namespace {

using Kind = TsigVerdict::Kind;

// RFC 8945 section 3.
constexpr int kBadSig = 16, kBadKey = 17, kBadTime = 18, kBadTrunc = 22;
constexpr std::array kAlgorithms = {TsigAlgorithm::hmac_sha256, TsigAlgorithm::hmac_sha384, TsigAlgorithm::hmac_sha512};

const EVP_MD* digest_of(TsigAlgorithm algorithm) {
    switch (algorithm) {
    case TsigAlgorithm::hmac_sha256: return EVP_sha256();
    case TsigAlgorithm::hmac_sha384: return EVP_sha384();
    case TsigAlgorithm::hmac_sha512: return EVP_sha512();
    }
    return EVP_sha256();
}

Bytes algorithm_wire(TsigAlgorithm algorithm) {
    auto text = to_string(algorithm);
    Bytes out(1 + text.size());
    out[0] = static_cast<std::uint8_t>(text.size());
    std::copy(text.begin(), text.end(), out.begin() + 1);
    out.push_back(0);
    return out;
}

std::optional<Bytes> hmac(const TsigKey& key, const Bytes& octets) {
    Bytes mac(EVP_MAX_MD_SIZE);
    unsigned size = 0;
    auto secret = key.secret.reveal();
    if (HMAC(digest_of(key.algorithm), secret.data(), static_cast<int>(secret.size()), octets.data(), octets.size(), mac.data(), &size) == nullptr)
        return std::nullopt;
    mac.resize(size);
    return mac;
}

void put_counted(Bytes& out, ByteView octets) {
    out.push_back(static_cast<std::uint8_t>(octets.size() >> 8));
    out.push_back(static_cast<std::uint8_t>(octets.size() & 0xff));
    out.insert(out.end(), octets.begin(), octets.end());
}

// RFC 8945 section 4.3: the request's MAC (answers only), the message without its TSIG, the variables.
Bytes digest_input(ByteView message, const TsigRecord& record, std::optional<ByteView> request_mac) {
    Bytes input;
    if (request_mac) put_counted(input, *request_mac);
    input.insert(input.end(), message.begin(), message.end());
    auto variables = variables_of(record);
    input.insert(input.end(), variables.begin(), variables.end());
    return input;
}

// Sets ARCOUNT of the header at the front of `message` one higher or lower.
void count_additional(Bytes& message, int by) {
    int count = (message[10] << 8 | message[11]) + by;
    message[10] = static_cast<std::uint8_t>(count >> 8 & 0xff);
    message[11] = static_cast<std::uint8_t>(count & 0xff);
}

Instant instant_of(std::uint64_t seconds) {
    // 48 bits of seconds, in milliseconds, fit 64 bits.
    return Instant(std::chrono::seconds(static_cast<std::int64_t>(seconds)));
}

TsigRecord new_record(ByteView message, const TsigKey& key, Instant now) {
    TsigRecord record;
    record.key_name = wire_of(key.name);
    record.algorithm = algorithm_wire(key.algorithm);
    record.time_signed_s = static_cast<std::uint64_t>(std::chrono::floor<std::chrono::seconds>(now).time_since_epoch().count());
    record.fudge_s = static_cast<std::uint16_t>(kTsigFudge.count());
    record.original_id = static_cast<std::uint16_t>(message[0] << 8 | message[1]);
    return record;
}

Result<SignedMessage> signed_with(ByteView message, TsigRecord record, const TsigKey& key, std::optional<ByteView> request_mac,
                                  std::size_t mac_octets) {
    auto mac = hmac(key, digest_input(message, record, request_mac));
    if (!mac) return Error(ErrorCode::internal, fmt::format("{} failed in OpenSSL", to_string(key.algorithm)));
    if (mac_octets != 0 && mac_octets < mac->size()) mac->resize(mac_octets);
    record.mac = *mac;
    SignedMessage out{Bytes(message.begin(), message.end()), std::move(*mac)};
    count_additional(out.wire, 1);
    auto tail = wire_of(record);
    out.wire.insert(out.wire.end(), tail.begin(), tail.end());
    return out;
}

Status check_message(ByteView message) {
    if (message.size() >= 12) return done();
    return Error(ErrorCode::internal, "a message shorter than its header cannot be signed");
}

// The message as the signer had it: its own id, no TSIG (RFC 8945 section 4.3.2).
Bytes stripped(ByteView answer, const TsigPlace& place) {
    Bytes message(answer.begin(), answer.begin() + static_cast<std::ptrdiff_t>(place.offset));
    message[0] = static_cast<std::uint8_t>(place.record.original_id >> 8);
    message[1] = static_cast<std::uint8_t>(place.record.original_id & 0xff);
    count_additional(message, -1);
    return message;
}

// Nothing when the MAC is right.
std::optional<std::string> mac_fault(ByteView answer, const TsigPlace& place, const TsigKey& key, ByteView request_mac) {
    auto expected = hmac(key, digest_input(stripped(answer, place), place.record, request_mac));
    if (!expected) return "the HMAC failed in OpenSSL";
    // F-08: no truncated MAC, though RFC 8945 section 5.2.2.1 would let half of it pass.
    if (place.record.mac.size() != expected->size())
        return fmt::format("a MAC of {} octets instead of {}", place.record.mac.size(), expected->size());
    if (CRYPTO_memcmp(place.record.mac.data(), expected->data(), expected->size()) != 0) return "the MAC is wrong";
    return std::nullopt;
}

TsigVerdict judge_time(const TsigRecord& record, Instant now) {
    Instant at = instant_of(record.time_signed_s);
    // RFC 8945 section 5.2.3: an answer BADTIME repeats our time and brings the server's in Other Data.
    if (record.error == kBadTime) {
        if (record.other.size() != 6) return {Kind::wrong, std::nullopt, "BADTIME without the server's time"};
        std::uint64_t seconds = 0;
        for (std::uint8_t octet : record.other) seconds = seconds << 8 | octet;
        return {Kind::bad_time, instant_of(seconds), "the server finds our clock wrong (BADTIME)"};
    }
    auto fudge = std::min(kTsigFudge, std::chrono::seconds(record.fudge_s));
    auto apart = at > now ? at - now : std::chrono::floor<std::chrono::seconds>(now) - at;
    if (apart > fudge)
        return {Kind::out_of_time, at, fmt::format("signed at {}, more than {} from our clock", to_rfc3339(at), mxseal::to_string(fudge))};
    return {Kind::verified, at, ""};
}

} // namespace

std::string_view to_string(TsigAlgorithm algorithm) {
    switch (algorithm) {
    case TsigAlgorithm::hmac_sha256: return "hmac-sha256";
    case TsigAlgorithm::hmac_sha384: return "hmac-sha384";
    case TsigAlgorithm::hmac_sha512: return "hmac-sha512";
    }
    return "hmac-sha256";
}

Result<TsigKey> TsigKey::make(std::string_view name, std::string_view algorithm, const Secret& base64) {
    auto parsed = Name::parse(name);
    if (!parsed.ok()) return std::move(parsed).error();
    auto found = std::find_if(kAlgorithms.begin(), kAlgorithms.end(), [&](TsigAlgorithm known) { return to_string(known) == algorithm; });
    if (found == kAlgorithms.end())
        return Error(ErrorCode::invalid, fmt::format("TSIG algorithm '{}' is not allowed; use hmac-sha256, hmac-sha384 or hmac-sha512",
                                                     escape_untrusted(algorithm, 40)));
    auto encoded = base64.reveal();
    auto octets = from_base64(std::string_view(reinterpret_cast<const char*>(encoded.data()), encoded.size()));
    if (!octets.ok() || octets->empty())
        return Error(ErrorCode::invalid, fmt::format("the secret of the TSIG key '{}' is not base64; take the one that keymgr -t or tsig-keygen "
                                                     "printed, alone in its file", parsed->text()));
    return TsigKey{std::move(*parsed), *found, Secret(std::move(*octets))};
}

Result<SignedMessage> tsig_sign(ByteView message, const TsigKey& key, Instant now) {
    if (auto status = check_message(message); !status.ok()) return std::move(status).error();
    return signed_with(message, new_record(message, key, now), key, std::nullopt, 0);
}

Result<SignedMessage> tsig_sign_answer(ByteView message, const TsigKey& key, Instant now, ByteView request_mac, const TsigAnswer& answer) {
    if (auto status = check_message(message); !status.ok()) return std::move(status).error();
    auto record = new_record(message, key, now);
    record.error = static_cast<std::uint16_t>(answer.error);
    record.other = answer.other;
    return signed_with(message, std::move(record), key, request_mac, answer.mac_octets);
}

TsigVerdict tsig_verify(ByteView answer, const TsigKey& key, ByteView request_mac, Instant now) {
    auto place = find_tsig(answer);
    if (!place.ok()) return {Kind::wrong, std::nullopt, place.error().message()};
    if (!*place) return {Kind::absent, std::nullopt, "no TSIG"};
    const TsigRecord& record = (*place)->record;
    // RFC 8945 section 5.3.2: with BADKEY and BADSIG the answer is unsigned.
    if (record.mac.empty() && record.error == kBadKey) return {Kind::refused_key, std::nullopt, "BADKEY"};
    if (record.mac.empty() && (record.error == kBadSig || record.error == kBadTrunc))
        return {Kind::refused_signature, std::nullopt, record.error == kBadSig ? "BADSIG" : "BADTRUNC"};
    if (record.key_name != wire_of(key.name)) return {Kind::wrong, std::nullopt, "signed with another key"};
    if (record.algorithm != algorithm_wire(key.algorithm)) return {Kind::wrong, std::nullopt, "signed with another algorithm"};
    if (auto fault = mac_fault(answer, **place, key, request_mac)) return {Kind::wrong, std::nullopt, std::move(*fault)};
    if (record.error != 0 && record.error != kBadTime)
        return {Kind::wrong, std::nullopt, fmt::format("a signed answer with TSIG error {}", record.error)};
    return judge_time(record, now);
}

} // namespace mxseal::dns
