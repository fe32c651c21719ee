// One question round over all authoritative servers of a zone.
#pragma once

#include "agent/observe/bounded_parallel.hpp"
#include "agent/observe/name_servers.hpp"

#include <algorithm>
#include <functional>
#include <iterator>
#include <set>
#include <vector>

namespace mxseal::agent {

// Calls `ask` for each of `known` and then for each server that the zone itself names beyond them (B-09), some at the same time.
// `Report` has a set `ns_names`: what that server says of the zone's NS RRset. `transient` when there are too many servers.
template <class Report>
Result<std::vector<Report>> ask_every_server(NameServerFinder& finder, const dns::Name& zone, const NameServers& known, const ObserverOptions& options,
                                             const std::function<Report(const NameServer&)>& ask) {
    const auto ask_all = [&](const std::vector<NameServer>& servers) {
        std::vector<Report> reports(servers.size());
        for_each_bounded(servers.size(), options.threads, [&](std::size_t i) { reports[i] = ask(servers[i]); });
        return reports;
    };
    std::vector<Report> reports = ask_all(known.servers);
    std::set<dns::Name> named_by_zone;
    for (const Report& report : reports) named_by_zone.insert(report.ns_names.begin(), report.ns_names.end());
    const NameServers more = finder.more(zone, known, named_by_zone);
    if (!more.error.empty()) return Error(ErrorCode::transient, more.error, Retry::transient());
    std::vector<Report> others = ask_all(more.servers);
    std::move(others.begin(), others.end(), std::back_inserter(reports));
    return reports;
}

} // namespace mxseal::agent
