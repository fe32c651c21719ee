#include "agent/runtime/groups.hpp"

#include <algorithm>
#include <functional>
#include <numeric>

namespace mxseal::agent {

void Groups::set_hosts(const std::vector<std::pair<std::string, std::string>>& host_and_zone) {
    hosts_ = host_and_zone;
    stale_ = true;
}

void Groups::add_mx(const std::string& domain, const std::vector<MxHost>& hosts) {
    if (live_[domain] == hosts) return;
    live_[domain] = hosts;
    for (const MxHost& host : hosts) known_[domain].insert(host.host.text());
    stale_ = true;
}

void Groups::rebuild() const {
    if (!stale_) return;
    stale_ = false;
    std::map<std::string, std::size_t> index;
    for (std::size_t i = 0; i < hosts_.size(); ++i) index[hosts_[i].first] = i;
    std::vector<std::size_t> parent(hosts_.size());
    std::iota(parent.begin(), parent.end(), std::size_t{0});
    auto root = [&](std::size_t i) {
        while (parent[i] != i) i = parent[i] = parent[parent[i]];
        return i;
    };
    std::set<std::size_t> in_mx;
    for (const auto& [domain, members] : known_) {
        std::vector<std::size_t> ours;
        for (const std::string& member : members)
            if (auto found = index.find(member); found != index.end()) ours.push_back(found->second);
        for (std::size_t each : ours) {
            parent[root(each)] = root(ours.front());
            in_mx.insert(each);
        }
    }
    std::map<std::string, std::size_t> by_zone;
    for (std::size_t i = 0; i < hosts_.size(); ++i) {
        if (in_mx.contains(i)) continue;
        auto [first, fresh] = by_zone.try_emplace(hosts_[i].second, i);
        if (!fresh) parent[root(i)] = root(first->second);
    }
    groups_.clear();
    group_of_.clear();
    std::map<std::size_t, std::size_t> number;
    for (std::size_t i = 0; i < hosts_.size(); ++i) {
        auto [at, fresh] = number.try_emplace(root(i), groups_.size());
        if (fresh) groups_.emplace_back();
        groups_[at->second].push_back(hosts_[i].first);
        group_of_[hosts_[i].first] = at->second;
    }
    sole_best_.clear();
    for (const auto& [domain, hosts] : live_) {
        if (hosts.size() < 2) continue;
        const auto best = std::min_element(hosts.begin(), hosts.end(), [](const MxHost& a, const MxHost& b) { return a.preference < b.preference; });
        const auto count = std::count_if(hosts.begin(), hosts.end(), [&](const MxHost& host) { return host.preference == best->preference; });
        if (count == 1) sole_best_.insert(best->host.text());
    }
}

const std::vector<std::string>& Groups::members_of(const std::string& host) const {
    static const std::vector<std::string> kNone;
    rebuild();
    auto found = group_of_.find(host);
    return found == group_of_.end() ? kNone : groups_[found->second];
}

bool Groups::is_sole_best(const std::string& host) const {
    rebuild();
    return sole_best_.contains(host);
}

} // namespace mxseal::agent
