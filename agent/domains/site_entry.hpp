// Internal to SiteKeeper: what it keeps in memory of one domain and of one CA.
#pragma once

#include "agent/domains/site_keeper.hpp"

namespace mxseal::agent {

struct SiteKeeper::Entry {
    std::string name;
    std::unique_ptr<PolicySettings> own;     // of a domain of the file; null: its profile's in the store
    std::string profile;                     // of a domain of the store
    bool in_file = false, in_store = false;
    const PolicySettings* settings = nullptr; // null: no policy is wanted

    rotation::mta_sts::SiteState site;
    float spread = 0;
    std::string certificate;                 // who gave it; empty: none is there
    std::optional<std::string> seen_mx() const { return mx ? std::optional(*mx) : std::nullopt; }
    Text mx;                                 // null: never seen
    Text body;                               // null: none. The seam: whoever decides what a domain serves sets this.
    std::string why_no_body, mx_trouble;
    std::optional<Instant> mx_due, site_wake, due;
    bool mx_under_way = false;

    bool is_served() const { return body && !certificate.empty(); }
};

struct SiteKeeper::Queue {
    explicit Queue(rotation::mta_sts::SiteRate::Limits limits) : rate(limits) {}
    rotation::mta_sts::SiteRate rate;
    std::deque<std::string> waiting;
};

} // namespace mxseal::agent
