// FormerDomains: domains whose policy has ended here while their names may still lead to this endpoint. Whoever can get such a name served
// somewhere publishes a policy for the domain (RFC 8461 section 10.3; requirement C-38), so their owners have to hear of it.
//
// Only remembers and judges: no clock, store or socket. The thread of PolicyKeeper.
#pragma once

#include "agent/domains/policy_outside.hpp"
#include "base/json.hpp"
#include "base/time.hpp"

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace mxseal::agent {

class FormerDomains {
public:
    struct News {
        std::string event, sentence;   // "domain.dangling", "domain.names_gone"; empty: nothing new
    };

    // `every`: how far two looks at a name are apart.
    explicit FormerDomains(Duration every) : every_(every) {}

    // As the store has them; looked at one after the other within `every`.
    void restore(const Json& document, Instant now);
    Json document() const;

    // `addresses`: of mta-sts.<domain> while it was served; `shared`: the record it was announced by with others, empty: its own. One that led nowhere is not kept.
    // Of more than 10,000 the oldest is let go.
    void add(const std::string& domain, std::vector<std::string> addresses, std::string shared, Instant now);
    void forget(const std::string& domain); // it is wanted again
    std::vector<std::string> take_due(Instant now);
    std::optional<Instant> next_due() const { return next_; }
    News heard(const FormerLook& look);
    // [{"domain", "reason"}] of those that still lead here.
    Json report() const;
    // Changed since the store took document().
    bool is_dirty() const { return dirty_; }
    void stored() { dirty_ = false; }

private:
    struct Former {
        std::vector<std::string> addresses;
        std::string shared;
        Instant ended, due;
        std::string told;              // what still leads here, as it was told; empty: nothing, or nobody knows yet
    };

    void settle_next();

    Duration every_;
    std::map<std::string, Former> all_;
    std::optional<Instant> next_;      // the earliest `due`, or one that is earlier
    bool dirty_ = false;
};

} // namespace mxseal::agent
