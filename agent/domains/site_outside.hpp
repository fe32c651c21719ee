// SiteOutside: the port through which the keeper of the endpoint's names acts on the world. The real one (site_workers.hpp) hands each act
// to a bounded pool; tests answer by hand. Every act ends in exactly one arrival, unless the process dies first.
#pragma once

#include "agent/store/domain_rows.hpp"
#include "base/result.hpp"

#include <variant>

namespace mxseal::agent {

// What came of one order.
struct IssuedSite {
    SitePair pair;
    Instant not_before{}, not_after{};
};
struct OrderArrival {
    std::string domain;
    std::string authority;            // a name in `acme`, or "self-signed"
    Result<IssuedSite> issued;
    bool was_asked = true;            // the CA; false: mta-sts.<domain> leads nowhere, so no order was made (E-24)
};
// A site whose stored key could not be opened: its sealing key is lost, or its row is damaged.
struct UnopenedSite {
    std::string domain, why;
    bool carried_over = false;        // with certificate and key of the file that was there; false: it is not in the snapshot
};
struct SnapshotArrival {
    std::uint64_t generation = 0;
    Result<std::size_t> sites;        // how many are in it; in place, and served where the endpoint is embedded
    std::vector<UnopenedSite> unopened;
    Duration taken_within{0};         // so long those who serve from the file may still answer from the one before
};
using SiteArrival = std::variant<OrderArrival, SnapshotArrival>;

class SiteOutside {
public:
    virtual ~SiteOutside() = default;
    // None of these blocks.
    virtual void order(const std::string& domain, const std::string& authority) = 0;
    virtual void write_snapshot(std::uint64_t generation) = 0;
};

} // namespace mxseal::agent
