// Follows an RRset from the servers of its own zone to where its aliases end: a mail domain may hand its policy's record over to a
// provider by a CNAME (RFC 8461 section 8.2, C-38), and then the servers of two zones have a say.
#pragma once

#include "agent/observe/policy_observer.hpp"
#include "agent/observe/rrset_questions.hpp"

#include <string>
#include <vector>

namespace mxseal::agent {

struct Walked {
    std::vector<rotation::mta_sts::RrsetAnswer> answers;
    std::vector<std::string> following; // addresses, none of `answers`, that show the alias
    std::vector<dns::Name> names; // the owner, then what it is an alias of, and so on
    dns::Name zone;               // where the last one stands
};

class AliasWalk {
public:
    // `access`: the zone whose extra servers are known.
    AliasWalk(RrsetQuestions& questions, const std::optional<ZoneAccess>& access, dns::Type type) : questions_(questions), access_(access), type_(type) {}

    // `said`: what the servers of `zone` say at `owner`. `protocol` for a loop or too many steps; else as RrsetQuestions. Blocks.
    Result<Walked> from(const dns::Name& owner, const dns::Name& zone, std::vector<RrsetSaid> said);

private:
    Result<std::vector<RrsetSaid>> step(const dns::Name& target, Walked& walked);

    RrsetQuestions& questions_;
    const std::optional<ZoneAccess>& access_;
    const dns::Type type_;
};

// "_mta-sts.a.example is an alias of b.example, and that of c.example"
std::string chain_text(const std::vector<dns::Name>& names);

} // namespace mxseal::agent
