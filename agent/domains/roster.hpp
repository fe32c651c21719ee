// DomainRoster: the mail domains that operators added, thousands of them, beside those of the configuration file.
//
// Each change is one transaction of the store, with or without a running agent, which looks every few seconds for what is new.
#pragma once

#include "agent/config/config.hpp"
#include "agent/store/store.hpp"

#include <memory>
#include <string>
#include <variant>
#include <vector>

namespace mxseal::agent {

struct DomainOrder {
    dns::Name name;
    std::optional<std::string> profile;     // absent: as it is, for a new one `default`
};

// One domain a line, then its profile if it is not to be `default`; `#` begins a comment. All mistakes, one a line: "FILE:LINE: ...".
struct ImportMistakes {
    std::vector<std::string> lines;
};
std::variant<std::vector<DomainOrder>, ImportMistakes> parse_import(const Config& config, std::string_view text, const std::string& file);

struct RosterChange {
    std::size_t added = 0, changed = 0, unchanged = 0, removed = 0;
    std::vector<std::string> notes;         // what the operator should know; a few lines
};

struct ListedDomain {
    std::string name, profile;
    bool in_file = false, in_store = false; // both: the file wins
    bool profile_is_known = true;
    std::optional<Instant> changed_at;      // in the store
    std::string who;
};

class DomainRoster {
public:
    DomainRoster(const Config& config, std::unique_ptr<Store> store, const Clock& clock) : config_(config), store_(std::move(store)), clock_(clock) {}

    // All or none. `invalid`: a profile is unknown.
    Result<RosterChange> add(const std::vector<DomainOrder>& orders, const std::string& who);
    // All or none. `refused`: a domain stands in the file, the words name its line; `not_found`: it stands nowhere.
    Result<RosterChange> remove(const std::vector<dns::Name>& names, const std::string& who);
    // By name; an empty `profile`: all.
    Result<std::vector<ListedDomain>> list(const std::string& profile);

private:
    Result<std::map<std::string, DomainRow>> stored();
    std::vector<std::string> notes_on(const std::vector<DomainOrder>& orders) const;

    const Config& config_;
    std::unique_ptr<Store> store_;
    const Clock& clock_;
};

// The roster in the state folder of `config`.
Result<std::unique_ptr<DomainRoster>> open_roster(const Config& config, const Clock& clock);

} // namespace mxseal::agent
