// What the store keeps of mail domains and of the names under which their policies are served.
#pragma once

#include "base/bytes.hpp"
#include "base/time.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace mxseal::agent {

// A domain as an operator added it. Removed ones stay as such, so that an agent that was away hears of it.
struct DomainRow {
    std::string name;                       // as dns::Name writes it: "example.org"
    std::string profile;
    Instant changed_at{};
    std::string who;                        // G-11: added or removed it last
    bool removed = false;
    bool operator==(const DomainRow&) const = default;
};

// The store's domains as of a version, which rises with every change.
struct DomainChanges {
    std::int64_t version = 0;
    std::vector<DomainRow> rows;            // by name
};

// The endpoint name of one domain, without its key and certificate: small, so that a hundred thousand load at once.
struct SiteRow {
    std::string domain;
    std::string certificate;                // who gave it: a name in `acme`, or "self-signed"; empty: none yet
    std::optional<Instant> not_before, not_after;
    unsigned failures = 0;                  // orders that failed since the last one that did not
    std::optional<Instant> again;           // no order before this
    std::string trouble;                    // why the last one failed
    std::string body;                       // the policy that is served; empty: none
    bool operator==(const SiteRow&) const = default;
};

// The policy of one domain: small, so that a hundred thousand load at once; the document is read when the domain is looked at.
struct PolicyRow {
    std::string domain;
    bool at_rest = false;                   // no change is under way and nothing is waited for
    std::vector<std::string> mx_goal;       // as `mxseal mx` was told; empty: nobody told
    std::string wanted;                     // digest of what the configuration wanted when the state was stored
};

// Key and certificate of a site. Nobody pins them, so a renewal replaces both (MX keys are never replaced: Store::put_key).
struct SitePair {
    std::string domain;
    Bytes sealed;                           // the key, under the endpoint's sealing key (G-02)
    Bytes leaf;                             // DER
    std::vector<Bytes> issuers;             // DER, the leaf's issuer first
    bool operator==(const SitePair&) const = default;
};

// What a snapshot says of one domain.
struct ServedSite {
    std::string body;
    SitePair pair;
};

} // namespace mxseal::agent
