// Internal to SiteKeeper: what it keeps in memory of one domain and of one CA.
#pragma once

#include "agent/domains/site_keeper.hpp"

namespace mxseal::agent {

struct SiteKeeper::Entry {
    std::string name;
    std::unique_ptr<PolicySettings> own;     // of a domain of the file; null: its profile's in the store
    std::unique_ptr<PolicySettings> ending;  // while its policy ends: its certificate is renewed until then (C-36)
    std::string profile;                     // of a domain of the store
    bool in_file = false, in_store = false;
    const PolicySettings* settings = nullptr; // null: no policy is wanted

    rotation::mta_sts::SiteState site;
    float spread = 0;
    std::string certificate;                 // who gave it; empty: none is there
    Text body;                               // null: none. serve() sets it.
    std::string why_no_policy;
    std::uint64_t first_generation = 0;      // of the first snapshot that surely has what serve() gave last
    bool leaving = false;                    // nobody wants it any more; served until its policy has ended (C-36)
    std::optional<Instant> due;

    bool is_served() const { return body && !certificate.empty(); }
};

struct SiteKeeper::Queue {
    explicit Queue(rotation::mta_sts::SiteRate::Limits limits) : rate(limits) {}
    rotation::mta_sts::SiteRate rate;
    std::deque<std::string> waiting;
};

} // namespace mxseal::agent
