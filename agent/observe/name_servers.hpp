// The authoritative servers of a zone: those that the parent hands out, those that the zone itself names, and the extras of the
// configuration (requirements A.4, "unreachable server rule"). Read anew for each observation, so that no change hides.
#pragma once

#include "agent/observe/observer.hpp"
#include "agent/observe/observer_options.hpp"
#include "agent/observe/validating_resolver.hpp"

#include <map>
#include <set>
#include <string>
#include <vector>

namespace mxseal::agent {

struct NameServer {
    std::string name;                        // from an NS record or the configuration; an address where there is only that
    std::optional<dns::Endpoint> address;    // absent: none could be found
    std::string problem;                     // then: why
    auto operator<=>(const NameServer&) const = default;
};

struct NameServers {
    std::vector<NameServer> servers; // sorted by name and address, one entry an address
    std::set<dns::Name> ns_names;    // of the NS set that they come from
    std::string error;               // no server known at all
};

class NameServerFinder {
public:
    NameServerFinder(ValidatingResolver& resolver, const ObserverOptions& options) : resolver_(resolver), options_(options) {}
    // The parent's servers for `zone`, and the extras.
    NameServers find(const dns::Name& zone, const std::vector<ExtraNameServer>& extras);
    // The servers that the zone itself names, as its servers answered, beyond `known` (B-09).
    NameServers more(const dns::Name& zone, const NameServers& known, const std::set<dns::Name>& named_by_zone);

private:
    using Glue = std::map<dns::Name, std::set<std::string>>;
    struct NsSet {
        std::set<dns::Name> names;
        Glue glue;
        std::string problem; // why it could not be read
    };

    NsSet known(const dns::Name& zone);
    NsSet delegation(const dns::Name& zone);
    std::optional<NsSet> parent_of(const dns::Name& zone, std::string& problem);
    NsSet ask_for_ns(const std::vector<NameServer>& servers, const dns::Name& zone) const;
    std::vector<NameServer> locate(const NsSet& set);
    std::vector<NameServer> locate_one(const dns::Name& name, const Glue& glue);
    std::vector<NameServer> extras(const std::vector<ExtraNameServer>& wanted);
    NameServers bounded(const dns::Name& zone, std::set<dns::Name> names, std::vector<NameServer> servers) const;

    ValidatingResolver& resolver_;
    const ObserverOptions& options_;
};

} // namespace mxseal::agent
