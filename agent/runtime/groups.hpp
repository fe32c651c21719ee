// Groups: which hosts share the mail of some domain (P3, INV-4): joined by any known MX RRset; hosts in none, by their zone.
#pragma once

#include "agent/observe/observer.hpp"

#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace mxseal::agent {

class Groups {
public:
    void set_hosts(const std::vector<std::pair<std::string, std::string>>& host_and_zone);
    // A newly seen MX RRset; hosts that stood in an earlier one of the domain stay joined ("any known").
    void add_mx(const std::string& domain, const std::vector<MxHost>& hosts);

    const std::vector<std::string>& members_of(const std::string& host) const; // with the host itself
    // The host is the only one of best preference in some domain's MX RRset (A-36: it is switched last).
    bool is_sole_best(const std::string& host) const;

private:
    void rebuild() const; // at the first question after a change: thousands of domains are read at a start
    std::vector<std::pair<std::string, std::string>> hosts_;
    std::map<std::string, std::vector<MxHost>> live_;        // by domain, the newest
    std::map<std::string, std::set<std::string>> known_;     // by domain, every host ever
    mutable bool stale_ = false;
    mutable std::vector<std::vector<std::string>> groups_;
    mutable std::map<std::string, std::size_t> group_of_;
    mutable std::set<std::string> sole_best_;
};

} // namespace mxseal::agent
