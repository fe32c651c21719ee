#include "agent/domains/roster.hpp"

#include "agent/store/sqlite_store.hpp"

#include <set>

#include <fmt/format.h>

namespace mxseal::agent {

namespace {

std::string known_profiles(const Config& config) {
    std::string out;
    for (const auto& [name, profile] : config.profiles) out += (out.empty() ? "" : ", ") + name;
    return out.empty() ? "none is configured" : out;
}

std::string profile_of(const DomainOrder& order, const std::map<std::string, DomainRow>& rows) {
    if (order.profile) return *order.profile;
    auto row = rows.find(order.name.text());
    return row == rows.end() || row->second.removed ? std::string(kDefaultProfile) : row->second.profile;
}

Error unknown_profile(const Config& config, const std::string& domain, const std::string& profile) {
    return Error(ErrorCode::invalid, fmt::format("{}: '{}' is not a name in `profiles` of {}; known: {}; nothing was changed", domain, escape_untrusted(profile, 60), config.file.string(), known_profiles(config)));
}

} // namespace

Result<std::map<std::string, DomainRow>> DomainRoster::stored() {
    auto changes = store_->domains_since(0);
    if (!changes.ok()) return std::move(changes).error();
    std::map<std::string, DomainRow> rows;
    for (DomainRow& row : changes->rows) {
        std::string name = row.name;
        rows.emplace(std::move(name), std::move(row));
    }
    return rows;
}

std::vector<std::string> DomainRoster::notes_on(const std::vector<DomainOrder>& orders) const {
    std::vector<std::string> notes;
    if (!config_.endpoint) notes.push_back(fmt::format("{} has no `endpoint`, so no policy is served yet", config_.file.string()));
    std::size_t both = 0;
    for (const DomainOrder& order : orders) {
        auto in_file = config_.domains.find(order.name);
        if (in_file != config_.domains.end() && ++both <= 10)
            notes.push_back(fmt::format("{} stands in {}:{} too, and the file wins", order.name.text(), config_.file.string(), in_file->second.line));
    }
    if (both > 10) notes.push_back(fmt::format("{} more stand in the file too, and the file wins", both - 10));
    return notes;
}

Result<RosterChange> DomainRoster::add(const std::vector<DomainOrder>& orders, const std::string& who) {
    auto rows = stored();
    if (!rows.ok()) return std::move(rows).error();
    RosterChange change;
    std::vector<DomainRow> written;
    std::set<std::string> seen;
    for (const DomainOrder& order : orders) {
        std::string profile = profile_of(order, *rows);
        if (!config_.profiles.contains(profile)) return unknown_profile(config_, order.name.text(), profile);
        if (!seen.insert(order.name.text()).second) continue;
        auto row = rows->find(order.name.text());
        const bool is_new = row == rows->end() || row->second.removed;
        if (!is_new && row->second.profile == profile) {
            ++change.unchanged;
            continue;
        }
        ++(is_new ? change.added : change.changed);
        written.push_back({order.name.text(), std::move(profile), clock_.wall(), who, false});
    }
    if (!written.empty())
        if (auto put = store_->put_domains(written); !put.ok()) return std::move(put).error();
    change.notes = notes_on(orders);
    return change;
}

Result<RosterChange> DomainRoster::remove(const std::vector<dns::Name>& names, const std::string& who) {
    auto rows = stored();
    if (!rows.ok()) return std::move(rows).error();
    RosterChange change;
    std::vector<DomainRow> written;
    std::set<std::string> seen;
    for (const dns::Name& name : names) {
        if (!seen.insert(name.text()).second) continue;
        if (auto in_file = config_.domains.find(name); in_file != config_.domains.end())
            return Error(ErrorCode::refused, fmt::format("{} stands in the configuration; delete {}:{} and reload the agent (SIGHUP); nothing was changed", name.text(), config_.file.string(), in_file->second.line));
        auto row = rows->find(name.text());
        if (row == rows->end() || row->second.removed)
            return Error(ErrorCode::not_found, fmt::format("{} was never added, or is removed already; `mxseal domain list` shows what is there; nothing was changed", name.text()));
        written.push_back({name.text(), row->second.profile, clock_.wall(), who, true});
        ++change.removed;
    }
    if (!written.empty())
        if (auto put = store_->put_domains(written); !put.ok()) return std::move(put).error();
    return change;
}

Result<std::vector<ListedDomain>> DomainRoster::list(const std::string& profile) {
    auto rows = stored();
    if (!rows.ok()) return std::move(rows).error();
    std::map<std::string, ListedDomain> listed;
    for (auto& [name, row] : *rows)
        if (!row.removed) listed[name] = {name, row.profile, false, true, true, row.changed_at, row.who};
    for (const auto& [name, domain] : config_.domains) {
        ListedDomain& entry = listed[name.text()];
        entry.name = name.text();
        entry.profile = domain.profile.value_or(std::string(kDefaultProfile));
        entry.in_file = true;
    }
    std::vector<ListedDomain> out;
    for (auto& [name, entry] : listed) {
        if (!profile.empty() && entry.profile != profile) continue;
        entry.profile_is_known = config_.profiles.contains(entry.profile);
        out.push_back(std::move(entry));
    }
    return out;
}

Result<std::unique_ptr<DomainRoster>> open_roster(const Config& config, const Clock& clock) {
    auto store = make_sqlite_store(config.state);
    if (!store.ok()) return std::move(store).error();
    return std::make_unique<DomainRoster>(config, std::move(*store), clock);
}

} // namespace mxseal::agent
