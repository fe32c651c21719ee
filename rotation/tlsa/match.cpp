#include "rotation/tlsa/match.hpp"

#include <algorithm>

namespace mxseal::rotation::tlsa {

namespace {

bool data_matches(const dns::TlsaRecord& record, const CertificateFacts& certificate) {
    const bool spki = record.selector == 1;
    switch (record.matching_type) {
    case 0: {
        // RFC 6698 section 2.1.3: the full data; equal data have equal digests.
        auto digest = sha256(record.data);
        const Bytes& expected = spki ? certificate.spki_sha256 : certificate.certificate_sha256;
        return std::equal(digest.begin(), digest.end(), expected.begin(), expected.end());
    }
    case 1: return record.data == (spki ? certificate.spki_sha256 : certificate.certificate_sha256);
    case 2: return record.data == (spki ? certificate.spki_sha512 : certificate.certificate_sha512);
    default: return false;
    }
}

bool is_trust_anchor_usage(const dns::TlsaRecord& record) { return record.usage == 0 || record.usage == 2; }

bool record_matches(const dns::TlsaRecord& record, const Chain& chain) {
    if (record.usage > 3 || record.selector > 1) return false;
    // RFC 7671 section 5.1: DANE-EE looks at the leaf alone, neither dates nor names.
    if (!is_trust_anchor_usage(record)) return data_matches(record, chain.certificates.front());
    // RFC 7671 section 5.2: the anchor is in the served chain; dates, signatures and name are checked.
    return chain.links && chain.names_host &&
           std::any_of(chain.certificates.begin(), chain.certificates.end(),
                       [&](const CertificateFacts& certificate) { return data_matches(record, certificate); });
}

} // namespace

bool matches(const dns::TlsaSet& records, const Chain& chain) {
    if (chain.certificates.empty()) return records.empty();
    // RFC 7671 section 8: for each combination of parameters at least one record has to match.
    const auto& all = records.records();
    return std::all_of(all.begin(), all.end(), [&](const dns::TlsaRecord& record) {
        return std::any_of(all.begin(), all.end(), [&](const dns::TlsaRecord& other) {
            return other.usage == record.usage && other.selector == record.selector && other.matching_type == record.matching_type && record_matches(other, chain);
        });
    });
}

dns::TlsaSet binding_more_than_key(const dns::TlsaSet& records) {
    std::vector<dns::TlsaRecord> binding;
    for (const dns::TlsaRecord& record : records.records())
        if (is_trust_anchor_usage(record) || record.selector != 1) binding.push_back(record);
    return dns::TlsaSet(std::move(binding));
}

} // namespace mxseal::rotation::tlsa
