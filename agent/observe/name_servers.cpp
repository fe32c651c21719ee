#include "agent/observe/name_servers.hpp"

#include "agent/observe/bounded_parallel.hpp"
#include "base/dns/rdata.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <mutex>

namespace mxseal::agent {
namespace {

std::set<dns::Name> targets_in(const std::vector<dns::Record>& records, const dns::Name& owner) {
    std::set<dns::Name> names;
    for (const dns::Record& record : records)
        if (record.type == dns::Type::ns && record.owner == owner)
            if (auto name = dns::target_of(record)) names.insert(*name);
    return names;
}

std::vector<NameServer> without_repetition(std::vector<NameServer> servers) {
    std::sort(servers.begin(), servers.end());
    // One entry an address: a server under two names is still one server.
    std::set<dns::Endpoint> seen;
    std::erase_if(servers, [&](const NameServer& server) { return server.address && !seen.insert(*server.address).second; });
    return servers;
}

} // namespace

std::vector<NameServer> NameServerFinder::locate_one(const dns::Name& name, const Glue& glue) {
    std::set<std::string> addresses;
    if (const auto found = glue.find(name); found != glue.end()) addresses = found->second;
    std::string problem;
    for (const dns::Type type : {dns::Type::a, dns::Type::aaaa}) {
        Result<ResolvedAnswer> answer = resolver_.resolve(name, type);
        if (!answer || !answer->usable()) problem = answer ? answer->detail : answer.error().to_string();
        if (!answer || !answer->usable()) continue;
        for (const dns::Record& record : answer->records)
            if (auto address = dns::address_of(record)) addresses.insert(*address);
    }
    std::vector<NameServer> servers;
    for (const std::string& address : addresses) servers.push_back({name.text(), dns::Endpoint{address, options_.dns_port}, ""});
    if (servers.empty()) servers.push_back({name.text(), std::nullopt, problem.empty() ? "the name has no address" : problem});
    return servers;
}

std::vector<NameServer> NameServerFinder::locate(const NsSet& set) {
    const std::vector<dns::Name> names(set.names.begin(), set.names.end());
    std::vector<std::vector<NameServer>> found(names.size());
    for_each_bounded(names.size(), options_.threads, [&](std::size_t i) { found[i] = locate_one(names[i], set.glue); });
    std::vector<NameServer> servers;
    for (auto& some : found) servers.insert(servers.end(), some.begin(), some.end());
    return without_repetition(std::move(servers));
}

// The NS records of `zone` that these servers hold, be it as answer or as referral.
NameServerFinder::NsSet NameServerFinder::ask_for_ns(const std::vector<NameServer>& servers, const dns::Name& zone) const {
    NsSet set;
    std::mutex mutex;
    for_each_bounded(servers.size(), options_.threads, [&](std::size_t i) {
        if (!servers[i].address) return;
        Result<dns::Message> answer = ask_server(*servers[i].address, {zone, dns::Type::ns}, options_);
        const std::lock_guard lock(mutex);
        if (!answer) {
            set.problem = answer.error().to_string();
            return;
        }
        // RFC 1034 section 4.3.2: a server that is above the cut hands the NS set out in the authority section.
        for (const auto* section : {&answer->answer, &answer->authority}) set.names.merge(targets_in(*section, zone));
        for (const dns::Record& record : answer->additional)
            if (auto address = dns::address_of(record)) set.glue[record.owner].insert(*address);
    });
    return set;
}

// The servers of the closest zone above `zone`.
std::optional<NameServerFinder::NsSet> NameServerFinder::parent_of(const dns::Name& zone, std::string& problem) {
    dns::Name candidate = zone;
    // At most one step a label.
    while (!candidate.is_root()) {
        candidate = candidate.parent();
        Result<ResolvedAnswer> answer = resolver_.resolve(candidate, dns::Type::ns);
        if (!answer || !answer->usable()) {
            problem = answer ? answer->detail : answer.error().to_string();
            return std::nullopt;
        }
        NsSet set{targets_in(answer->records, candidate), {}, {}};
        if (!set.names.empty()) return set;
    }
    problem = "no zone above " + zone.text() + " has name servers";
    return std::nullopt;
}

NameServerFinder::NsSet NameServerFinder::delegation(const dns::Name& zone) {
    NsSet set;
    const std::optional<NsSet> parent = parent_of(zone, set.problem);
    if (!parent) return set;
    std::vector<NameServer> servers = locate(*parent);
    std::erase_if(servers, [](const NameServer& server) { return !server.address; });
    if (servers.size() > options_.parent_servers_max) servers.resize(options_.parent_servers_max);
    set = ask_for_ns(servers, zone);
    if (set.names.empty() && set.problem.empty()) set.problem = "the servers of the parent zone hand out no NS record";
    return set;
}

std::vector<NameServer> NameServerFinder::extras(const std::vector<ExtraNameServer>& wanted) {
    std::vector<NameServer> servers;
    for (const ExtraNameServer& extra : wanted) {
        if (extra.address) servers.push_back({extra.address->to_string(), extra.address, ""});
        if (!extra.name) continue;
        for (NameServer& server : locate_one(*extra.name, {})) servers.push_back(std::move(server));
    }
    return servers;
}

// RFC 1034 section 4.2.2: who the zone's servers are is what its parent hands out. A trust anchor at the zone itself makes it an
// island, whose parent need not exist or know of it: then the zone speaks for itself.
NameServerFinder::NsSet NameServerFinder::known(const dns::Name& zone) {
    if (!resolver_.anchors(zone)) return delegation(zone);
    NsSet set;
    Result<ResolvedAnswer> own = resolver_.resolve(zone, dns::Type::ns);
    if (own && own->usable()) set.names = targets_in(own->records, zone);
    if (set.names.empty()) set.problem = own ? own->detail : own.error().to_string();
    return set;
}

NameServers NameServerFinder::find(const dns::Name& zone, const std::vector<ExtraNameServer>& wanted) {
    const NsSet set = known(zone);
    if (set.names.empty())
        return {{}, {}, fmt::format("the name servers of {} are not known: {}", zone.text(), set.problem)};
    std::vector<NameServer> servers = extras(wanted);
    for (NameServer& server : locate(set)) servers.push_back(std::move(server));
    return bounded(zone, set.names, std::move(servers));
}

NameServers NameServerFinder::more(const dns::Name& zone, const NameServers& known, const std::set<dns::Name>& named_by_zone) {
    NsSet set;
    std::set_difference(named_by_zone.begin(), named_by_zone.end(), known.ns_names.begin(), known.ns_names.end(), std::inserter(set.names, set.names.end()));
    NameServers found = bounded(zone, set.names, locate(set));
    std::erase_if(found.servers, [&](const NameServer& server) {
        return std::any_of(known.servers.begin(), known.servers.end(), [&](const NameServer& other) { return server.address && server.address == other.address; });
    });
    return found;
}

NameServers NameServerFinder::bounded(const dns::Name& zone, std::set<dns::Name> names, std::vector<NameServer> servers) const {
    servers = without_repetition(std::move(servers));
    if (servers.size() <= options_.servers_max) return {std::move(servers), std::move(names), {}};
    return {{}, {}, fmt::format("{} has {} name server addresses, more than the {} that are asked", zone.text(), servers.size(), options_.servers_max)};
}

} // namespace mxseal::agent
