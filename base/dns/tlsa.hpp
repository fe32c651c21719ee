// TLSA records as values (RFC 6698 section 2.1). Comparison is on the wire form, never on text.
#pragma once

#include "base/bytes.hpp"
#include "base/result.hpp"

#include <compare>
#include <cstdint>
#include <string>
#include <vector>

namespace mxseal::dns {

struct TlsaRecord {
    std::uint8_t usage = 3;         // 0 PKIX-TA, 1 PKIX-EE, 2 DANE-TA, 3 DANE-EE
    std::uint8_t selector = 1;      // 0 whole certificate, 1 SubjectPublicKeyInfo
    std::uint8_t matching_type = 1; // 0 full, 1 SHA2-256, 2 SHA2-512
    Bytes data;

    auto operator<=>(const TlsaRecord&) const = default;

    Bytes wire() const;                                // the rdata
    static Result<TlsaRecord> from_wire(ByteView rdata);
    std::string to_string() const;                     // "3 1 1 0a1b..."
    static Result<TlsaRecord> parse(std::string_view text); // "3 1 1 0a1b...", spaces within the hex allowed
};

// The record that mxseal publishes for a key: `3 1 1` (A-01; RFC 7671 section 5.1, RFC 7672 section 3.1.1).
TlsaRecord dane_ee_spki_sha256(ByteView spki_sha256);

// The rdata of one TLSA RRset: sorted, without repetition. Empty: securely denied.
class TlsaSet {
public:
    TlsaSet() = default;
    explicit TlsaSet(std::vector<TlsaRecord> records);

    const std::vector<TlsaRecord>& records() const { return records_; }
    bool empty() const { return records_.empty(); }
    std::size_t size() const { return records_.size(); }
    bool contains(const TlsaRecord& record) const;
    bool includes(const TlsaSet& other) const;   // every record of `other` is here
    TlsaSet with(const TlsaSet& other) const;    // union
    TlsaSet without(const TlsaSet& other) const; // difference
    auto operator<=>(const TlsaSet&) const = default;

    std::string to_string() const; // "{3 1 1 0a1b.., 3 1 1 77ee..}", digests cut to 8 digits; "{}" when empty

private:
    std::vector<TlsaRecord> records_;
};

} // namespace mxseal::dns
