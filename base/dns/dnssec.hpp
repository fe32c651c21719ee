// Whether one server's answer is signed by a zone's keys (RFC 4035 section 5.3), and whether what it denies is proven.
//
// No chain of trust is built here: the keys are those that a validating resolver has validated, so that each server can be
// judged for itself. Values in, values out; any thread. Work on one message is bounded (G-10, "KeyTrap").
#pragma once

#include "base/dns/query.hpp"
#include "base/time.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace mxseal::dns {

// The validated DNSKEY RRset of a zone.
struct ZoneKeys {
    Name zone;
    std::vector<Record> dnskeys;
};

// What the signatures over one RRset are worth.
struct SignatureCheck {
    enum class Verdict {
        valid,       // a signature verifies and is in date
        missing,     // no RRSIG covers the RRset
        out_of_date, // a signature verifies but `now` is outside inception..expiration
        wrong,       // signatures, but none by these keys that verifies; or a wildcard without the proof it needs
        over_limit,  // more signatures or colliding keys than we are ready to try
    };
    Verdict verdict = Verdict::missing;
    std::optional<Instant> expiration; // the earliest over the signatures that verify
    std::string detail;                // times, key tags, and why not
};

// What the message proves about a name and type that it does not answer.
struct DenialCheck {
    enum class Verdict {
        nodata,      // the name is there, the type is not
        nxdomain,    // the name is not there
        opt_out,     // only an NSEC3 opt-out span covers the name: an insecure denial (RFC 5155 section 6, B-08)
        no_proof,    // signed NSEC or NSEC3 records that do not prove what the RCODE says
        missing,     // no NSEC or NSEC3 record, or one without RRSIG
        out_of_date, // the signature of a record that was needed is out of date
        wrong,       // the signature of a record that was needed does not verify
        over_limit,  // NSEC3 iterations over 100, or more records than we are ready to check
    };
    Verdict verdict = Verdict::missing;
    std::optional<Instant> expiration; // the earliest over the signatures of the SOA and the proof
    std::string detail;
};

// The RRset (name, type) in the answer section of `message`, an expanded wildcard with its proof included
// (RFC 4035 section 5.3.4, RFC 5155 section 8.8).
SignatureCheck check_signature(const Message& message, const Question& rrset, const ZoneKeys& keys, Instant now);

// The denial of `question` by an answer with RCODE NOERROR or NXDOMAIN (RFC 4035 section 5.4, RFC 5155 sections 8.4 to 8.7).
DenialCheck check_denial(const Message& message, const Question& question, const ZoneKeys& keys, Instant now);

// The key tag of a DNSKEY or CDNSKEY rdata (RFC 4034 appendix B); nothing when it is too short to be one.
std::optional<std::uint16_t> key_tag(ByteView dnskey_rdata);

} // namespace mxseal::dns
